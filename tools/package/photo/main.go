//go:build js && wasm

// Command photo is the part of the npm package that reads photos in Node.js, as
// the command line does: a file or pixels become the tensor of a model. Its script
// (tools/package/node/worker.js) sets globalThis.hamsterPhoto before it starts the
// program, and gets a function:
//
//	tensor(source: Uint8Array | {width, height, data: Uint8Array}, spec: string, mode: string)
//	  → {data: Uint8Array of float32, decode, preprocess: milliseconds} or {code, message}
//
// spec is the JSON of a preprocess.Spec.
package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"syscall/js"
	"time"

	"hamster/preprocess"
	"hamster/preprocess/imagefile"
)

func main() {
	js.Global().Get("hamsterPhoto").Invoke(js.FuncOf(func(_ js.Value, args []js.Value) any {
		result, err := tensor(args)
		if err != nil {
			return map[string]any{"code": codeOf(err), "message": err.Error()}
		}
		return result
	}))
	select {}
}

func tensor(args []js.Value) (result map[string]any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	var spec preprocess.Spec
	if err := json.Unmarshal([]byte(args[1].String()), &spec); err != nil {
		return nil, fmt.Errorf("the model's input: %w", err)
	}
	if err := spec.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", errModel, err)
	}
	mode, err := preprocess.ParseMode(args[2].String())
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	image, err := picture(args[0])
	if err != nil {
		return nil, err
	}
	decoded := time.Now()
	values, err := preprocess.Tensor(image, spec, mode)
	if err != nil {
		return nil, err
	}
	bytes := make([]byte, 0, 4*len(values))
	for _, v := range values {
		bytes = binary.LittleEndian.AppendUint32(bytes, math.Float32bits(v))
	}
	data := js.Global().Get("Uint8Array").New(len(bytes))
	js.CopyBytesToJS(data, bytes)
	return map[string]any{
		"data": data, "decode": milliseconds(decoded.Sub(begun)), "preprocess": milliseconds(time.Since(decoded)),
	}, nil
}

// picture is a file's, or one of pixels that are decoded already.
func picture(source js.Value) (preprocess.Image, error) {
	if source.InstanceOf(js.Global().Get("Uint8Array")) {
		image, _, err := imagefile.Decode(bytesOf(source), imagefile.Limits{})
		return image, err
	}
	image := preprocess.Image{
		Width: source.Get("width").Int(), Height: source.Get("height").Int(), Pix: bytesOf(source.Get("data")),
	}
	return image, image.Validate()
}

func bytesOf(array js.Value) []byte {
	b := make([]byte, array.Get("byteLength").Int())
	js.CopyBytesToGo(b, array)
	return b
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

var errModel = errors.New("the model does not say what it reads")

// codeOf is the code that web/shared/errors.js has for an error.
func codeOf(err error) string {
	for _, c := range []struct {
		reason error
		code   string
	}{
		{errModel, "model-invalid"},
		{imagefile.ErrEmpty, "image-empty"},
		{imagefile.ErrNotImage, "image-not"},
		{imagefile.ErrUnsupported, "image-unsupported"},
		{imagefile.ErrTooLarge, "image-too-large"},
		{imagefile.ErrTruncated, "image-damaged"},
		{imagefile.ErrDamaged, "image-damaged"},
	} {
		if errors.Is(err, c.reason) {
			return c.code
		}
	}
	return "image-invalid"
}
