# make help lists what there is. Nothing here needs more than Go and make; what else is used is installed into .bin.
SHELL := /bin/bash
.DEFAULT_GOAL := help
# A folder's name may have a space, which a target can't.
BIN := $(CURDIR)/.bin
RUN_ARGS ?=
BENCH_ARGS ?=
SIEGE_ARGS ?=
BEFORE ?=
WHY ?=
VIEWS ?=

.PHONY: help
help: ## List the targets.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

.PHONY: run
run: console build ## Build and serve in the foreground, with demo data in .usher/ (RUN_ARGS adds flags).
	@exec "$(BIN)/usher" serve --dev $(RUN_ARGS)

.PHONY: console
console: ## Build the web console into services/console/build, from where the binary takes it; needs Node 20.19.
	@.ci/console

.PHONY: build
build: ## Build the usher binary into .bin.
	@mkdir -p .bin
	cd services && go build -o "$(BIN)/usher" ./cmd/usher

# checkptr looks at each pointer of the translated SQLite and makes it ten times slower; races are still found. `make lint` vets.
RACE := -race -gcflags=all=-d=checkptr=0 -vet=off

.PHONY: test
test: test-packages console build ## Run every test, with the race detector; installs PostgreSQL, Redis, sqlite3 and Chromium where they are missing.
	@.ci/console test
	@echo "compiling with the race detector: the first time takes some minutes"
	@TESTS_SKIP_NOTHING=1 .ci/test $(RACE) -timeout 25m ./... ./load/...

.PHONY: screenshots
screenshots: console build ## Take pictures of the console's pages with little and much data into services/console/screenshots, some 5 minutes (VIEWS=keys,end takes some of them); needs Chromium.
	cd services && CI=1 CONSOLE_SCREENSHOTS=1 VIEWS='$(VIEWS)' go test ./e2e -run 'TestScreenshots$$' -count 1 -timeout 20m -v

.PHONY: test-short
test-short: ## Run the tests of what has changed, but for e2e and without the race detector: for while you work.
	@.ci/test $$(cd services && go list ./... ./load/... | grep -v /e2e)

.PHONY: test-packages
test-packages:
	@.ci/packages

.PHONY: soak
soak: test-packages ## The fault tests for longer: 200 kills, at other points each time.
	@E2E_ROUNDS=200 E2E_SEED=$${SEED:-$$(date +%s)} .ci/test $(RACE) -timeout 2h -v \
	  -run 'Killed|Faults|Restored|Rolling|Revo|Frozen|Redis|Down' ./e2e/...

.PHONY: bench
bench: ## Measure speed, some 8 minutes; with BEFORE=<commit> beside that commit, some 4 (BENCH_ARGS adds flags).
	cd services && go run ./load $(if $(BEFORE),compare $(BENCH_ARGS) '$(BEFORE)',$(BENCH_ARGS))

.PHONY: siege
siege: test-packages ## Attack an Usher of 512 MiB beside a tenant that behaves, some 5 minutes (SIEGE_ARGS adds flags); needs Linux.
	cd services && go run ./load siege $(SIEGE_ARGS)

.PHONY: overview-bench
overview-bench: ## Measure the requests of the console's pages with 1,000,000 users on PostgreSQL, some 6 minutes (OVERVIEW_ARGS adds flags).
	cd services && go run ./load overview $(OVERVIEW_ARGS)

.PHONY: fuzz
fuzz: ## Fuzz each parser for FUZZTIME (30s).
	@.ci/fuzz $(or $(FUZZTIME),30s)

.PHONY: clients
clients: rest-clients ## Run SCIM clients of others against a fresh Usher; needs Python, a JDK and Maven.
	@services/e2e/clients/run

.PHONY: rest-clients
rest-clients: build ## Check the OpenAPI description and its REST with tools of others; uses Python and Node where they are.
	@services/e2e/clients/openapi/run

.PHONY: lint
lint: tools ## Check the style of the Go code and the protos.
	.bin/buf lint
	@.ci/console lint
	@grep -v '^gen$$' .ci/modules | while read -r module; do echo "linting $$module"; (cd "$$module" && GOWORK=off "$(BIN)/golangci-lint" run ./...) || exit 1; done

.PHONY: vulns
vulns: ## Look for known vulnerabilities in what is compiled in; asks vuln.go.dev, so it needs the internet.
	@curl -fsS --max-time 20 -o /dev/null https://vuln.go.dev/index/db.json || { echo "the vulnerability database at vuln.go.dev can't be reached: nothing was checked" >&2; exit 1; }
	cd services && GOWORK=off go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./...

.PHONY: notices
notices: ## Write the licences of everything in the usher binary to .bin/NOTICES, to ship with it.
	@mkdir -p .bin
	@.ci/notices >.bin/NOTICES

.PHONY: gen
gen: tools ## Generate gen/ from proto/.
	.bin/buf format -w proto
	.bin/buf lint
	.bin/buf generate

.PHONY: accept-break
accept-break: tools ## Accept that the protos break clients; WHY says what breaks, and why.
	@.ci/accept-break '$(subst ','\'',$(WHY))'

.PHONY: tools
tools: .bin/.stamp .deps/proto/.stamp

# One install a tool: their module graphs do not agree with each other.
.bin/.stamp: .ci/tools
	@mkdir -p .bin
	@grep -v '^#' .ci/tools | while read -r tool; do echo "installing $$tool"; \
	  GOWORK=off GOFLAGS=-mod=mod GOBIN="$(BIN)" go install "$$tool" || exit 1; done
	@touch $@

.deps/proto/.stamp: .ci/protodeps/go.mod .ci/protodeps/go.sum .ci/protodeps/main.go
	@rm -rf .deps/proto
	cd .ci/protodeps && GOWORK=off go run . "$(CURDIR)/.deps/proto"
	@touch $@

.PHONY: clean
clean: ## Remove what was built; the data in .usher/ stays.
	rm -rf .bin .deps
