#!/bin/sh
# Runs a WebAssembly program or test on Node.js, for go test -exec. Go's own
# launcher refuses to start under a large environment, so only what a test may
# need passes through.
exec env -i PATH="$PATH" HOME="$HOME" PWD="$PWD" CI="${CI:-}" HAMSTER_CACHE="${HAMSTER_CACHE:-}" HAMSTER_MODEL="${HAMSTER_MODEL:-}" \
	"$(go env GOROOT)/lib/wasm/go_js_wasm_exec" "$@"
