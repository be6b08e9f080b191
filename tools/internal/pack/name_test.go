package pack

import "testing"

func TestNamesOfFolders(t *testing.T) {
	for path, want := range map[string]string{
		"/a/inception_v3-2.1.onnx": "inception_v3-2.1",
		"model":                    "model",
		".onnx":                    "model",
		"..hidden.onnx":            "hidden",
		"my model é.onnx":          "my-model--",
		"a:b\\c.onnx":              "a-b-c",
	} {
		if got := FolderName(path); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}
