//go:build js && wasm

package main

import (
	"errors"
	"syscall/js"

	"hamster/model"
	"hamster/model/graph"
	"hamster/model/onnxfile"
	"hamster/model/simd"
)

// The codes of errors that leave this program. web/shared/errors.js lists
// them all, with those that JavaScript adds.
const (
	codeModelNotONNX     = "model-not-onnx"    // the bytes are no ONNX file
	codeModelUnsupported = "model-unsupported" // an operator nobody knows
	codeModelInvalid     = "model-invalid"     // ONNX, but damaged or no image classifier
	codeBackendLeftOut   = "backend-left-out"  // wasm/portable.wasm has it
	codeLabelsInvalid    = "labels-invalid"    // given labels are none, or too few or many
	codeImageInvalid     = "image-invalid"     // size and pixels contradict each other
	codeNoModel          = "no-model"          // classify before load
	codeClosed           = "closed"            // nobody waits for the answer any more
	codeEngineStopped    = "engine-stopped"    // a run broke down: only a fresh start helps
	codeInternal         = "internal"          // a fault of Hamster's own

	// Why nothing is kept; the model works from memory all the same.
	codeStoreMissing = "store-missing" // no IndexedDB
	codeStoreRefused = "store-refused" // not for this page
	codeStoreFull    = "store-full"    // no room
	codeStoreBlocked = "store-blocked" // by an older tab
	codeStoreNewer   = "store-newer"   // the database of a newer Hamster
	codeStoreFailed  = "store-failed"  // anything else
)

// coded is an error with a code that stays the same when its words change.
type coded struct {
	code string
	err  error
}

func (c *coded) Error() string { return c.err.Error() }
func (c *coded) Unwrap() error { return c.err }

func fault(code string, err error) error { return &coded{code, err} }

// modelFault gives an error of model.Load its code.
func modelFault(err error) error {
	var unsupported *graph.UnsupportedError
	switch {
	case errors.Is(err, onnxfile.ErrNotONNX):
		return fault(codeModelNotONNX, err)
	case errors.Is(err, model.ErrLeftOut):
		return fault(codeBackendLeftOut, err)
	case errors.Is(err, model.ErrLabels):
		return fault(codeLabelsInvalid, err)
	case errors.As(err, &unsupported):
		return fault(codeModelUnsupported, err)
	}
	return fault(codeModelInvalid, err)
}

// runFault gives an error of a run its code.
func runFault(err error) error {
	switch {
	case errors.Is(err, errPixels):
		return fault(codeImageInvalid, err)
	case errors.Is(err, simd.ErrBroken):
		return fault(codeEngineStopped, err)
	}
	return fault(codeInternal, err)
}

// jsError makes a JavaScript Error with the message and the code of err.
func jsError(err error) js.Value {
	code := codeInternal
	var c *coded
	if errors.As(err, &c) {
		code = c.code
	}
	e := js.Global().Get("Error").New(err.Error())
	e.Set("code", code)
	return e
}
