//go:build js && wasm

package promise

import (
	"context"
	"errors"
	"syscall/js"
	"testing"
)

func evaluated(expression string) js.Value {
	return js.Global().Get("Function").New("return " + expression).Invoke()
}

func TestAPromiseIsWaitedFor(t *testing.T) {
	for _, c := range []struct{ expression, want, err string }{
		{"Promise.resolve('now')", "now", ""},
		{"new Promise((resolve) => setTimeout(resolve, 1, 'later'))", "later", ""},
		{"'no promise'", "no promise", ""},
		{"undefined", "<undefined>", ""},
		{"Promise.reject(new RangeError('too far'))", "", "JavaScript error: too far"},
		{"Promise.reject('a word')", "", "JavaScript threw a word"},
		{"Promise.reject()", "", "JavaScript threw undefined"},
	} {
		value, err := Await(t.Context(), evaluated(c.expression))
		switch {
		case c.err == "" && (err != nil || value.String() != c.want):
			t.Errorf("%s: %v, %v; want %s", c.expression, value, err, c.want)
		case c.err != "" && (err == nil || err.Error() != c.err):
			t.Errorf("%s: error is %v, want %s", c.expression, err, c.err)
		}
	}
}

func TestWhatAContextEndsIsWaitedForNoMore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Await(ctx, evaluated("new Promise(() => {})")); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}
