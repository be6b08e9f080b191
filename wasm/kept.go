//go:build js && wasm

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"syscall/js"

	"hamster/model"
	"hamster/model/packed"
	"hamster/wasm/array"
	"hamster/wasm/store"
)

// sourceOf is the model in a Uint8Array, or a packed one: an object of its
// manifest and its files, each the promise of a Uint8Array under its path.
func sourceOf(value js.Value) (model.Source, error) {
	if value.InstanceOf(js.Global().Get("Uint8Array")) {
		return array.New(value), nil
	}
	m, err := packed.Parse([]byte(value.Get("manifest").String()))
	if err != nil {
		return nil, fault(codeModelInvalid, err)
	}
	files := value.Get("files")
	source, err := packed.New(m, func(f packed.File) (packed.Bytes, error) {
		file := files.Get(f.Path)
		if !file.InstanceOf(js.Global().Get("Promise")) {
			return nil, errors.New("it was not given")
		}
		return array.Later(file, f.Size), nil
	})
	if err != nil {
		return nil, fault(codeModelInvalid, err)
	}
	return source, nil
}

// described is what the worker must know of a manifest to fetch the files.
// A manifest is checked here, where what it may say is known.
func described(text string) (*packed.Manifest, error) {
	m, err := packed.Parse([]byte(text))
	if err != nil {
		return nil, fault(codeModelInvalid, err)
	}
	return m, nil
}

// storeFunctions are those of package store, as promises.
func storeFunctions(s *store.Store) map[string]any {
	wrapped := func(arguments int, f func(context.Context, []js.Value) (any, error)) js.Func {
		return promised(arguments, func(ctx context.Context, args []js.Value) (any, error) {
			value, err := f(ctx, args)
			if err != nil {
				return nil, storeFault(err)
			}
			return value, nil
		})
	}
	return map[string]any{
		"find": wrapped(1, func(ctx context.Context, args []js.Value) (any, error) {
			return s.Find(ctx, args[0].String())
		}),
		"list": wrapped(0, func(ctx context.Context, _ []js.Value) (any, error) {
			return s.List(ctx)
		}),
		"begin": wrapped(1, func(ctx context.Context, args []js.Value) (any, error) {
			var m store.Model
			if err := json.Unmarshal([]byte(args[0].String()), &m); err != nil {
				return nil, fmt.Errorf("a model to keep: %w", err)
			}
			return nil, s.Begin(ctx, m)
		}),
		"get": wrapped(1, func(ctx context.Context, args []js.Value) (any, error) {
			return orNull(s.Get(ctx, args[0].String()))
		}),
		"put": wrapped(3, func(ctx context.Context, args []js.Value) (any, error) {
			return nil, s.Put(ctx, args[0].String(), args[1].String(), args[2])
		}),
		"putSnapshot": wrapped(3, func(ctx context.Context, args []js.Value) (any, error) {
			return nil, s.PutSnapshot(ctx, args[0].String(), args[1].String(), args[2])
		}),
		"getSnapshot": wrapped(2, func(ctx context.Context, args []js.Value) (any, error) {
			return orNull(s.GetSnapshot(ctx, args[0].String(), args[1].String()))
		}),
		"complete": wrapped(1, func(ctx context.Context, args []js.Value) (any, error) {
			missing, err := s.Complete(ctx, args[0].String())
			return append([]string{}, missing...), err
		}),
		"remove": wrapped(1, func(ctx context.Context, args []js.Value) (any, error) {
			return nil, s.Remove(ctx, args[0].String())
		}),
	}
}

// orNull is what is kept, or null where it is absent.
func orNull(bytes js.Value, err error) (any, error) {
	if errors.Is(err, store.ErrAbsent) {
		return js.Null(), nil
	}
	return bytes, err
}

// storeFault gives an error of package store its code.
func storeFault(err error) error {
	for _, c := range []struct {
		reason error
		code   string
	}{
		{store.ErrMissing, codeStoreMissing},
		{store.ErrRefused, codeStoreRefused},
		{store.ErrFull, codeStoreFull},
		{store.ErrBlocked, codeStoreBlocked},
		{store.ErrNewer, codeStoreNewer},
	} {
		if errors.Is(err, c.reason) {
			return fault(c.code, err)
		}
	}
	return fault(codeStoreFailed, err)
}
