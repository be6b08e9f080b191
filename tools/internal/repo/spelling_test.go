package repo

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// american are spellings that our prose does not use. ONNX's own words, such
// as initializer, are no prose.
var american = regexp.MustCompile(`(?i)\b(` + strings.Join([]string{
	`colors?`, `colored`, `cent(er(s|ed)?|ering)`, `behaviors?`, `favor(s|ite)?`, `neighbors?`,
	`label(ed|ing)`, `model(ed|ing)`, `canceled`, `artifacts?`, `analyz(e[ds]?|ing)`,
	`(normal|recogn|optim|organ|initial|serial|synchron|quant|real|summar|minim|maxim|categor)iz(e[ds]?|ing|ation)`,
}, "|") + `)\b`)

// quoted are names of things in prose: code, options, addresses.
var quoted = regexp.MustCompile("`[^`]*`|\"[^\"]*\"|https?://\\S+")

func TestProseIsSpeltTheBritishWay(t *testing.T) {
	for _, f := range files(t) {
		if f.name == "tools/internal/repo/spelling_test.go" {
			continue
		}
		for i, line := range prose(f) {
			if word := american.FindString(quoted.ReplaceAllString(line, "")); word != "" {
				t.Errorf("%s:%d: %q", f.name, i+1, word)
			}
		}
	}
}

func TestAnAmericanSpellingIsFound(t *testing.T) {
	for text, want := range map[string]string{
		"Normalizes the pixels.":            "Normalizes",
		"The color of":                      "color",
		"It takes `color` and a colour":     "",
		"an initializer, a centred picture": "",
	} {
		if got := american.FindString(quoted.ReplaceAllString(text, "")); got != want {
			t.Errorf("%s: found %q, want %q", text, got, want)
		}
	}
}

func TestProseIsCommentsAndPagesOfText(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"a.go", "x := 1 // why\n// more", []string{"why", "more"}},
		{"a.sh", "x=1 # why", []string{"why"}},
		{"a.md", "text\n```\ncode\n```\nmore", []string{"text", "", "", "", "more"}},
		{"a.json", `{"a": 1}`, nil},
	} {
		if got := prose(file{test.name, []byte(test.text)}); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

// prose returns, line by line, what of a file is written for people.
func prose(f file) []string {
	lines := strings.Split(string(f.text), "\n")
	comment := ""
	switch path.Ext(f.name) {
	case ".md":
		inCode := false
		for i, line := range lines {
			fence := strings.HasPrefix(strings.TrimSpace(line), "```")
			if fence {
				inCode = !inCode
			}
			if inCode || fence {
				lines[i] = ""
			}
		}
		return lines
	case ".go", ".js", ".mjs", ".ts":
		comment = "//"
	case ".sh", ".py":
		comment = "#"
	default:
		return nil
	}
	for i, line := range lines {
		_, said, _ := strings.Cut(line, comment)
		lines[i] = strings.TrimSpace(said)
	}
	return lines
}
