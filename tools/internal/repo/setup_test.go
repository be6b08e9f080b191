package repo

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// setUp runs tools/setup.sh on a machine that has the given programs, each a
// shell script, besides the barest.
func setUp(t *testing.T, purpose string, programs map[string]string) (said string, err error) {
	t.Helper()
	bin := t.TempDir()
	for _, name := range []string{"cat", "dirname", "id", "sed", "sh", "tr"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, script := range programs {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command(filepath.Join(root, "tools", "setup.sh"), purpose)
	command.Env = []string{"PATH=" + bin, "HAMSTER_CHROMIUM="}
	output, err := command.CombinedOutput()
	return string(output), err
}

func TestSetUpSaysWhatIsMissingAndWhereItIs(t *testing.T) {
	const (
		newGo   = "echo go version go1.99.1 linux/amd64"
		newNode = "echo v99.0.0"
	)
	for _, test := range []struct {
		name, purpose string
		programs      map[string]string
		want          []string
	}{
		{
			"nothing is there", "run", nil,
			[]string{"Go 1.26 or later is missing", "go.dev", "Node.js 20 or later, with npm, is missing", "nodejs.org"},
		},
		{
			"both are old", "run",
			map[string]string{"go": "echo go version go1.19.8 linux/amd64", "node": "echo v18.20.4", "npm": ""},
			[]string{"needs Go 1.26 or later, and this is go version go1.19.8", "needs Node.js 20 or later, and this is v18.20.4"},
		},
		{
			"a Go that may fetch no newer one", "run",
			map[string]string{"go": "echo too old >&2; exit 1", "node": newNode, "npm": ""},
			[]string{"cannot build Hamster, which needs 1.26 or later (too old)"},
		},
		{
			"the edge, without anything", "edge", nil,
			[]string{"Go 1.26 or later is missing", "Node.js 20 or later, with npm, is missing"},
		},
		{
			"tests, where no packages can be installed", "test",
			map[string]string{"go": newGo, "node": newNode, "npm": ""},
			[]string{"Debian calls chromium", "no apt-get"},
		},
		{
			"tests, where apt-get fails or the user is not root", "test",
			map[string]string{"go": newGo, "node": newNode, "npm": "", "apt-get": "exit 1"},
			[]string{"chromium"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			said, err := setUp(t, test.purpose, test.programs)
			if err == nil {
				t.Errorf("it succeeds, and says %q", said)
			}
			for _, want := range test.want {
				if !strings.Contains(said, want) {
					t.Errorf("it says %q, which lacks %q", said, want)
				}
			}
		})
	}
}

func TestSetUpIsSilentWhereNothingIsMissing(t *testing.T) {
	said, err := setUp(t, "run", map[string]string{
		"go": "echo go version go1.99.1 linux/amd64", "node": "echo v20.0.0", "npm": "",
	})
	if err != nil || said != "" {
		t.Errorf("%v, %q", err, said)
	}
}
