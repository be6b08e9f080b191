package repo

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// link is the target in [text](target) and ![text](target).
var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestLinksBetweenPagesLeadSomewhere(t *testing.T) {
	found := false
	for _, f := range files(t) {
		if path.Ext(f.name) != ".md" {
			continue
		}
		for _, match := range link.FindAllStringSubmatch(string(f.text), -1) {
			target, _, _ := strings.Cut(match[1], "#")
			if target == "" || strings.Contains(target, "://") {
				continue
			}
			found = true
			if _, err := os.Stat(filepath.Join(root, path.Dir(f.name), target)); err != nil {
				t.Errorf("%s links to %s, which is not there", f.name, target)
			}
		}
	}
	if !found {
		t.Error("no page links to another")
	}
}
