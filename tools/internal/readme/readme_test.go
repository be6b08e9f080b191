package main

import (
	"reflect"
	"strings"
	"testing"
)

func TestCommandsAreTheLinesThatAReaderTypes(t *testing.T) {
	const page = "Text.\n\n```sh\nmake test # why\n# a remark\n\nls a\n```\n\n```console\n$ ls\na\nb\n$ true\n```\n```html\n<p>\n```\n"
	all, err := blocks(page)
	if err != nil {
		t.Fatal(err)
	}
	var got []command
	for _, b := range all {
		typed, err := commands(b)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, typed...)
	}
	want := []command{
		{line: 4, text: "make test"},
		{line: 7, text: "ls a"},
		{line: 11, text: "ls", output: "a\nb\n", isOutput: true},
		{line: 14, text: "true"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestCommandsWithinSentencesAreFound(t *testing.T) {
	const page = "Type `make it\nso`, or `hamster bench`.\n\n```sh\nmake `fenced`\n```\nNot `makefile` or `--flag`, but `go run ./x`.\n"
	want := []command{{line: 1, text: "make it so"}, {line: 2, text: "hamster bench"}, {line: 7, text: "go run ./x"}}
	if got := inline(page); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestACommandWithinASentenceNeedsATest(t *testing.T) {
	err := reader{}.inText(t.Context(), "make unheard-of")
	if err == nil || !strings.Contains(err.Error(), "no test") {
		t.Errorf("got %v", err)
	}
}

func TestAPageWithALooseEndIsRefused(t *testing.T) {
	if _, err := blocks("```sh\nls\n"); err == nil {
		t.Error("an open block: no error")
	}
	if _, err := commands(block{language: "console", text: "a\n$ ls\n"}); err == nil {
		t.Error("output without a command: no error")
	}
}

func TestShownOutputMatchesWhatIsPrinted(t *testing.T) {
	for _, test := range []struct {
		shown, printed string
		want           bool
	}{
		{"a\nb\n", "a\nb\n", true},
		{"a\n", "a\nb\n", false},
		{"a  \n", "a\n", true},
		{"a+\n", "aa\n", false},
		{"a\n…\n", "a\nb\nc\n", true},
		{"…\na\n", "a\n", true},
		{"a … c\n", "a 12 ms c\n", true},
		{"a … c\n", "a\n c\n", false},
	} {
		if got := matches(test.printed, test.shown); got != test.want {
			t.Errorf("%q shown for %q: %v", test.shown, test.printed, got)
		}
	}
}

func TestACommandThatFailsTellsWhatItSaid(t *testing.T) {
	_, err := shell(t.Context(), nil, "echo why >&2; false")
	if err == nil || !strings.Contains(err.Error(), "why") {
		t.Errorf("got %v", err)
	}
}
