//go:build js && wasm

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall/js"
	"testing"

	"hamster/model"
	"hamster/model/graph"
	"hamster/model/onnxfile"
	"hamster/model/simd"
)

// array returns a Uint8Array with the bytes.
func bytesOf(content []byte) js.Value {
	a := js.Global().Get("Uint8Array").New(len(content))
	js.CopyBytesToJS(a, content)
	return a
}

// await returns what a promise is resolved or rejected with.
func await(t *testing.T, promise js.Value) (value js.Value, rejected bool) {
	t.Helper()
	type outcome struct {
		value    js.Value
		rejected bool
	}
	settled := make(chan outcome, 1)
	resolve := js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled <- outcome{args[0], false}
		return nil
	})
	defer resolve.Release()
	reject := js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled <- outcome{args[0], true}
		return nil
	})
	defer reject.Release()
	promise.Call("then", resolve, reject)
	o := <-settled
	return o.value, o.rejected
}

func TestAPromiseIsKeptWithJSON(t *testing.T) {
	f := promised(1, func(_ context.Context, args []js.Value) (any, error) {
		return map[string]string{"heard": args[0].String()}, nil
	})
	defer f.Release()
	value, rejected := await(t, f.Invoke("hello"))
	if got := value.String(); rejected || got != `{"heard":"hello"}` {
		t.Errorf("%s, rejected %v", got, rejected)
	}
}

func TestAPromiseIsBrokenWithACodeAndAMessage(t *testing.T) {
	for _, c := range []struct {
		name          string
		arguments     []any
		f             func(context.Context, []js.Value) (any, error)
		code, message string
	}{
		{"coded", nil, func(context.Context, []js.Value) (any, error) {
			return nil, fmt.Errorf("around: %w", fault(codeNoModel, errors.New("no model")))
		}, codeNoModel, "around: no model"},
		{"plain", nil, func(context.Context, []js.Value) (any, error) {
			return nil, errors.New("plain")
		}, codeInternal, "plain"},
		{"a panic", nil, func(context.Context, []js.Value) (any, error) {
			panic("out of reach")
		}, codeInternal, "out of reach"},
		{"an exception of JavaScript", nil, func(context.Context, []js.Value) (any, error) {
			return js.Null().Get("x"), nil
		}, codeInternal, "Value.Get"},
		{"what is no JSON", nil, func(context.Context, []js.Value) (any, error) {
			return func() {}, nil
		}, codeInternal, "unsupported type"},
		{"too many arguments", []any{1}, func(context.Context, []js.Value) (any, error) {
			return nil, nil
		}, codeInternal, "1 arguments, want 0"},
	} {
		f := promised(0, c.f)
		value, rejected := await(t, f.Invoke(c.arguments...))
		f.Release()
		if !rejected {
			t.Errorf("%s: kept with %s", c.name, value.String())
			continue
		}
		code, message := value.Get("code").String(), value.Get("message").String()
		if code != c.code || !strings.Contains(message, c.message) {
			t.Errorf("%s: %q %q; want %q and %q", c.name, code, message, c.code, c.message)
		}
	}
}

func TestErrorsOfAModelHaveTheirCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		code string
	}{
		{fmt.Errorf("model: %w: magic", onnxfile.ErrNotONNX), codeModelNotONNX},
		{fmt.Errorf("model: node: %w", &graph.UnsupportedError{Op: "Roll"}), codeModelUnsupported},
		{fmt.Errorf("model: gorgonia: %w", model.ErrLeftOut), codeBackendLeftOut},
		{fmt.Errorf("model: %w: 3 for 5", model.ErrLabels), codeLabelsInvalid},
		{errors.New("labels"), codeModelInvalid},
	} {
		if got := jsError(modelFault(c.err)).Get("code").String(); got != c.code {
			t.Errorf("%v: code %q, want %q", c.err, got, c.code)
		}
	}
}

func TestErrorsOfARunHaveTheirCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		code string
	}{
		{fmt.Errorf("read: %w", errPixels), codeImageInvalid},
		{fmt.Errorf("run: %w", fmt.Errorf("simd: %w: %w", simd.ErrBroken, errors.New("a thread died"))), codeEngineStopped},
		{errors.New("no number"), codeInternal},
	} {
		if got := jsError(runFault(c.err)).Get("code").String(); got != c.code {
			t.Errorf("%v: code %q, want %q", c.err, got, c.code)
		}
	}
}

func TestWhatIsNoModelIsRefused(t *testing.T) {
	var e engine
	_, err := e.load(t.Context(), bytes.NewReader([]byte("<!doctype html>")), loadOptions{})
	var c *coded
	if !errors.As(err, &c) || c.code != codeModelNotONNX {
		t.Errorf("error is %v", err)
	}
}

