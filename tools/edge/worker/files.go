//go:build js && wasm

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"syscall/js"

	"github.com/syumai/workers/cloudflare"

	"hamster/tools/edge/deployment"
	"hamster/tools/internal/httpfile"
)

// files are those of the deployment.
type files struct{ deployment *deployment.Deployment }

func (f *files) Check(context.Context) error {
	if cloudflare.GetBinding(deployment.Bucket).IsUndefined() {
		return httpfile.ErrUnavailable
	}
	return nil
}

func (f *files) Catalogue(context.Context) (*httpfile.Catalogue, error) {
	return &f.deployment.Catalogue, nil
}

func (f *files) Find(_ context.Context, name string) (*httpfile.File, error) {
	if o, ok := f.deployment.Objects[name]; ok {
		file := &httpfile.File{Name: name, Size: o.Size, SHA256: o.SHA256, Content: &stored{object: o}}
		if o.Size >= httpfile.CompressFrom {
			file.Encodings = []httpfile.Encoding{httpfile.Brotli}
		}
		return file, nil
	}
	if d, ok := f.deployment.Assets[name]; ok {
		return &httpfile.File{Name: name, Size: d.Size, SHA256: d.SHA256, Content: &asset{document: d}}, nil
	}
	return nil, fs.ErrNotExist
}

// stored is content in the bucket.
type stored struct{ object deployment.Object }

func (s *stored) Close() error { return nil }

func (s *stored) Open(_ context.Context, part httpfile.Part) (httpfile.Body, error) {
	bucket := cloudflare.GetBinding(deployment.Bucket)
	if bucket.IsUndefined() {
		return nil, httpfile.ErrUnavailable
	}
	key, size := s.object.Key(part.Encoding), s.object.StoredSize(part.Encoding)
	length := size
	options := js.Global().Get("Object").New()
	if part.Encoding == httpfile.Identity && part.Length != size {
		length = part.Length
		options.Set("range", map[string]any{"offset": part.Offset, "length": part.Length})
	}
	var promise js.Value
	if part.NoBody {
		promise = bucket.Call("head", key)
	} else {
		promise = bucket.Call("get", key, options)
	}
	object, err := await(promise)
	if err != nil {
		// A part beyond the end of an object that was cut short is an error of
		// its own, and the object is there to be looked at.
		if object, err2 := await(bucket.Call("head", key)); err2 == nil && !object.IsNull() && int64(object.Get("size").Float()) != size {
			return nil, httpfile.ErrDamaged
		}
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	if object.IsNull() {
		return nil, httpfile.ErrMissing
	}
	stream := object.Get("body")
	if int64(object.Get("size").Float()) != size {
		if stream.Truthy() {
			_, _ = await(stream.Call("cancel"))
		}
		return nil, httpfile.ErrDamaged
	}
	return &streamed{stream: stream, size: length}, nil
}

// asset is a static file of the site.
type asset struct{ document deployment.Document }

func (a *asset) Close() error { return nil }

func (a *asset) Open(_ context.Context, part httpfile.Part) (httpfile.Body, error) {
	// Only the path counts there.
	response, err := await(cloudflare.GetBinding(deployment.Assets).Call("fetch", "https://site.invalid"+a.document.Address))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", a.document.Address, err)
	}
	if status := response.Get("status").Int(); status != http.StatusOK {
		return nil, fmt.Errorf("read %s: status %d", a.document.Address, status)
	}
	buffer, err := await(response.Call("arrayBuffer"))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", a.document.Address, err)
	}
	if int64(buffer.Get("byteLength").Int()) != a.document.Size {
		return nil, httpfile.ErrDamaged
	}
	bytes := js.Global().Get("Uint8Array").New(buffer, part.Offset, part.Length)
	return &streamed{stream: bytes, size: part.Length}, nil
}

// streamed is a body that the runtime sends by itself.
type streamed struct {
	stream js.Value
	size   int64
}

func (s *streamed) Size() int64  { return s.size }
func (s *streamed) Close() error { return nil }

func (s *streamed) Send(w http.ResponseWriter) error {
	w.(*writer).stream = s.stream
	return nil
}

// await waits for a promise.
func await(promise js.Value) (js.Value, error) {
	type outcome struct {
		value js.Value
		err   error
	}
	settled := make(chan outcome, 1)
	kept := js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled <- outcome{value: args[0]}
		return nil
	})
	broken := js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled <- outcome{err: errors.New(js.Global().Get("String").Invoke(args[0]).String())}
		return nil
	})
	defer kept.Release()
	defer broken.Release()
	promise.Call("then", kept, broken)
	o := <-settled
	return o.value, o.err
}
