package model_test

import (
	"bytes"
	"errors"
	"reflect"
	"runtime"
	"slices"
	"testing"

	"hamster/model"
	"hamster/preprocess"
)

// remembered loads a model the long way, and its snapshot.
func remembered(t *testing.T, file []byte, opts model.Options) (*model.Model, []byte) {
	t.Helper()
	opts.Remember = true
	m, err := model.Load(t.Context(), bytes.NewReader(file), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	b := m.Snapshot()
	if len(b) == 0 || m.Snapshot() != nil {
		t.Fatalf("a snapshot of %d bytes", len(b))
	}
	return m, b
}

// wantSame checks that two models say the same of themselves and of a picture.
func wantSame(t *testing.T, got, want *model.Model, img preprocess.Image) {
	t.Helper()
	if got.Spec() != want.Spec() || !slices.Equal(got.Labels(), want.Labels()) || !slices.Equal(got.InputShape(), want.InputShape()) ||
		got.Backend() != want.Backend() || got.Method() != want.Method() {
		t.Errorf("%+v %v %v %s %s\nwant %+v %v %v %s %s", got.Spec(), got.Labels(), got.InputShape(), got.Backend(), got.Method(),
			want.Spec(), want.Labels(), want.InputShape(), want.Backend(), want.Method())
	}
	if !reflect.DeepEqual(got.Report(), want.Report()) {
		t.Errorf("report %+v\nwant %+v", got.Report(), want.Report())
	}
	seen := func(m *model.Model) ([]model.Prediction, model.Heatmap) {
		t.Helper()
		predictions, _, err := m.ClassifyImage(t.Context(), img, "")
		if err != nil {
			t.Fatal(err)
		}
		heat, err := m.Explain(t.Context(), img, "", model.Likeliest, model.ExplainOptions{Cells: 2})
		if err != nil {
			t.Fatal(err)
		}
		return predictions, heat
	}
	gotPredictions, gotHeat := seen(got)
	wantPredictions, wantHeat := seen(want)
	if !slices.Equal(gotPredictions, wantPredictions) || !reflect.DeepEqual(gotHeat, wantHeat) {
		t.Errorf("%+v %+v\nwant %+v %+v", gotPredictions, gotHeat, wantPredictions, wantHeat)
	}
}

func TestAModelIsResumedByItsSnapshotAsItWas(t *testing.T) {
	for name, file := range map[string][]byte{"with a head": grid(8).Bytes(), "without": blind(8).Bytes()} {
		for _, threads := range []int{1, 2} {
			opts := model.Options{Backend: "simd", Threads: threads}
			m, snapshot := remembered(t, file, opts)
			opts.Snapshot, opts.Remember = snapshot, true
			source := &fleeting{Reader: bytes.NewReader(file)}
			resumed, err := model.Load(t.Context(), source, opts)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { resumed.Close() })
			if !resumed.Resumed() || m.Resumed() || resumed.Snapshot() != nil {
				t.Fatalf("%s: resumed %v and %v", name, resumed.Resumed(), m.Resumed())
			}
			source.gone = true
			wantSame(t, resumed, m, squares(8))
			if more, err := resumed.Practise(t.Context()); more || err != nil {
				t.Errorf("%s: it practises: %v, %v", name, more, err)
			}
		}
	}
}

func TestOtherLabelsNameTheClassesOfAResumedModel(t *testing.T) {
	file := grid(8).Bytes()
	_, snapshot := remembered(t, file, model.Options{Labels: []model.Label{{ID: "1", Name: "one"}, {ID: "2", Name: "two"}, {ID: "3", Name: "three"}}})
	for want, labels := range map[string][]model.Label{"red": nil, "uno": {{ID: "1", Name: "uno"}, {ID: "2", Name: "dos"}, {ID: "3", Name: "tres"}}} {
		m, err := model.Load(t.Context(), bytes.NewReader(file), model.Options{Snapshot: snapshot, Labels: labels})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if got := m.Labels()[0].Name; got != want || !m.Resumed() || m.Report().Labels[0].Name != want {
			t.Errorf("%q, want %q; resumed %v", got, want, m.Resumed())
		}
	}
	_, err := model.Load(t.Context(), bytes.NewReader(file), model.Options{Snapshot: snapshot, Labels: []model.Label{{ID: "1", Name: "alone"}}})
	if !errors.Is(err, model.ErrLabels) {
		t.Errorf("one label for three outputs: %v", err)
	}
}

func TestASnapshotThatDoesNotFitIsNotUsed(t *testing.T) {
	file := grid(8).Bytes()
	_, snapshot := remembered(t, file, model.Options{Threads: 1})
	other := grid(8)
	other.Metadata["more"] = "makes the file longer"
	cases := map[string]struct {
		file     []byte
		opts     model.Options
		snapshot []byte
	}{
		"of another file":         {other.Bytes(), model.Options{Threads: 1}, snapshot},
		"of other threads":        {file, model.Options{Threads: 2}, snapshot},
		"of other arithmetic":     {file, model.Options{Threads: 1, NoWinograd: true}, snapshot},
		"for another backend":     {file, model.Options{Backend: "gorgonia"}, snapshot},
		"cut off":                 {file, model.Options{Threads: 1}, snapshot[:len(snapshot)/2]},
		"no snapshot":             {file, model.Options{Threads: 1}, []byte("hello")},
		"empty":                   {file, model.Options{Threads: 1}, []byte{}},
		"with a module too short": {file, model.Options{Threads: 1}, bytes.Replace(snapshot, []byte("\x00asm"), []byte("\x00wat"), 1)},
	}
	if runtime.GOOS == "js" {
		delete(cases, "of other threads") // here there is one, whatever is asked for
	}
	for name, c := range cases {
		c.opts.Snapshot = c.snapshot
		m, err := model.Load(t.Context(), bytes.NewReader(c.file), c.opts)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if m.Resumed() {
			t.Errorf("a snapshot %s was used", name)
		}
		if _, _, err := m.ClassifyImage(t.Context(), squares(8), ""); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		m.Close()
	}
}

func TestADamagedSnapshotIsNotUsed(t *testing.T) {
	file := grid(8).Bytes()
	_, snapshot := remembered(t, file, model.Options{Threads: 1})
	for at := 0; at < len(snapshot); at += 1 + at/50 {
		damaged := slices.Clone(snapshot)
		damaged[at] ^= 1 << (at % 8)
		m, err := model.Load(t.Context(), bytes.NewReader(file), model.Options{Threads: 1, Snapshot: damaged})
		if err != nil {
			t.Fatal(err)
		}
		if m.Resumed() {
			t.Errorf("it is used though byte %d is another", at)
		}
		m.Close()
	}
}

func TestAFileThatIsNotWhatTheSnapshotSaysIsAnError(t *testing.T) {
	file := grid(8).Bytes()
	_, snapshot := remembered(t, file, model.Options{})
	m, err := model.Load(t.Context(), &fleeting{Reader: bytes.NewReader(file), gone: true}, model.Options{Snapshot: snapshot})
	if err == nil {
		m.Close()
		t.Error("a model without its weights was loaded")
	}
}
