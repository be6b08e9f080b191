package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// Commands within sentences take long, stay up, or need what a reader has. Each
// is listed with what is typed in its place, and with the test that runs what it
// runs.
type substitute struct {
	typed string // its target is known and its flags are taken
	test  string // FILE: a piece of it; empty where what is typed runs it already
}

const benchTest = "tools/internal/bench/bench_test.go: func TestASmallModelIsMeasuredInChromium"

var substitutes = map[string]substitute{
	"make bench":                 {"make -n bench", benchTest},
	"make bench ONLY=webcam_fps": {"make -n bench ONLY=webcam_fps", benchTest},
	"go run ./tools/hamster bench --compare docs/bench/results.json": {
		"go run ./tools/hamster bench --compare docs/bench/results.json --only steady_ms --rounds 1 --all --help",
		"tools/hamster/bench_test.go: func TestBenchReportMergesComparesAndDraws",
	},
	"hamster bench kernels": {
		"go run ./tools/hamster bench kernels --help",
		"tools/internal/bench/bench_test.go: func TestTheCompilersChoiceIsFoundAmongKernels",
	},
	"make bench-go": {
		"make -n bench-go && go test -run '^$' -bench . -benchtime 1x ./preprocess",
		"",
	},
	"make edge-dev": {"make -n edge-dev", "tools/edge/test/edge.e2e.mjs: ['dev', '--addr'"},
	"hamster serve --embed https://you.example": {
		"go run ./tools/hamster serve --embed https://you.example --help",
		"web/test/embed.e2e.mjs: serve(built, ['--embed'",
	},
}

var (
	codeSpan  = regexp.MustCompile("`[^`]+`")
	isCommand = regexp.MustCompile(`^(make|go run|hamster) `)
)

// inline returns the commands within the sentences of a Markdown text.
func inline(markdown string) []command {
	var all []command
	isFenced := false
	prose := make([]string, 0, strings.Count(markdown, "\n"))
	for line := range strings.Lines(markdown) {
		isFence := strings.HasPrefix(line, "```")
		if isFence {
			isFenced = !isFenced
		}
		if isFence || isFenced {
			line = "\n" // lines keep their numbers
		}
		prose = append(prose, line)
	}
	text := strings.Join(prose, "")
	for _, at := range codeSpan.FindAllStringIndex(text, -1) {
		span := strings.Join(strings.Fields(text[at[0]+1:at[1]-1]), " ")
		if isCommand.MatchString(span) {
			all = append(all, command{line: 1 + strings.Count(text[:at[0]], "\n"), text: span})
		}
	}
	return all
}

// inText checks a command within a sentence.
func (r reader) inText(ctx context.Context, text string) error {
	instead, ok := substitutes[text]
	if !ok {
		return fmt.Errorf("no test is named that runs it: tools/internal/readme/inline.go lists them")
	}
	if file, piece, ok := strings.Cut(instead.test, ": "); ok {
		source, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if !bytes.Contains(source, []byte(piece)) {
			return fmt.Errorf("%s has no %q any more, which ran it", file, piece)
		}
	}
	_, err := shell(ctx, r.env, instead.typed)
	return err
}
