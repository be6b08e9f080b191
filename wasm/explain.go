//go:build js && wasm

package main

import (
	"context"
	"encoding/json"
	"errors"
	"syscall/js"

	"hamster/model"
	"hamster/wasm/promise"
)

// explainRequest asks what spoke for a class. Width to Mode are as in a
// classifyRequest, and not looked at where Last is set: then it is about the
// picture that was classified last.
type explainRequest struct {
	Width  int          `json:"width"`
	Height int          `json:"height"`
	Mode   string       `json:"mode"`
	Last   bool         `json:"last"`
	Index  int          `json:"index"`  // of the class; -1 for the likeliest
	Method model.Method `json:"method"` // empty for the model's own
	Cells  int          `json:"cells"`  // of occlusion; 0 for the default
}

// explainProgress is what explain tells its caller as it goes on.
type explainProgress struct {
	Done  int           `json:"done"`
	Total int           `json:"total"`
	SoFar model.Heatmap `json:"soFar"`
}

// explain makes a heat map. tick is called with an explainProgress as JSON and
// returns a promise: that lets messages come in, and what it is kept with says
// whether somebody still waits.
func (e *engine) explain(ctx context.Context, r explainRequest, rows, tick js.Value) (*model.Heatmap, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.model == nil {
		return nil, fault(codeNoModel, errors.New("no model is loaded"))
	}
	if r.Last {
		return heatmap(e.model.ExplainLast(ctx, r.Index))
	}
	picture, mode, err := e.picture(r.Width, r.Height, r.Mode, rows)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	options := model.ExplainOptions{Method: r.Method, Cells: r.Cells, Progress: func(done, total int, soFar model.Heatmap) {
		if err := told(tick, explainProgress{done, total, soFar}); err != nil {
			cancel(err)
		}
	}}
	found, err := heatmap(e.model.Explain(ctx, picture, mode, r.Index, options))
	if err != nil && ctx.Err() != nil {
		return nil, fault(codeClosed, context.Cause(ctx))
	}
	return found, err
}

func heatmap(found model.Heatmap, err error) (*model.Heatmap, error) {
	if err == nil {
		return &found, nil
	}
	return nil, runFault(err)
}

// errUnwanted means that nobody waits for a heat map any more.
var errUnwanted = errors.New("nobody waits for this any more")

// told calls tick and waits for its promise.
func told(tick js.Value, progress explainProgress) error {
	message, err := json.Marshal(progress)
	if err != nil {
		return err
	}
	wanted, err := promise.Await(context.Background(), tick.Invoke(string(message)))
	if err == nil && !wanted.Truthy() {
		err = errUnwanted
	}
	return err
}
