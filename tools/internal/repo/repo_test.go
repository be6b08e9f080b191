// Package repo holds tests of the repository itself: what may lie where, and
// what its texts must not say.
package repo

import (
	"bytes"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../../.."

// file is one file of the repository; its name has slashes.
type file struct {
	name string
	text []byte
}

func (f file) isText() bool { return !bytes.ContainsRune(f.text, 0) }

// files returns every file that git does not ignore. It reads the folders
// itself, and so go test notices when one changes and runs these tests anew.
func files(t *testing.T) []file {
	t.Helper()
	ignored := ignoredNames(t)
	var all []file
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		isIgnored := slices.ContainsFunc(ignored, func(pattern string) bool {
			match, err := path.Match(pattern, entry.Name())
			return err != nil || match
		})
		switch {
		case entry.IsDir() && (isIgnored || entry.Name() == ".git"):
			return fs.SkipDir
		case entry.IsDir() || isIgnored || entry.Name() == ".git":
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		short, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		all = append(all, file{filepath.ToSlash(short), text})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// ignoredNames returns the patterns of .gitignore, each of which is about one
// name, without a path.
func ignoredNames(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, ".gitignore"))
	if err != nil {
		t.Fatal(err)
	}
	var patterns []string
	for pattern := range strings.Lines(string(text)) {
		pattern = strings.Trim(strings.TrimSpace(pattern), "/")
		if strings.Contains(pattern, "/") {
			t.Fatalf(".gitignore: this test does not understand %q", pattern)
		}
		if pattern != "" && !strings.HasPrefix(pattern, "#") {
			patterns = append(patterns, pattern)
		}
	}
	return patterns
}

func TestNothingNewStandsAtTheTop(t *testing.T) {
	allowed := []string{
		"wasm", "web", "model", "preprocess", "tools", "testdata", "docs",
		"index.html", "go.mod", "go.sum", "Makefile",
		"README.md", "CONTRIBUTING.md", "RATIONALE.md", "LICENSE", "NOTICE",
		".ci", ".editorconfig", ".gitattributes", ".gitignore",
	}
	for _, f := range files(t) {
		if top, _, _ := strings.Cut(f.name, "/"); !slices.Contains(allowed, top) {
			t.Errorf("%s: find it a place in one of the folders", f.name)
		}
	}
}

func TestNoFileIsHuge(t *testing.T) {
	const limit = 2 << 20
	for _, f := range files(t) {
		if len(f.text) > limit {
			t.Errorf("%s has %d bytes, and git keeps them for ever: let it be downloaded or made", f.name, len(f.text))
		}
	}
}

// Where packages come from is each user's own setting.
func TestNoFileNamesAPackageRegistry(t *testing.T) {
	hosts := registryHosts(t)
	for _, f := range files(t) {
		if !f.isText() {
			continue
		}
		for _, host := range hosts {
			if bytes.Contains(f.text, []byte(host)) {
				t.Errorf("%s names the package registry %s", f.name, host)
			}
		}
	}
}

// registryHosts asks the clients of this machine where they get packages.
func registryHosts(t *testing.T) []string {
	t.Helper()
	var said []byte
	for _, command := range [][]string{
		{"go", "env", "GOPROXY", "GOSUMDB"},
		{"npm", "config", "get", "registry"},
	} {
		output, err := exec.Command(command[0], command[1:]...).Output()
		if err != nil {
			t.Fatalf("%s: %v", strings.Join(command, " "), err)
		}
		said = append(said, output...)
	}
	lists, err := filepath.Glob("/etc/apt/sources.list.d/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(lists, "/etc/apt/sources.list") {
		// Other systems than Debian have none.
		if text, err := os.ReadFile(name); err == nil {
			said = append(said, text...)
		}
	}
	var hosts []string
	for _, address := range regexp.MustCompile(`https?://[^\s,|]+`).FindAllString(string(said), -1) {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if host := u.Hostname(); !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	if len(hosts) == 0 {
		t.Fatal("neither go nor npm says where it gets packages")
	}
	return hosts
}

func TestNoFileHoldsAPathOfThisMachine(t *testing.T) {
	top, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files(t) {
		for _, folder := range []string{top, home} {
			if bytes.Contains(f.text, []byte(folder+"/")) {
				t.Errorf("%s holds the path %s", f.name, folder)
			}
		}
	}
}

func TestNoLockFileSaysWhereItsPackagesWereDownloaded(t *testing.T) {
	found := false
	for _, f := range files(t) {
		if path.Base(f.name) != "package-lock.json" {
			continue
		}
		found = true
		if bytes.Contains(f.text, []byte(`"resolved"`)) {
			t.Errorf("%s: run npm there, with its .npmrc", f.name)
		}
	}
	if !found {
		t.Error("there is no lock file")
	}
}

func TestShellScriptsCanBeRun(t *testing.T) {
	for _, f := range files(t) {
		if f.name != ".ci/run" && path.Ext(f.name) != ".sh" {
			continue
		}
		info, err := os.Stat(filepath.Join(root, f.name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode()&0o111 == 0 {
			t.Errorf("%s is not executable", f.name)
		}
	}
}
