//go:build !js

package model_test

import (
	"testing"

	"hamster/model"
)

func TestInceptionIsResumedAsItWas(t *testing.T) {
	opts := model.Options{Remember: true}
	m := defaultLoaded(t, opts)
	opts.Snapshot = m.Snapshot()
	t.Logf("the snapshot has %d bytes", len(opts.Snapshot))
	resumed := defaultLoaded(t, opts)
	if !resumed.Resumed() {
		t.Fatal("it was not resumed")
	}
	wantSame(t, resumed, m, photo(t, "chelsea.png"))
}
