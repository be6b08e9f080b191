package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// browser is a headless Chromium, driven by tools/bench/driver.mjs.
type browser struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers chan answer
}

type answer struct {
	Result json.RawMessage `json:"result"`
	Error  string          `json:"error"`
}

// closeTime is how long the browser may take to end.
const closeTime = 10 * time.Second

// chromium is the browser to run: $HAMSTER_CHROMIUM, or the one on PATH.
func chromium() (string, error) {
	name := os.Getenv("HAMSTER_CHROMIUM")
	if name == "" {
		name = "chromium"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("find a browser (HAMSTER_CHROMIUM may name one): %w", err)
	}
	return path, nil
}

// launch starts a browser for the page at url. It ends with ctx.
func launch(ctx context.Context, root, url string, stderr io.Writer) (*browser, error) {
	path, err := chromium()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "node", filepath.Join(root, "tools", "bench", "driver.mjs"), path, url)
	cmd.Stderr = stderr
	// Ended politely, the driver takes its browser along.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = closeTime
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the browser: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the browser: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the browser: %w", err)
	}
	b := &browser{cmd: cmd, in: in, answers: make(chan answer)}
	go b.read(ctx, out)
	return b, nil
}

func (b *browser) read(ctx context.Context, out io.Reader) {
	defer close(b.answers)
	for lines := json.NewDecoder(bufio.NewReader(out)); ; {
		var a answer
		if err := lines.Decode(&a); err != nil {
			return
		}
		select {
		case b.answers <- a:
		case <-ctx.Done():
			return
		}
	}
}

// call calls a function of the bench's page, or of its driver, and reads what it
// returns into result; nil takes no notice of it.
func (b *browser) call(ctx context.Context, name string, argument, result any) error {
	line, err := json.Marshal(map[string]any{"call": name, "argument": argument})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if _, err := b.in.Write(append(line, '\n')); err != nil {
		return errors.Join(ctx.Err(), fmt.Errorf("%s: the browser's driver has ended: %w", name, err))
	}
	select {
	case a, ok := <-b.answers:
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case !ok:
			return fmt.Errorf("%s: the browser's driver has ended", name)
		case a.Error != "":
			return errors.New(a.Error)
		}
		if result == nil {
			return nil
		}
		if err := json.Unmarshal(a.Result, result); err != nil {
			return fmt.Errorf("%s: answer of the page: %w", name, err)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *browser) close() error {
	b.in.Close()
	for range b.answers { // nobody asked: the driver closes its end now
	}
	return b.cmd.Wait()
}
