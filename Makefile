# Each task sets up what it needs first; `make` alone lists them.

ADDR ?= 127.0.0.1:8080
FUZZTIME ?= 5m

# What a browser runs is vetted and tested as WebAssembly too: on Node.js, which
# is quick, or in Chromium where it asks for what only a browser has.
WASM_PACKAGES = ./wasm/... ./model/... ./preprocess/... ./tools/bench/... ./tools/package/... ./tools/edge/worker ./tools/edge/deployment
WASM_ON_NODE = ./preprocess/... ./model/onnxfile ./model/graph ./model/gorgonia
WASM_IN_CHROMIUM = ./wasm/... ./model ./model/simd ./model/simd/asm

# A clone that another user owns must build too.
export GOFLAGS := -buildvcs=false $(filter-out -buildvcs=false,$(GOFLAGS))

# Tests compare with figures of the model that npm delivers, whatever else the
# user's cache holds.
WITH_MODEL = export HAMSTER_MODEL=$$(go run ./tools/hamster model get --from npm) &&

.PHONY: help
help:
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

.PHONY: run
run: setup-run ## serve the page on http://127.0.0.1:8080 (or on ADDR)
	@go run ./tools/hamster serve --addr $(ADDR)

.PHONY: test
test: check test-go test-wasm test-kernels test-node test-browser test-edge test-fuzz check-readme ## everything that must pass before a commit lands

.PHONY: check
check: fmt vet staticcheck types ## formatting, static analysis, types

.PHONY: setup-run setup-edge setup-test
setup-run:
	@tools/setup.sh run
setup-edge:
	@tools/setup.sh edge
setup-test:
	@tools/setup.sh test

.PHONY: fmt
fmt: setup-run ## is every Go file formatted?
	@unformatted=$$(gofmt -l model preprocess tools wasm web) && \
	if [ -n "$$unformatted" ]; then echo "gofmt would change:" $$unformatted; exit 1; fi

.PHONY: vet
vet: setup-run ## go vet, natively and for the browser
	go vet ./... && go -C wasm/tensor vet ./... && go -C wasm/protobuf vet ./...
	GOOS=js GOARCH=wasm go vet $(WASM_PACKAGES)

.PHONY: staticcheck
staticcheck: .cache/bin/staticcheck ## staticcheck, natively and for the browser
	.cache/bin/staticcheck ./...
	GOOS=js GOARCH=wasm .cache/bin/staticcheck $(WASM_PACKAGES)

# Built for this machine: under GOOS=js, `go tool` would build a tool that only
# a browser could run.
.cache/bin/staticcheck: go.mod | setup-run
	go build -o $@ honnef.co/go/tools/cmd/staticcheck

.PHONY: types
types: setup-test ## the types that JavaScript's comments declare
	@for project in $$(find web tools -name node_modules -prune -o -name jsconfig.json -print); do \
		echo "tsc -p $$project" && tools/npm/node_modules/.bin/tsc -p $$project || exit 1; \
	done

.PHONY: test-go
test-go: setup-test ## Go tests, natively
	$(WITH_MODEL) go test -timeout 20m ./...

.PHONY: test-wasm
test-wasm: setup-test ## Go tests, as WebAssembly on Node.js and in Chromium
	$(WITH_MODEL) export GOOS=js GOARCH=wasm && \
	go test -timeout 20m -short -exec '$(CURDIR)/tools/wasmexec.sh' $(WASM_ON_NODE) && \
	go test -timeout 20m -p 1 -short -exec 'node $(CURDIR)/tools/chromiumexec/exec.mjs' $(WASM_IN_CHROMIUM)

# test-go runs them all on wazero and Node.js.
.PHONY: test-kernels
test-kernels: setup-test ## the fast engine's kernels, alone, in Chromium
	go test -short -timeout 5m ./model/simd/kernel -hosts=chromium

