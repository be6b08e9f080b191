package serve

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestATakenPortIsSaidPlainly(t *testing.T) {
	listener, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, err = Listen(t.Context(), listener.Addr().String())
	if err == nil || !strings.Contains(err.Error(), "another program already uses "+listener.Addr().String()) {
		t.Errorf("error is %v", err)
	}
}

func TestAnAddressThatIsNoneIsRefused(t *testing.T) {
	if _, err := Listen(t.Context(), "nonsense"); err == nil {
		t.Error("no error")
	}
}

func TestServeFinishesWhatItIsSendingWhenStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	listener, err := Listen(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	begun := make(chan struct{})
	served := make(chan error, 1)
	go func() {
		served <- Serve(ctx, listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(begun)
			<-ctx.Done()
			time.Sleep(20 * time.Millisecond)
			io.WriteString(w, "whole")
		}))
	}()
	body := make(chan string, 1)
	go func() {
		response, err := http.Get("http://" + listener.Addr().String())
		if err != nil {
			body <- err.Error()
			return
		}
		defer response.Body.Close()
		content, _ := io.ReadAll(response.Body)
		body <- string(content)
	}()
	<-begun
	stop()
	if got := <-body; got != "whole" {
		t.Errorf("the answer was %q", got)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve returned %v", err)
	}
}

func TestServeReturnsTheErrorOfAClosedListener(t *testing.T) {
	listener, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	if err := Serve(t.Context(), listener, http.NotFoundHandler()); err == nil {
		t.Error("no error")
	}
}
