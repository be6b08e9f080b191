package npmpackage

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../../.."

func TestEveryFileThatAScriptNamesIsInThePackage(t *testing.T) {
	scripts, err := bundle(root)
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`new URL\("([^"]+)", import\.meta\.url\)|from "(\.[^"]+)"|import "(\.[^"]+)"`)
	there := []string{dist + "/photo.wasm"}
	for name := range scripts {
		there = append(there, name)
	}
	for _, name := range shipped {
		there = append(there, name)
	}
	count := 0
	for name, content := range scripts {
		for _, match := range named.FindAllStringSubmatch(string(content), -1) {
			count++
			target := filepath.ToSlash(filepath.Join(filepath.Dir(name), match[1]+match[2]+match[3]))
			if !slices.Contains(there, target) {
				t.Errorf("%s names %s, which is not in the package", name, target)
			}
		}
	}
	if count < 6 {
		t.Errorf("the scripts name %d files: has their form changed?", count)
	}
}

func TestTheElementAndTheLibraryShareTheirEngines(t *testing.T) {
	scripts, err := bundle(root)
	if err != nil {
		t.Fatal(err)
	}
	var with []string
	for name, content := range scripts {
		if strings.Contains(string(content), `new URL("./worker.js"`) && !strings.HasPrefix(name, "dist/node") {
			with = append(with, name)
		}
	}
	if len(with) != 1 || !strings.HasPrefix(with[0], "dist/shared-") {
		t.Errorf("%v start a worker; want one file that all share", with)
	}
}

func TestAFolderOfSomethingElseIsRefused(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "letter.txt"), []byte("Dear Hamster"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := claim(folder); err == nil {
		t.Error("it was taken")
	}
	if _, err := os.Stat(filepath.Join(folder, "letter.txt")); err != nil {
		t.Error(err)
	}
}

func TestAFolderOfOursIsEmptiedAnew(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "package")
	if err := claim(folder); err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(folder, "dist", "old.js")
	if err := write(folder, "dist/old.js", nil); err != nil {
		t.Fatal(err)
	}
	if err := claim(folder); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); err == nil {
		t.Errorf("%s is still there", old)
	}
}
