// Command readme does what a reader of README.md would do: it types every
// command that the page shows in a block, compares what is printed where the page
// shows that too, and runs the Go programs. Of commands within sentences it types
// short forms, and demands that a test runs what they run. Run it in the
// repository's folder.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

// Commands that are not just typed and awaited.
const (
	serveCommand = "make run"  // runs until it is interrupted
	testCommand  = "make test" // runs this program
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	passed, failed, err := run(ctx, "README.md")
	if err != nil {
		fmt.Fprintf(os.Stderr, "readme: %v\n", err)
		os.Exit(1)
	}
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	if failed > 0 {
		os.Exit(1)
	}
}

func run(ctx context.Context, page string) (passed, failed int, err error) {
	markdown, err := os.ReadFile(page)
	if err != nil {
		return 0, 0, err
	}
	all, err := blocks(string(markdown))
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w", page, err)
	}
	cache, model, err := npmModelOnly(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(cache)
	reader := reader{env: append(os.Environ(), "HAMSTER_CACHE="+cache, "HAMSTER_MODEL="+model)}

	count := func(line int, what string, err error) {
		if err != nil {
			failed++
			fmt.Printf("FAIL %s:%d: %s: %v\n", page, line, what, err)
			return
		}
		passed++
		fmt.Printf("ok   %s:%d: %s\n", page, line, what)
	}
	for _, b := range all {
		if b.language == "go" {
			count(b.line, "the Go program", reader.program(ctx, b.text))
			continue
		}
		typed, err := commands(b)
		if err != nil {
			return passed, failed, fmt.Errorf("%s: %w", page, err)
		}
		for _, c := range typed {
			switch c.text {
			case testCommand:
				// It is what runs this.
			case serveCommand:
				count(c.line, c.text, reader.serve(ctx, c.text))
			default:
				count(c.line, c.text, reader.typed(ctx, c))
			}
		}
	}
	for _, c := range inline(string(markdown)) {
		count(c.line, c.text, reader.inText(ctx, c.text))
	}
	if passed+failed == 0 {
		return 0, 0, fmt.Errorf("%s shows no command", page)
	}
	return passed, failed, nil
}

// npmModelOnly makes a cache that holds the npm package's model alone, which is
// the model that the page's answers come from; a reader's own cache may hold
// better ones.
func npmModelOnly(ctx context.Context) (cache, model string, err error) {
	printed, err := shell(ctx, os.Environ(), "go run ./tools/hamster model get --from npm")
	if err != nil {
		return "", "", err
	}
	model = lastLine(printed)
	beside, err := filepath.Glob(model + "*") // the model and its record
	if err != nil {
		return "", "", err
	}
	if len(beside) == 0 {
		return "", "", fmt.Errorf("model get printed %q, where no model is", model)
	}
	cache, err = os.MkdirTemp("", "hamster-readme-")
	if err != nil {
		return "", "", err
	}
	models := filepath.Join(cache, "models")
	err = os.Mkdir(models, 0o755)
	for _, name := range beside {
		err = errors.Join(err, os.Symlink(name, filepath.Join(models, filepath.Base(name))))
	}
	if err != nil {
		os.RemoveAll(cache)
		return "", "", err
	}
	return cache, model, nil
}

// How long the slowest command may take: a first build of everything.
const patience = 10 * time.Minute