func TestClassifyBeforeLoadIsRefused(t *testing.T) {
	var e engine
	_, err := e.classify(t.Context(), classifyRequest{Width: 1, Height: 1}, js.Undefined())
	var c *coded
	if !errors.As(err, &c) || c.code != codeNoModel {
		t.Errorf("error is %v", err)
	}
}

// readOf returns a function as the worker gives it: each pixel of row y holds
// y in all its bytes. It writes down which rows were asked for.
func readOf(t *testing.T, asked *[][2]int) js.Value {
	t.Helper()
	f := js.FuncOf(func(_ js.Value, args []js.Value) any {
		y, count, into := args[0].Int(), args[1].Int(), args[2]
		*asked = append(*asked, [2]int{y, count})
		line := into.Length() / count
		for row := range count {
			into.Call("fill", y+row, line*row, line*(row+1))
		}
		return nil
	})
	t.Cleanup(f.Release)
	// What Go returns is null, never undefined.
	return js.Global().Get("Function").New("read", "return (...args) => { read(...args); }").Invoke(f)
}

func TestAPictureIsReadInStripsOfWholeRows(t *testing.T) {
	const width, height = 3000, 1000 // 12 MB, read some 4 MB at a time
	var asked [][2]int
	c := canvas{width, height, readOf(t, &asked)}
	pixels := make([]byte, 4*width*height)
	if err := c.ReadRows(pixels, 0, height); err != nil {
		t.Fatal(err)
	}
	if want := [][2]int{{0, 349}, {349, 349}, {698, 302}}; !slices.Equal(asked, want) {
		t.Errorf("strips %v, want %v", asked, want)
	}
	for y := range height {
		if first, last := pixels[4*width*y], pixels[4*width*(y+1)-1]; first != byte(y) || last != byte(y) {
			t.Fatalf("row %d begins with %d and ends with %d", y, first, last)
		}
	}
}

func TestSomeRowsOfAPictureAreReadAlone(t *testing.T) {
	var asked [][2]int
	c := canvas{2, 9, readOf(t, &asked)}
	pixels := make([]byte, 16)
	if err := c.ReadRows(pixels, 5, 2); err != nil {
		t.Fatal(err)
	}
	if want := append(bytes.Repeat([]byte{5}, 8), bytes.Repeat([]byte{6}, 8)...); !bytes.Equal(pixels, want) {
		t.Errorf("pixels %v, want %v", pixels, want)
	}
}

func TestPixelsThatCannotBeReadAreThePicturesFault(t *testing.T) {
	for _, c := range []struct {
		name, body, message string
	}{
		{"an exception", "throw new Error('the canvas is gone')", "the canvas is gone"},
		{"a broken promise", "return Promise.reject(new Error('the frame is gone'))", "the frame is gone"},
		{"a promise broken with a word", "return Promise.reject('gone')", "gone"},
	} {
		read := js.Global().Get("Function").New(c.body)
		err := canvas{2, 1, read}.ReadRows(make([]byte, 8), 0, 1)
		if !errors.Is(err, errPixels) || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: error is %v", c.name, err)
		}
	}
}

func TestPixelsThatTheWorkerWaitsForNoMoreStopTheEngine(t *testing.T) {
	read := js.Global().Get("Function").New("return Promise.reject(Object.assign(new Error('the copy does not end'), { code: 'engine-stopped' }))")
	_, err := canvas{2, 1, read}.JSRead(0, 1, js.Global().Get("Uint8Array").New(8), true)
	code, message := "", ""
	if err != nil {
		e := jsError(runFault(err))
		code, message = e.Get("code").String(), e.Get("message").String()
	}
	if code != codeEngineStopped || !strings.Contains(message, "the copy does not end") {
		t.Errorf("%q %q", code, message)
	}
}

func TestRowsThatAreOnlyPromisedAreWaitedFor(t *testing.T) {
	for _, bgr := range []bool{false, true} {
		read := js.Global().Get("Function").New("bgr", `return (y, count, into, inAnyOrder) => new Promise((resolve) => setTimeout(() => {
			into.fill(inAnyOrder ? 10 * y + count : 0);
			resolve({ bgr });
		}, 1))`).Invoke(bgr)
		into := js.Global().Get("Uint8Array").New(8)
		got, err := canvas{2, 9, read}.JSRead(5, 1, into, true)
		if err != nil || got != bgr || into.Index(0).Int() != 51 || into.Index(7).Int() != 51 {
			t.Errorf("blue first is %v, %v, of %v; want %v of 51", got, err, into.Call("join"), bgr)
		}
	}
}

func TestWhoWantsRGBAAsksForIt(t *testing.T) {
	read := js.Global().Get("Function").New("y", "count", "into", "inAnyOrder", "into.fill(inAnyOrder ? 1 : 2)")
	pixels := make([]byte, 8)
	if err := (canvas{2, 1, read}).ReadRows(pixels, 0, 1); err != nil || pixels[0] != 2 {
		t.Errorf("%v, %v", pixels, err)
	}
}
