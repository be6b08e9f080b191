# Each task sets up what it needs first; `make` alone lists them.

ADDR ?= 127.0.0.1:8080
FUZZTIME ?= 5m

GO_WASM = GOOS=js GOARCH=wasm go

# The packages that a browser runs, and so are checked for GOOS=js as well.
WASM_PACKAGES = ./wasm/... ./model/... ./preprocess/...

# A clone that another user owns must build too.
export GOFLAGS := -buildvcs=false $(filter-out -buildvcs=false,$(GOFLAGS))

.PHONY: help
help:
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

.PHONY: run
run: setup-run ## serve the page on http://$(ADDR)
	go run ./tools/hamster serve --addr $(ADDR)

.PHONY: test
test: check test-go test-wasm ## everything that must pass before a commit lands

.PHONY: check
check: fmt vet staticcheck ## formatting and static analysis

.PHONY: setup-run setup-test
setup-run:
	@tools/setup.sh run
setup-test:
	@tools/setup.sh test

.PHONY: fmt
fmt: ## is every Go file formatted?
	@unformatted=$$(gofmt -l model preprocess tools wasm) && \
	if [ -n "$$unformatted" ]; then echo "gofmt would change:" $$unformatted; exit 1; fi

.PHONY: vet
vet: setup-run ## go vet, natively and for the browser
	go vet ./...
	$(GO_WASM) vet $(WASM_PACKAGES)

.PHONY: staticcheck
staticcheck: .cache/bin/staticcheck ## staticcheck, natively and for the browser
	.cache/bin/staticcheck ./...
	GOOS=js GOARCH=wasm .cache/bin/staticcheck $(WASM_PACKAGES)

# Built once for this machine: under GOOS=js, `go tool` would build a tool that
# only a browser could run.
.cache/bin/staticcheck: go.mod | setup-run
	go build -o $@ honnef.co/go/tools/cmd/staticcheck

.PHONY: test-go
test-go: setup-test ## Go tests, natively
	go test ./...

.PHONY: test-wasm
test-wasm: setup-test ## Go tests, in WebAssembly on Node.js
	$(GO_WASM) test -exec tools/wasmexec.sh $(WASM_PACKAGES)

.PHONY: fuzz
fuzz: setup-test ## every fuzz target for FUZZTIME (5m)
	tools/fuzz.sh $(FUZZTIME)

.PHONY: notice
notice: setup-run ## write NOTICE anew, after go.mod has changed
	go run ./tools/internal/notice

.PHONY: clean
clean: ## remove what was built here; the cache of models stays
	rm -rf .cache bin
