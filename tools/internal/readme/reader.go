package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// reader types commands in the environment env.
type reader struct{ env []string }

// typed runs a command; where the page shows its output, that must be it.
func (r reader) typed(ctx context.Context, c command) error {
	printed, err := shell(ctx, r.env, c.text)
	if err != nil {
		return err
	}
	if c.isOutput && !matches(printed, c.output) {
		return fmt.Errorf("it prints\n%s", printed)
	}
	return nil
}

// matches compares output line by line. A line "…" of the page stands for any
// lines, and "…" inside a line for anything.
func matches(printed, shown string) bool {
	pattern := "^"
	for line := range strings.Lines(shown) {
		switch line = strings.TrimRight(line, " \n"); line {
		case "…":
			pattern += `(?:[^\n]*\n)*`
		default:
			pattern += strings.ReplaceAll(regexp.QuoteMeta(line), "…", `[^\n]*`) + ` *\n`
		}
	}
	return regexp.MustCompile(pattern + "$").MatchString(printed)
}

// shell runs a command and returns what it prints on its standard output. An
// error tells what it said besides.
func shell(ctx context.Context, env []string, text string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	run := exec.CommandContext(ctx, "sh", "-e", "-c", text)
	run.Env = env
	var printed, said bytes.Buffer
	run.Stdout, run.Stderr = &printed, &said
	if err := run.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s%s", text, err, printed.Bytes(), said.Bytes())
	}
	return printed.String(), nil
}

func lastLine(text string) string {
	text = strings.TrimRight(text, "\n")
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// program runs a Go program that takes a model and a photo. It lies inside the
// module, for its imports.
func (r reader) program(ctx context.Context, source string) error {
	dir, err := os.MkdirTemp(filepath.Join("tools", "internal", "readme"), "_program")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "main.go")
	if err := os.WriteFile(name, []byte(source), 0o644); err != nil {
		return err
	}
	_, err = shell(ctx, r.env, "go run "+name+` "$HAMSTER_MODEL" testdata/photos/chelsea.png`)
	return err
}

// serve runs a command that serves the page, on an address of its own, waits
// for the page, and interrupts it.
func (r reader) serve(ctx context.Context, text string) error {
	address, err := freeAddress()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	server := exec.Command("sh", "-c", text)
	server.Env = append(r.env, "ADDR="+address)
	// An interrupt reaches a terminal's whole process group.
	server.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var said bytes.Buffer
	server.Stdout, server.Stderr = &said, &said
	if err := server.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		server.Wait() // make calls an interrupt an error
		close(ended)
	}()
	problem := awaitPage(ctx, "http://"+address+"/", ended)
	syscall.Kill(-server.Process.Pid, syscall.SIGINT)
	select {
	case <-ended:
	case <-time.After(15 * time.Second):
		syscall.Kill(-server.Process.Pid, syscall.SIGKILL)
		<-ended
		if problem == nil {
			problem = fmt.Errorf("it does not stop when interrupted")
		}
	}
	if problem != nil {
		return fmt.Errorf("%w\n%s", problem, said.Bytes())
	}
	return nil
}

// freeAddress is one on which nobody listened a moment ago.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// awaitPage waits for the page and the program that it loads.
func awaitPage(ctx context.Context, address string, ended <-chan struct{}) error {
	for {
		if page, err := get(ctx, address); err == nil {
			if !strings.Contains(page, "Hamster") {
				return fmt.Errorf("what it serves is not Hamster's page")
			}
			return nil
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ended:
			return fmt.Errorf("it ended before it served the page")
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", address, ctx.Err())
		}
	}
}

func get(ctx context.Context, address string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", address, response.Status)
	}
	text, err := io.ReadAll(response.Body)
	return string(text), err
}
