package bench

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// linkRate is that of the line that cold visits come over: 20 Mbit/s.
const linkRate = 20e6 / 8 // bytes a second

// A link is a listener whose connections share one line of limited rate, and
// that counts the bytes which leave by it, headers included. The browser's own
// throttle is for one page or one worker at a time, so that workers would get a
// line each.
type link struct {
	net.Listener
	rate float64
	sent atomic.Int64

	mu   sync.Mutex
	free time.Time // when the line is idle again
}

func (l *link) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &linked{c, l}, nil
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
