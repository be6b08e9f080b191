//go:build js && wasm

// The edge of Hamster: a Cloudflare Worker that answers for models out of an R2
// bucket. Static files of the site never come here, and bytes of models do not
// pass through Go's memory.
package main

import (
	"fmt"
	"net/http"
	"os"
	"sync"
	"syscall/js"

	"github.com/syumai/workers"
	"github.com/syumai/workers/cloudflare"

	"hamster/tools/edge/deployment"
	"hamster/tools/internal/httpfile"
)

func main() {
	workers.Serve(http.HandlerFunc(serve))
}

// deployed is what this program was started with.
var deployed = sync.OnceValues(func() (*deployment.Deployment, error) {
	return deployment.Parse(cloudflare.Getenv(deployment.Variable))
})

// serve answers one request. Many run at a time, but never in parallel, and none
// may touch the streams and promises of another: they share only deployed.
func serve(outer http.ResponseWriter, r *http.Request) {
	w := &writer{ResponseWriter: outer, isHead: r.Method == http.MethodHead}
	defer w.finish()
	d, err := deployed()
	if err != nil {
		w.fail(err)
		return
	}
	defer func() {
		if fault := recover(); fault != nil { // what the runtime throws is a panic here
			w.fail(fault)
		}
	}()
	h := &httpfile.Handler{Files: &files{deployment: d}, Policy: httpfile.Policy{Embedders: d.Embedders}}
	h.ServeHTTP(w, r)
}

// writer gives the runtime one body: a stream of its own, the few bytes that Go
// wrote, or none, where it would otherwise make an empty one and lose the length.
type writer struct {
	http.ResponseWriter
	isHead bool
	text   []byte
	stream js.Value // undefined unless it was given
}

func (w *writer) Write(text []byte) (int, error) {
	w.text = append(w.text, text...)
	return len(text), nil
}

// fail forgets what was to be sent. The worker's own script knows what is said
// of a status without a body; the fault itself is for the operator's log alone.
func (w *writer) fail(fault any) {
	fmt.Fprintln(os.Stderr, "edge:", fault)
	clear(w.Header())
	w.text, w.stream = nil, js.Undefined()
	w.WriteHeader(http.StatusInternalServerError)
}

func (w *writer) finish() {
	body := js.Null()
	switch {
	case w.isHead:
	case !w.stream.IsUndefined():
		body = w.stream
	case len(w.text) > 0:
		body = js.Global().Get("Uint8Array").New(len(w.text))
		js.CopyBytesToJS(body, w.text)
	}
	w.ResponseWriter.(interface{ WriteRawJSBody(js.Value) }).WriteRawJSBody(body)
}
