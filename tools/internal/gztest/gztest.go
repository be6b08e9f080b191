// Package gztest reads the packed files that tests are made of.
package gztest

import (
	"compress/gzip"
	"io"
	"os"
	"testing"
)

// Read unpacks the gzip file at path; a failure ends the test.
func Read(t testing.TB, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatalf("unpack %s: %v", path, err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatalf("unpack %s: %v", path, err)
	}
	return data
}
