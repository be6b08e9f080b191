#!/bin/sh
# Runs every fuzz target of the module for a while:
#
#     tools/fuzz.sh DURATION
#
# `go test -fuzz` takes one target at a time, hence the loop.
set -eu
duration=${1:?usage: tools/fuzz.sh DURATION}
cd "$(dirname "$0")/.."

grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' model preprocess tools wasm |
	sed -E 's#(.*)/[^/]+:func (.*)#./\1 \2#' |
	while read -r package target; do
		go test "$package" -run '^$' -fuzz "^$target\$" -fuzztime "$duration" </dev/null || exit 1
	done
