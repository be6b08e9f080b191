package httpfile

import (
	"net/http"
	"testing"
)

func TestListsOfValidators(t *testing.T) {
	const tag = `"abc"`
	for _, c := range []struct {
		list             string
		weakly, strongly bool
	}{
		{tag, true, true},
		{`W/"abc"`, true, false},
		{`"x",W/"y", "abc"`, true, true},
		{` ,, "abc"`, true, true},
		{"*", true, true},
		{" * ", true, true},
		{`"x", *`, false, false},
		{`"ab"`, false, false},
		{`"abc`, false, false},
		{`abc`, false, false},
		{`w/"abc"`, false, false},
		{`"x" nonsense "abc"`, false, false},
		{"", false, false},
	} {
		if got := matches(c.list, tag, true); got != c.weakly {
			t.Errorf("%q, weakly: %v", c.list, got)
		}
		if got := matches(c.list, tag, false); got != c.strongly {
			t.Errorf("%q, strongly: %v", c.list, got)
		}
	}
}

func TestAListThatWasSplitAtItsCommasIsOneAgain(t *testing.T) {
	h := http.Header{"If-None-Match": {`"x`, ` y"`, ` "abc"`}}
	if got := precondition(h, `"abc"`); got != http.StatusNotModified {
		t.Errorf("status %d", got)
	}
	if got := precondition(h, `"x, y"`); got != http.StatusNotModified {
		t.Errorf("a tag with a comma: status %d", got)
	}
}

func FuzzATagThatIsFoundStronglyIsFoundWeakly(f *testing.F) {
	f.Add(`"x", W/"abc"`)
	f.Add(`*`)
	f.Add(`W/"`)
	f.Fuzz(func(t *testing.T, list string) {
		const tag = `"abc"`
		if matches(list, tag, false) && !matches(list, tag, true) {
			t.Errorf("%q", list)
		}
		if !matches(tag+", "+list, tag, false) {
			t.Errorf("%q hides the tag before it", list)
		}
	})
}
