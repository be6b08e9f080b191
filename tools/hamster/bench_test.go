package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	olderBench = `[
 {"metric":"steady_ms","system":"hamster","backend":"simd","variant":"relaxed","threads":1,"model":"m/float32","median":200,"min":190,"max":210,"rounds":5},
 {"metric":"memory_bytes","system":"hamster","backend":"simd","variant":"relaxed","threads":1,"model":"m/float32","median":1e8,"min":1e8,"max":1e8,"rounds":5}
]`
	newerBench = `[
 {"metric":"steady_ms","system":"hamster","backend":"simd","variant":"relaxed","threads":1,"model":"m/float32","median":150,"min":140,"max":160,"rounds":5}
]`
)

func TestBenchReportMergesComparesAndDraws(t *testing.T) {
	dir := t.TempDir()
	older := write(t, filepath.Join(dir, "older.json"), olderBench)
	newer := write(t, filepath.Join(dir, "newer.json"), newerBench)
	picture, merged := filepath.Join(dir, "docs", "picture.svg"), filepath.Join(dir, "docs", "merged.json")
	out, errs, status := hamster(t, "", "bench", "report", older, newer, "--compare", older, "--picture", picture, "--json", merged)
	if status != 0 {
		t.Fatalf("status %d\n%s", status, errs)
	}
	for _, want := range []string{"150 ms", "100.0 MB", "200 ms", "-25 %  better", "1 figures moved beyond the noise, 1 did not."} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	for path, want := range map[string]string{picture: "150 ms", merged: `"median":150,`} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %q:\n%s", filepath.Base(path), want, text)
		}
	}
}

func TestBenchRefusesWhatItCannotRead(t *testing.T) {
	odd := write(t, filepath.Join(t.TempDir(), "odd.json"), `{"metric":"steady_ms"}`)
	for want, args := range map[string][]string{
		"is no report of a bench":     {"bench", "report", odd},
		"--merge needs the --json":    {"bench", "--merge"},
		`metric "speed" is unknown`:   {"bench", "--only", "speed", "--model", odd},
		"0 rounds: at least one is n": {"bench", "--rounds", "0", "--model", odd},
	} {
		_, errs, status := hamster(t, "", args...)
		if status == 0 || !strings.Contains(errs, want) {
			t.Errorf("%v: status %d, %q, want %q", args, status, errs, want)
		}
	}
}
