// Package fetch downloads large files: it shows how far it is, goes on where
// a cut connection left off, also in a later run, and checks the hash.
package fetch

import (
	"context"
	"crypto/md5"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// Sum is the hash that a file must have.
type Sum struct {
	Name string // "md5", "sha512"
	New  func() hash.Hash
	Want string
	text func([]byte) string
}

// MD5 is an MD5 in hexadecimal, as Keras pins its files.
func MD5(want string) Sum { return Sum{"md5", md5.New, want, hex.EncodeToString} }

// Integrity is a SHA-512 as npm writes it: "sha512-" and base64.
func Integrity(want string) Sum {
	return Sum{"integrity", sha512.New, want, func(b []byte) string {
		return "sha512-" + base64.StdEncoding.EncodeToString(b)
	}}
}

// Check reads the file at path and compares its hash.
func (s Sum) Check(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := s.New()
	if _, err := io.Copy(h, f); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if got := s.text(h.Sum(nil)); got != s.Want {
		return fmt.Errorf("%s has %s %s, not %s", path, s.Name, got, s.Want)
	}
	return nil
}

// Client downloads with these waits.
type Client struct {
	Connect time.Duration // to reach the server, and again for its first answer
	Stall   time.Duration // without a byte arriving, before it starts anew
	Pause   time.Duration // before the first new attempt; each next is twice as long
	Tries   int           // attempts in a row that bring nothing, before it gives up
}

// Default has the waits for a large file over the open network.
var Default = Client{Connect: 10 * time.Second, Stall: 30 * time.Second, Pause: time.Second, Tries: 4}

// Progress is told how many bytes are there, and of how many; total is -1
// where the server does not say.
type Progress func(done, total int64)

// File downloads address to path and checks it to have the hash sum. What arrives
// lies in path + ".part" until all is there; a later call goes on from it. A
// server that cannot be reached at all is an error at once.
func (c Client) File(ctx context.Context, address, path string, sum Sum, progress Progress) error {
	dialer := &net.Dialer{Timeout: c.Connect}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSHandshakeTimeout:   c.Connect,
		ResponseHeaderTimeout: c.Connect,
		// A compressed answer has no use for ranges.
		DisableCompression: true,
	}
	defer transport.CloseIdleConnections()
	d := &download{
		Client: c, http: &http.Client{Transport: transport},
		address: address, part: path + ".part", progress: progress,
	}
	received := int64(0)
	for try := 0; ; {
		got, err := d.attempt(ctx)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return fmt.Errorf("download %s: %w", address, context.Cause(ctx))
		}
		if received += got; got > 0 {
			try = 0
		}
		again := errors.Is(err, errCut) || errors.Is(err, errUnreached) && received > 0
		if try++; try >= c.Tries || !again {
			return fmt.Errorf("download %s: %w", address, err)
		}
		select {
		case <-time.After(c.Pause << (try - 1)):
		case <-ctx.Done():
			return fmt.Errorf("download %s: %w", address, context.Cause(ctx))
		}
	}
	if err := sum.Check(d.part); err != nil {
		// It cannot be mended by going on.
		return errors.Join(fmt.Errorf("download %s: %w", address, err), os.Remove(d.part))
	}
	return os.Rename(d.part, path)
}

// Failures after which another attempt may go on; after errUnreached only if
// the server could be reached before.
var (
	errCut       = errors.New("the connection was cut")
	errUnreached = errors.New("the server cannot be reached")
)

type download struct {
	Client
	http          *http.Client
	address, part string
	progress      Progress
}

// attempt asks for what is missing and returns how many bytes came; a nil
// error says that the file is whole.
func (d *download) attempt(ctx context.Context) (got int64, err error) {
	have := int64(0)
	if info, err := os.Stat(d.part); err == nil {
		have = info.Size()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.address, nil)
	if err != nil {
		return 0, err
	}
	if have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	resp, err := d.http.Do(req)
	if err != nil {
		var bare *url.Error // its text repeats the address
		if errors.As(err, &bare) {
			err = bare.Err
		}
		return 0, fmt.Errorf("%w: %w", errUnreached, err)
	}
	defer resp.Body.Close()
	total := int64(-1)
	mode := os.O_WRONLY | os.O_CREATE | os.O_APPEND
	switch resp.StatusCode {
	case http.StatusPartialContent:
		var start int64
		start, total = contentRange(resp.Header.Get("Content-Range"))
		if start != have {
			return 0, fmt.Errorf("the server answers with bytes from %d where %d were asked for", start, have)
		}
	case http.StatusOK:
		// The whole file, asked for or not.
		have = 0
		mode |= os.O_TRUNC
		total = resp.ContentLength
	case http.StatusRequestedRangeNotSatisfiable:
		// Nothing is left to send: the hash tells whether that is right.
		return 0, nil
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return 0, fmt.Errorf("%w: the server answers %s", errCut, resp.Status)
	default:
		return 0, fmt.Errorf("the server answers %s", resp.Status)
	}
	f, err := os.OpenFile(d.part, mode, 0o644)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	stall := time.AfterFunc(d.Stall, func() { cancel(fmt.Errorf("nothing arrived for %v", d.Stall)) })
	defer stall.Stop()
	body := &watched{r: resp.Body, seen: func(n int) {
		stall.Reset(d.Stall)
		got += int64(n)
		if d.progress != nil {
			d.progress(have+got, total)
		}
	}}
	written, err := io.Copy(f, body)
	if err != nil && written < got {
		return got, fmt.Errorf("write %s: %w", d.part, err)
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err == nil && total >= 0 && have+got < total {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return got, fmt.Errorf("%w after %d bytes: %w", errCut, have+got, err)
	}
	return got, f.Close()
}

// contentRange reads "bytes 100-199/200"; total is -1 for "*".
func contentRange(header string) (start, total int64) {
	text, size, _ := strings.Cut(strings.TrimPrefix(header, "bytes "), "/")
	first, _, _ := strings.Cut(text, "-")
	start, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		start = -1
	}
	total, err = strconv.ParseInt(size, 10, 64)
	if err != nil {
		total = -1
	}
	return start, total
}

// watched calls seen for every read.
type watched struct {
	r    io.Reader
	seen func(n int)
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if n > 0 {
		w.seen(n)
	}
	return n, err
}
