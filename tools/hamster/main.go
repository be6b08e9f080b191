// Command hamster recognises images, prepares the models for it and serves
// the page that does the same in a browser.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// grammar is the whole command line. A command is a struct with a Run method
// in a file of its own; adding one is adding one line here. Run methods may
// ask for a context.Context, which ends on SIGINT or SIGTERM, and for a
// *streams.
type grammar struct {
	Classify classifyCommand `cmd:"" help:"Say what pictures show."`
	Run      runCommand      `cmd:"" help:"Run a raw tensor through a model, to compare it with other runtimes."`
	Compile  compileCommand  `cmd:"" help:"Write a model as a WebAssembly module that runs without Go."`
	Model    modelCommands   `cmd:"" help:"Get, convert, inspect and pack models."`
	Serve    serveCommand    `cmd:"" help:"Serve the page that recognises images in a browser."`
	Site     siteCommand     `cmd:"" help:"Build the page into a folder that any web server can serve."`
	Package  packageCommand  `cmd:"" help:"Build the npm package into a folder."`
	Bench    benchCommands   `cmd:"" help:"Measure Hamster beside its peers in headless Chromium."`
}

type modelCommands struct {
	Get     modelGet     `cmd:"" help:"Get a trained InceptionV3 as ONNX, and print where it lies."`
	Convert modelConvert `cmd:"" help:"Convert a TensorFlow.js layers model or Keras .h5 weights to ONNX."`
	Inspect modelInspect `cmd:"" help:"Describe an ONNX model: shapes, operators, sizes, labels."`
	Pack    modelPack    `cmd:"" help:"Write a model as a folder that browsers fetch piece by piece."`
}

// streams are what a command reads and writes, so that a test can stand in
// for the terminal.
type streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// errReported says that a command failed and has already told why on
// stderr: the exit status is 1 and nothing more is printed.
var errReported = errors.New("the failure is already reported")

// Exit statuses.
const (
	exitFailure = 1
	exitUsage   = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// After the first signal a second one kills at once, should a command
	// be slow to stop.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], &streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}

// run parses args, runs the command they name and returns the exit status.
func run(ctx context.Context, args []string, s *streams) (status int) {
	type exit int
	defer func() {
		// kong leaves --help through its exit function; an exception is how it
		// unwinds here without ending the process under a test.
		switch r := recover().(type) {
		case nil:
		case exit:
			status = int(r)
		default:
			panic(r)
		}
	}()
	var g grammar
	parser, err := kong.New(&g,
		kong.Name("hamster"),
		kong.Description("Recognise images with InceptionV3, locally."),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Writers(s.Out, s.Err),
		kong.Exit(func(code int) { panic(exit(code)) }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(s),
	)
	if err != nil {
		fmt.Fprintf(s.Err, "hamster: %v\n", err)
		return exitFailure
	}
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(s.Err, "hamster: %v\nTry: hamster --help\n", err)
		return exitUsage
	}
	if err := command.Run(); err != nil {
		if !errors.Is(err, errReported) {
			fmt.Fprintf(s.Err, "hamster: %v\n", err)
		}
		return exitFailure
	}
	return 0
}
