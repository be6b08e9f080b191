package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var (
	content = bytes.Repeat([]byte("hamster "), 1000)
	right   = MD5("b0e55695333e5afc134332cf59ed4d89")
	quick   = Client{Connect: 5 * time.Second, Stall: 5 * time.Second, Pause: time.Millisecond, Tries: 3}
)

// site serves content the way serve does and counts the requests.
func site(t *testing.T, serve func(n int, w http.ResponseWriter, r *http.Request)) (url string, requests *atomic.Int32) {
	t.Helper()
	requests = new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serve(int(requests.Add(1)), w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/f", requests
}

// whole serves content, ranges too.
func whole(w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, "f", time.Time{}, bytes.NewReader(content))
}

// cut serves n bytes of what is asked for and drops the connection.
func cut(n int, w http.ResponseWriter, r *http.Request) {
	rec := httptest.NewRecorder()
	whole(rec, r)
	for k, v := range rec.Header() {
		w.Header()[k] = v
	}
	w.WriteHeader(rec.Code)
	_, _ = w.Write(rec.Body.Bytes()[:n])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

func checkContent(t *testing.T, path string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("read %d bytes, %v; want %d", len(got), err, len(content))
	}
	if _, err := os.Stat(path + ".part"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the partial file is still there: %v", err)
	}
}

func wantError(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("got error %v, want one with %q", err, text)
	}
}

func TestFileArrivesAndProgressEndsAtItsSize(t *testing.T) {
	url, _ := site(t, func(_ int, w http.ResponseWriter, r *http.Request) { whole(w, r) })
	path := filepath.Join(t.TempDir(), "f")
	var done, total int64
	if err := quick.File(t.Context(), url, path, right, func(d, n int64) { done, total = d, n }); err != nil {
		t.Fatal(err)
	}
	checkContent(t, path)
	if done != int64(len(content)) || total != done {
		t.Errorf("progress ended at %d of %d", done, total)
	}
}

func TestCutDownloadGoesOnWhereItWas(t *testing.T) {
	var asked []string
	url, requests := site(t, func(n int, w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Range"))
		if n < 5 { // more cuts than Tries: each brought something
			cut(1000, w, r)
		}
		whole(w, r)
	})
	path := filepath.Join(t.TempDir(), "f")
	if err := quick.File(t.Context(), url, path, right, nil); err != nil {
		t.Fatal(err)
	}
	checkContent(t, path)
	if got, want := fmt.Sprint(asked), "[ bytes=1000- bytes=2000- bytes=3000- bytes=4000-]"; got != want || requests.Load() != 5 {
		t.Errorf("asked for %s, want %s", got, want)
	}
}

func TestLaterCallGoesOnWhereAnEarlierOneWas(t *testing.T) {
	url, _ := site(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Range"); got != "bytes=7000-" {
			t.Errorf("asked for %q", got)
		}
		whole(w, r)
	})
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path+".part", content[:7000], 0o644); err != nil {
		t.Fatal(err)
	}
	if err := quick.File(t.Context(), url, path, right, nil); err != nil {
		t.Fatal(err)
	}
	checkContent(t, path)
}

func TestPartThatIsWholeNeedsNoMore(t *testing.T) {
	url, requests := site(t, func(_ int, w http.ResponseWriter, r *http.Request) { whole(w, r) })
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path+".part", content, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := quick.File(t.Context(), url, path, right, nil); err != nil || requests.Load() != 1 {
		t.Fatalf("%d requests, error %v", requests.Load(), err)
	}
	checkContent(t, path)
}

