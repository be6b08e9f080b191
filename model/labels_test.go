package model_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"hamster/model"
)

func TestLabelsAreReadFromTextAndJSON(t *testing.T) {
	want := []model.Label{{ID: "0", Name: "golden hamster"}, {ID: "1", Name: "Hörnchen"}}
	for _, c := range []struct {
		name, file string
		want       []model.Label
	}{
		{"lines", "golden hamster\nHörnchen", want},
		{"lines that end", "golden hamster\nHörnchen\n\n \n", want},
		{"lines of Windows", "\ufeffgolden hamster\r\nHörnchen\r\n", want},
		{"an array of names", ` ["golden hamster", "Hörnchen"] `, want},
		{"an array of objects", `[{"id":"n02342885","label":"golden hamster"},{"label":"Hörnchen"}]`, []model.Label{{ID: "n02342885", Name: "golden hamster"}, want[1]}},
		{"lines with IDs", "n02342885\tgolden hamster\n\tHörnchen", []model.Label{{ID: "n02342885", Name: "golden hamster"}, want[1]}},
		{"one line", "hamster", []model.Label{{ID: "0", Name: "hamster"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := model.ParseLabels([]byte(c.file))
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%v, %v; want %v", got, err, c.want)
			}
		})
	}
}

func TestWhatAreNoLabelsIsRefused(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"nothing", "", "empty"},
		{"blanks", "\n \n", "empty"},
		{"a photo", "\xff\xd8\xff\xe0\x00\x10JFIF", "no text in UTF-8"},
		{"a model", "\x08\x07\x12\x00", "no text in UTF-8"},
		{"a hole", "hamster\n\nmouse", "line 2 is empty"},
		{"broken JSON", `["hamster", `, "no JSON array"},
		{"numbers", `["hamster", 7]`, "element 1 is 7"},
		{"an object without a name", `[{"id":"n1"}]`, "element 0 is {"},
		{"too much", strings.Repeat("hamster\n", 2<<20), "larger than 8 MB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := model.ParseLabels([]byte(c.file))
			wantError(t, err, c.want)
			if !errors.Is(err, model.ErrLabels) {
				t.Errorf("%v is not ErrLabels", err)
			}
		})
	}
}

func TestLabelsOfTheWrongNumberAreRefused(t *testing.T) {
	err := loadError(t, colours().Bytes(), model.Options{Labels: []model.Label{{ID: "0", Name: "grey"}}})
	wantError(t, err, "1 labels for 3 outputs")
	if !errors.Is(err, model.ErrLabels) {
		t.Errorf("%v is not ErrLabels", err)
	}
}

func FuzzParseLabels(f *testing.F) {
	for _, seed := range []string{"a\nb", `["a","b"]`, `[{"id":"x","label":"y"}]`, "\ufeffa\r\n", "[]", "[[", "\n\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		labels, err := model.ParseLabels(file)
		if err != nil {
			if !errors.Is(err, model.ErrLabels) {
				t.Errorf("%v is not ErrLabels", err)
			}
			return
		}
		// What was read can be written and read again.
		b, err := json.Marshal(labels)
		if err != nil {
			t.Fatal(err)
		}
		again, err := model.ParseLabels(b)
		if len(labels) > 0 && (err != nil || !slices.Equal(again, labels)) {
			t.Errorf("%v, then %v, %v", labels, again, err)
		}
	})
}

func TestALoadedModelDescribesItself(t *testing.T) {
	m := withSoftmax(colours())
	m.Metadata[model.KeyName] = "Colours"
	b := m.Bytes()
	loaded := load(t, m, model.Options{Backend: "simd", Threads: 1})
	want, err := model.Inspect(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	got := loaded.Report()
	if got.Memory == nil || got.Memory.Peak != want.Memory.Peak {
		t.Errorf("memory %+v, want %+v", got.Memory, want.Memory)
	}
	got.Memory, want.Memory = nil, nil
	x, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if y, _ := json.Marshal(want); !bytes.Equal(x, y) {
		t.Errorf("%s\nwant %s", x, y)
	}
	if load(t, m, model.Options{Backend: "gorgonia"}).Report().Memory != nil {
		t.Error("Gorgonia has a plan of the engine")
	}
}
