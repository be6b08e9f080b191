package bench

import (
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// The line that visits come over: 20 Mbit/s, and 40 ms to the server and back.
const (
	linkRate  = 20e6 / 8 // bytes a second
	roundTrip = 40 * time.Millisecond
)

// A link is a listener whose connections share one line of limited rate, and
// that counts the bytes which leave by it, headers included. The browser's own
// throttle is for one page or one worker at a time, so that workers would get a
// line each.
type link struct {
	net.Listener
	rate      float64
	roundTrip time.Duration // for a connection to be made, and for each request
	sent      atomic.Int64

	mu   sync.Mutex
	free time.Time // when the line is idle again
}

func (l *link) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &linked{Conn: c, link: l}, nil
}

// far answers requests one round trip later.
func (l *link) far(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(l.roundTrip)
		h.ServeHTTP(w, r)
	})
}

// occupy returns when n more bytes have passed.
func (l *link) occupy(n int) {
	l.mu.Lock()
	if now := time.Now(); l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(time.Duration(float64(n) / l.rate * float64(time.Second)))
	until := l.free
	l.mu.Unlock()
	time.Sleep(time.Until(until))
	l.sent.Add(int64(n))
}

type linked struct {
	net.Conn
	link *link
	made sync.Once
}

// Read waits before the first byte: to make a connection takes a round trip.
func (c *linked) Read(p []byte) (int, error) {
	c.made.Do(func() { time.Sleep(c.link.roundTrip) })
	return c.Conn.Read(p)
}

// frame is how many bytes one connection sends before the others have a turn.
const frame = 8 << 10

func (c *linked) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		part := p[:min(len(p), frame)]
		c.link.occupy(len(part))
		m, err := c.Conn.Write(part)
		n += m
		if err != nil {
			return n, err
		}
		p = p[m:]
	}
	return n, nil
}
