package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"hamster/tools/internal/httpfile"
)

const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	// Long enough for a model on its way to a slow phone in the next room.
	shutdownGrace = 5 * time.Second
)

// Listen opens the address, or says in one sentence why it cannot.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("another program already uses %s: stop it, or choose another address with --addr (port 0 takes any free one)", address)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return listener, nil
}

// Serve answers on the listener until ctx ends; then it finishes what it is
// sending, for a few seconds at most, and returns nil.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		// What a handler should refuse must reach it.
		MaxHeaderBytes: 2 * httpfile.MaxHeader,
	}
	stopped := make(chan error, 1)
	cancelled := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
		defer cancel()
		err := server.Shutdown(grace)
		if errors.Is(err, context.DeadlineExceeded) {
			err = server.Close()
		}
		stopped <- err
	})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		cancelled()
		return fmt.Errorf("serve: %w", err)
	}
	return <-stopped
}