.PHONY: test-node
test-node: setup-test ## JavaScript, and models compared with other runtimes
	$(WITH_MODEL) node --test web/test/*.test.mjs tools/npm/*.test.mjs

.PHONY: test-browser
test-browser: setup-test ## the page, in headless Chromium
	$(WITH_MODEL) node --test --test-force-exit --test-concurrency=1 web/test/*.e2e.mjs

# Its Go tests are among those of test-go, and are not run again.
.PHONY: test-edge test-edge-long
test-edge: setup-test ## the edge, in Cloudflare's own runtime
	$(WITH_MODEL) go test -timeout 20m ./tools/edge/... && \
	node --test --test-force-exit --test-concurrency=1 tools/edge/test/*.mjs
test-edge-long: setup-test ## the same with 2,000 requests in turn, and 200 shards of a real model at once
	HAMSTER_EDGE_LONG=1 go test -count=1 -v -run Runtime -timeout 20m ./tools/edge
	$(WITH_MODEL) go run ./tools/edge bench $$HAMSTER_MODEL

# HAMSTER_EMBED names the origins that may embed it, EDGE_ARGS models and more:
# see docs/edge.md.
.PHONY: edge edge-dev edge-deploy edge-bench
edge: setup-edge ## build what Cloudflare Workers run
	@go run ./tools/edge build $(EDGE_ARGS)
edge-dev: setup-edge ## run the edge on http://127.0.0.1:8787
	@go run ./tools/edge dev $(EDGE_ARGS)
edge-deploy: setup-edge ## deploy it (DRY_RUN=1: all but what needs an account)
	@go run ./tools/edge deploy $(if $(DRY_RUN),--dry-run) $(EDGE_ARGS)
edge-bench: setup-edge ## how long its requests take, on this machine
	@go run ./tools/edge bench $(EDGE_ARGS)

.PHONY: test-many
test-many: setup-test ## five hundred photos at once, and the page's memory meanwhile (3 minutes)
	$(WITH_MODEL) node --test web/test/many.long.mjs

.PHONY: test-browsers setup-browsers
test-browsers: setup-browsers ## the main path in Firefox and WebKit too
	$(WITH_MODEL) node --test --test-force-exit --test-concurrency=1 web/test/browsers.mjs
setup-browsers:
	@tools/setup.sh browsers

.PHONY: check-readme
check-readme: setup-test ## every command that README.md shows, those within sentences in short
	go run ./tools/internal/readme

.PHONY: test-fuzz fuzz
test-fuzz: setup-test ## every fuzz target for a moment
	@tools/fuzz.sh 3s
fuzz: setup-test ## every fuzz target for 5 minutes (or FUZZTIME)
	tools/fuzz.sh $(FUZZTIME)

# Leave the machine alone meanwhile: what else runs is in the figures. ONLY names
# metrics to measure anew, and ROUNDS how often.
ROUNDS ?= 3
.PHONY: bench
bench: setup-test ## Hamster beside its peers, in headless Chromium (25 minutes; ONLY=METRIC,… for a part)
	@go run ./tools/hamster bench --rounds $(ROUNDS) $(if $(ONLY),--only $(ONLY) --merge) --json docs/bench/results.json \
		--markdown docs/bench/results.md --picture docs/bench/peers.svg --curves docs/bench/growth.svg --targets README.md

.PHONY: bench-go
bench-go: setup-test ## Go benchmarks of the stages that run natively, for benchstat
	@$(WITH_MODEL) go test -run '^$$' -bench . -count $(ROUNDS) ./model/... ./preprocess/...

.PHONY: package
package: setup-run ## build the npm package, into .cache/package
	@go run ./tools/hamster package

.PHONY: notice
notice: setup-run ## write NOTICE anew, after go.mod has changed
	go run ./tools/internal/notice

.PHONY: clean
clean: ## remove what was built here; the cache of models stays
	rm -rf .cache bin
