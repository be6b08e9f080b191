package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hamster/model"
	"hamster/model/onnxfile"
	"hamster/tools/internal/gztest"
)

func TestExitStatusTellsFailureFromMisuse(t *testing.T) {
	for _, tc := range []struct {
		args     string
		status   int
		out, err string
	}{
		{"--help", 0, "model get", ""},
		{"model convert --help", 0, "--labels", ""},
		{"", exitUsage, "", "expected one of"},
		{"sing", exitUsage, "", "unexpected argument sing"},
		{"model get --from nowhere", exitUsage, "", "--from must be one of"},
		{"model convert main.go -o x.onnx", exitFailure, "", "main.go is not a TensorFlow.js model"},
	} {
		t.Run(tc.args, func(t *testing.T) {
			out, err, status := hamster(t, "", strings.Fields(tc.args)...)
			if status != tc.status || !strings.Contains(out, tc.out) || !strings.Contains(err, tc.err) {
				t.Errorf("status %d, out %q, err %q; want %d, %q and %q", status, out, err, tc.status, tc.out, tc.err)
			}
		})
	}
}

// kerasFile unpacks a small Keras weight file of 1000 classes.
func kerasFile(t *testing.T) string {
	t.Helper()
	data := gztest.Read(t, "../internal/inception/testdata/tiny.h5.gz")
	return write(t, filepath.Join(t.TempDir(), "weights.h5"), string(data))
}

func metadata(t *testing.T, path string) map[string]string {
	t.Helper()
	source, err := model.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	file, err := onnxfile.Parse(source, source.Size())
	if err != nil {
		t.Fatal(err)
	}
	return file.Metadata
}

func TestKerasWeightsAreDescribedAsImageNet(t *testing.T) {
	target := filepath.Join(t.TempDir(), "k.onnx")
	out, err, status := hamster(t, "", "model", "convert", kerasFile(t), "-o", target)
	if status != 0 || !strings.Contains(out, "from a Keras weight file") || !strings.Contains(out, "1000 classes") {
		t.Fatalf("status %d, out %q, err %q", status, out, err)
	}
	m := metadata(t, target)
	if m["hamster.preprocess"] != "keras" || !strings.Contains(m["hamster.labels"], "n02342885") {
		t.Errorf("metadata %v", m)
	}
}

func TestFlagsDescribeTheModel(t *testing.T) {
	target := filepath.Join(t.TempDir(), "k.onnx")
	labels := write(t, filepath.Join(t.TempDir(), "labels"), "n1\tfirst\r\nsecond\n"+strings.Repeat("more\n", 998))
	_, err, status := hamster(t, "", "model", "convert", kerasFile(t), "-o", target, "--like", "none",
		"--name", "N", "--model-version", "2", "--licence", "L", "--from", "here", "--labels", labels,
		"--scale", "58.4,57.1,57.4", "--offset=-2.1,-2,-1.8", "--preprocess", "quality")
	if status != 0 {
		t.Fatalf("status %d: %s", status, err)
	}
	m := metadata(t, target)
	for key, want := range map[string]string{
		"hamster.name": "N", "hamster.version": "2", "hamster.licence": "L", "hamster.source": "here",
		"hamster.input.scale": "58.4,57.1,57.4", "hamster.input.offset": "-2.1,-2,-1.8", "hamster.preprocess": "quality",
	} {
		if m[key] != want {
			t.Errorf("%s is %q, want %q", key, m[key], want)
		}
	}
	if want := `[{"id":"n1","label":"first"},{"id":"second","label":"second"},`; !strings.HasPrefix(m["hamster.labels"], want) {
		t.Errorf("labels %.80s, want %s", m["hamster.labels"], want)
	}
}

func TestFailedConversionLeavesTheOldFile(t *testing.T) {
	target := write(t, filepath.Join(t.TempDir(), "k.onnx"), "old")
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"too few labels", []string{kerasFile(t), "--labels", write(t, filepath.Join(t.TempDir(), "labels"), "a\nb\n")}, "2 labels for a model with 1000 outputs"},
		{"not a model", []string{write(t, filepath.Join(t.TempDir(), "page.h5"), "<!doctype html>")}, "is not a TensorFlow.js model"},
		{"empty", []string{write(t, filepath.Join(t.TempDir(), "empty"), "")}, "is empty"},
		{"scale is no number", []string{kerasFile(t), "--scale", "x"}, `scale "x"`},
		{"offsets for two channels", []string{kerasFile(t), "--offset", "1,2"}, `offset "1,2"`},
		{"unknown mode", []string{kerasFile(t), "--preprocess", "best"}, `"best"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err, status := hamster(t, "", append([]string{"model", "convert", "-o", target}, tc.args...)...)
			if status == 0 || !strings.Contains(err, tc.want) {
				t.Errorf("status %d, err %q; want %q", status, err, tc.want)
			}
			entries, readErr := os.ReadDir(filepath.Dir(target))
			if old, _ := os.ReadFile(target); readErr != nil || len(entries) != 1 || string(old) != "old" {
				t.Errorf("the folder holds %v, the file %q", entries, old)
			}
		})
	}
}