func TestServerWithoutRangesStartsAnew(t *testing.T) {
	url, _ := site(t, func(_ int, w http.ResponseWriter, r *http.Request) { _, _ = w.Write(content) })
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path+".part", []byte("something else"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := quick.File(t.Context(), url, path, right, nil); err != nil {
		t.Fatal(err)
	}
	checkContent(t, path)
}

func TestWrongHashIsRefusedAndNotKept(t *testing.T) {
	url, _ := site(t, func(_ int, w http.ResponseWriter, r *http.Request) { whole(w, r) })
	path := filepath.Join(t.TempDir(), "f")
	wrong := strings.Repeat("0", 32)
	err := quick.File(t.Context(), url, path, MD5(wrong), nil)
	wantError(t, err, "md5 b0e55695333e5afc134332cf59ed4d89, not "+wrong)
	for _, name := range []string{path, path + ".part"} {
		if _, err := os.Stat(name); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRefusalIsNotTriedAgain(t *testing.T) {
	url, requests := site(t, func(_ int, w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) })
	err := quick.File(t.Context(), url, filepath.Join(t.TempDir(), "f"), right, nil)
	wantError(t, err, "404")
	if requests.Load() != 1 {
		t.Errorf("%d requests", requests.Load())
	}
}

func TestBusyServerIsTriedAgainButNotForEver(t *testing.T) {
	url, requests := site(t, func(_ int, w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) })
	err := quick.File(t.Context(), url, filepath.Join(t.TempDir(), "f"), right, nil)
	wantError(t, err, "503")
	if requests.Load() != 3 {
		t.Errorf("%d requests", requests.Load())
	}
}

func TestWrongRangeIsRefused(t *testing.T) {
	url, _ := site(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Range", "bytes 0-9/8000")
		w.WriteHeader(http.StatusPartialContent)
	})
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path+".part", content[:7000], 0o644); err != nil {
		t.Fatal(err)
	}
	wantError(t, quick.File(t.Context(), url, path, right, nil), "bytes from 0 where 7000")
}

func TestUnreachableServerIsAnErrorAtOnce(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	l.Close() // nobody listens there now
	slow := quick
	slow.Pause = time.Hour
	path := filepath.Join(t.TempDir(), "f")
	wantError(t, slow.File(t.Context(), url, path, right, nil), "cannot be reached")
	if _, err := os.Stat(path + ".part"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a partial file of nothing: %v", err)
	}
}

func TestStalledDownloadGoesOnAnew(t *testing.T) {
	url, requests := site(t, func(n int, w http.ResponseWriter, r *http.Request) {
		if n == 1 {
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			_, _ = w.Write(content[:1000])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return
		}
		whole(w, r)
	})
	c := quick
	c.Stall = 100 * time.Millisecond
	path := filepath.Join(t.TempDir(), "f")
	if err := c.File(t.Context(), url, path, right, nil); err != nil || requests.Load() != 2 {
		t.Fatalf("%d requests, error %v", requests.Load(), err)
	}
	checkContent(t, path)
}

func TestEndOfContextEndsTheDownloadAndKeepsThePart(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	url, _ := site(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		_, _ = w.Write(content[:1000])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	path := filepath.Join(t.TempDir(), "f")
	err := quick.File(ctx, url, path, right, func(done, _ int64) {
		if done == 1000 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v", err)
	}
	if info, err := os.Stat(path + ".part"); err != nil || info.Size() != 1000 {
		t.Errorf("partial file: %v, %v", info, err)
	}
}

// What npm prints for a file of three bytes, "abc" (the SHA-512 of FIPS 180-2's
// first example).
func TestIntegrityIsWrittenAsNpmDoes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("abc"), 0o644); err != nil {
		t.Fatal(err)
	}
	const want = "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="
	if err := Integrity(want).Check(path); err != nil {
		t.Error(err)
	}
	wantError(t, Integrity("sha512-x").Check(path), "not sha512-x")
}

func TestBarShowsShareAndBytes(t *testing.T) {
	for _, tc := range []struct {
		done, total int64
		want        string
	}{
		{0, 1e8, "[..............................]   0 %    0.0 / 100.0 MB"},
		{25e6, 1e8, "[#######.......................]  25 %   25.0 / 100.0 MB"},
		{1e8, 1e8, "[##############################] 100 %  100.0 / 100.0 MB"},
		{2e8, 1e8, "[##############################] 100 %  200.0 / 100.0 MB"},
		{25e6, -1, "25.0 MB"},
	} {
		if got := line(tc.done, tc.total); got != tc.want {
			t.Errorf("%d of %d: got %q, want %q", tc.done, tc.total, got, tc.want)
		}
	}
}
