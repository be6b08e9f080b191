package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// wranglerScript is Cloudflare's own tool, installed with the packages that the
// tests use.
const wranglerScript = "tools/npm/node_modules/wrangler/wrangler-dist/cli.js"

// wrangler is one run of it, in the folder of a build.
func (b *built) wrangler(ctx context.Context, args ...string) (*exec.Cmd, error) {
	script, err := filepath.Abs(filepath.FromSlash(wranglerScript))
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(script); err != nil {
		return nil, fmt.Errorf("wrangler is not installed: run tools/setup.sh test (%w)", err)
	}
	command := exec.CommandContext(ctx, "node", append([]string{"--no-warnings", script}, args...)...)
	command.Dir = b.dir
	command.Env = append(os.Environ(),
		"WRANGLER_SEND_METRICS=false",
		"WRANGLER_HIDE_BANNER=true",
		"CLOUDFLARE_CF_FETCH_ENABLED=false", // where visitors come from does not matter here
		"WRANGLER_LOG_PATH="+filepath.Join(b.absolute(), "logs"),
		"WRANGLER_REGISTRY_PATH="+filepath.Join(b.absolute(), "registry"),
		"NO_COLOR=1",
	)
	// It starts processes of its own, which must end with it.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGTERM) }
	command.WaitDelay = 10 * time.Second
	return command, nil
}

func (b *built) absolute() string {
	dir, err := filepath.Abs(b.dir)
	if err != nil {
		return b.dir
	}
	return dir
}

// upload puts the objects into the bucket, on this machine or at Cloudflare.
func (b *built) upload(ctx context.Context, where []string, objects []object) error {
	list, err := json.Marshal(objects)
	if err != nil {
		return fmt.Errorf("write the list of objects: %w", err)
	}
	name := filepath.Join(b.absolute(), "objects.json")
	if err := os.WriteFile(name, list, 0o644); err != nil {
		return fmt.Errorf("write the list of objects: %w", err)
	}
	command, err := b.wrangler(ctx, slices.Concat([]string{"r2", "bulk", "put", b.bucket, "--filename", name, "--force"}, where)...)
	if err != nil {
		return err
	}
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("upload %d objects: %w\n%s", len(objects), err, bytes.TrimSpace(output))
	}
	return nil
}

// seed fills the bucket on this machine with what it lacks. An object never
// changes under its key.
func (b *built) seed(ctx context.Context) error {
	mark := filepath.Join(b.absolute(), stateFolder, "seeded.json")
	var there []string
	if text, err := os.ReadFile(mark); err == nil {
		_ = json.Unmarshal(text, &there) // an unreadable list is an empty one
	}
	var lacking []object
	for _, o := range b.objects {
		if !slices.Contains(there, o.Key) {
			lacking = append(lacking, o)
			there = append(there, o.Key)
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	if err := b.upload(ctx, b.local(), lacking); err != nil {
		return err
	}
	text, err := json.Marshal(there)
	if err == nil {
		err = os.WriteFile(mark, text, 0o644)
	}
	if err != nil {
		return fmt.Errorf("note what the bucket holds: %w", err)
	}
	return nil
}

func (b *built) local() []string {
	return []string{"--local", "--persist-to", filepath.Join(b.absolute(), stateFolder)}
}

// runtime is a worker that runs on this machine.
type runtime struct {
	url     string
	process *exec.Cmd
	ended   chan error // gets one error, or nil
	output  *tail
}

var readyLine = regexp.MustCompile(`Ready on (http://\S+)`)

// start runs the worker in Cloudflare's runtime and waits until it answers.
func (b *built) start(ctx context.Context, host, port string) (*runtime, error) {
	command, err := b.wrangler(ctx, slices.Concat([]string{
		"dev", "--config", configFile, "--ip", host, "--port", port, "--inspector-port", "0", "--show-interactive-dev-session=false",
	}, b.local())...)
	if err != nil {
		return nil, err
	}
	command.Env = append(command.Env, "CI=1")
	read, write := io.Pipe()
	r := &runtime{process: command, ended: make(chan error, 1), output: &tail{}}
	command.Stdout = io.MultiWriter(r.output, write)
	command.Stderr = r.output
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start wrangler: %w", err)
	}
	ready := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(read)
		for lines.Scan() {
			if match := readyLine.FindStringSubmatch(lines.Text()); match != nil {
				ready <- match[1]
				break
			}
		}
		_, _ = io.Copy(io.Discard, read)
	}()
	go func() {
		r.ended <- command.Wait()
		write.Close()
	}()
	select {
	case r.url = <-ready:
		return r, nil
	case err := <-r.ended:
		return nil, fmt.Errorf("wrangler dev ended: %w\n%s", errors.Join(err, ctx.Err()), r.output)
	}
}

func (b *built) seedAndStart(ctx context.Context, host, port string) (*runtime, error) {
	if err := b.seed(ctx); err != nil {
		return nil, err
	}
	return b.start(ctx, host, port)
}

// stop ends the runtime and all that it started.
func (r *runtime) stop() {
	_ = syscall.Kill(-r.process.Process.Pid, syscall.SIGTERM)
	select {
	case <-r.ended:
	case <-time.After(10 * time.Second):
	}
	_ = syscall.Kill(-r.process.Process.Pid, syscall.SIGKILL) // whoever is left
}

// tail keeps the last of what a program says.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailSize = 8 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if len(t.text) > 2*tailSize {
		t.text = slices.Clone(t.text[len(t.text)-tailSize:])
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.text))
}
