#!/bin/sh
# Runs every fuzz target of the module for a while:
#
#     tools/fuzz.sh DURATION
#
# `go test -fuzz` takes one target at a time, hence the loop.
set -eu
duration=${1:?usage: tools/fuzz.sh DURATION}
cd "$(dirname "$0")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# fuzz runs one target. The fuzzer at times takes its own end for a failure, with no input
# that fails: then the target is run once more.
fuzz() {
	for again in no yes; do
		! go test "$1" -run '^$' -fuzz "^$2\$" -fuzztime "$duration" </dev/null >"$log" 2>&1 || again=done
		cat "$log"
		[ $again != done ] || return 0
		[ $again = no ] && grep -q '^ *context deadline exceeded$' "$log" && ! grep -q 'Failing input' "$log" || return 1
	done
}

grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' model preprocess tools wasm |
	sed -E 's#(.*)/[^/]+:func (.*)#./\1 \2#' |
	while read -r package target; do
		fuzz "$package" "$target" || exit 1
	done
