SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO       ?= go
FUZZTIME ?= 10s

LAYER_NAME ?= larder

build := CGO_ENABLED=0 $(GO) build -trimpath
tool  := $(GO) tool -modfile=.ci/tools.mod

# The toolchain that go.mod pins, for what is to come out the same everywhere.
pinned = GOTOOLCHAIN=$(or $(shell awk '$$1 == "toolchain" { print $$2 }' go.mod),local)

pack     = $(pinned) $(GO) run ./layer
host-zip = dist/larder-layer-$(shell $(GO) env GOARCH).zip

# The race detector needs cgo, which go env tells to be off where no C compiler is.
race = $(shell [ "$$($(GO) env CGO_ENABLED)" = 1 ] && echo -race)
note = @[ -n "$(race)" ] || echo "There is no C compiler: the tests run without the race detector." >&2

.PHONY: help run build test integration cdk model stress bench bench-check bench-record lint fuzz layer publish build-LarderArm64 build-LarderIntel clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## run the example function with the extension, in a local Lambda
	$(build) -o bin/extensions/larder ./layer/extensions/larder
	$(build) -o bin/example/bootstrap ./example/go
	$(GO) run ./example/run -extension bin/extensions/larder -function bin/example/bootstrap -secrets example/secrets.json

build: ## build bin/larder, the sidecar, and bin/extensions/larder
	$(build) -o bin/larder .
	$(build) -o bin/extensions/larder ./layer/extensions/larder

test: ## run the tests that need Go alone
	$(note)
	$(GO) test $(race) -count=1 -timeout=5m ./...
	cd bench && $(GO) test -count=1 ./scale

integration: ## run the tests that need a local AWS or tools of others (needs python3)
	$(note)
	moto=$$(.ci/moto); sam=$$(.ci/sam); aws=$$(.ci/aws); LARDER_MOTO=$$moto LARDER_SAM=$$sam LARDER_AWS=$$aws \
		$(GO) test $(race) -count=1 -timeout=10m -tags=integration -run='^Test(Moto|SAM|Publish|Terraform)$$' -v ./agent/secretsmanager ./agent/parameterstore ./layer ./layer/extensions/larder

cdk: ## test the CDK example (needs npm)
	GO=$(GO) .ci/cdk

model: ## do a million things at random to the cache, and check each read against its promises
	LARDER_MODEL_STEPS=1000000 $(GO) test -count=1 -timeout=15m -run='^TestModel$$' -v ./agent | awk '/^(---|FAIL|ok|    model)/ || /--- FAIL/ { print; n++ } END { exit !n }'

stress: ## read, rotate, fail, stop and continue for a minute, with the race detector and, for the table, without
	LARDER_STRESS=1m $(GO) test $(race) -count=1 -timeout=5m -run='^TestStress$$/with' ./layer/extensions/larder
	LARDER_STRESS=1m $(GO) test -count=1 -timeout=5m -run='^TestStress$$/shipped' -v ./layer/extensions/larder | sed -n 's/^ *|/|/p; /^ok/p; /FAIL/p; /_test.go:/p'

bench: layer ## measure beside others, for a quarter of an hour, and write bench/report.md (wants nginx, wrk, cc, node, npm, python3, cargo)
	cd bench && $(GO) run . -zip ../$(host-zip) -report .

bench-check: layer ## compare what a start and a read cost, counted and not timed, with bench/baseline.json (wants valgrind)
	cd bench && $(pinned) $(GO) run . -zip ../$(host-zip) -check

bench-record: layer ## write bench/baseline.json anew
	cd bench && $(pinned) $(GO) run . -zip ../$(host-zip) -record

lint: ## check format, code and modules
	@unformatted=$$($(tool) gofumpt -l .); [ -z "$$unformatted" ] || { printf 'gofumpt would change:\n%s\n' "$$unformatted" >&2; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags=integration ./...
	cd bench && $(GO) vet ./... && $(GO) mod tidy -diff
	$(tool) staticcheck ./...
	$(tool) staticcheck -tags=integration ./...
	$(GO) mod tidy -diff
	$(GO) mod verify

fuzz: ## fuzz every fuzz target for FUZZTIME, 10s if not set
	@$(GO) test -list='^Fuzz' ./... | awk '/^Fuzz/ { name[n++] = $$1 } /^ok/ { for (i = 0; i < n; i++) print name[i], $$2; n = 0 }' | \
	while read -r name package; do \
		echo "$$package $$name"; \
		$(GO) test -run='^$$' -fuzz="^$$name\$$" -fuzztime=$(FUZZTIME) "$$package" </dev/null; \
	done

layer: ## pack dist/larder-layer-amd64.zip and dist/larder-layer-arm64.zip
	$(pack) -arch all

publish: layer ## publish both zips with the aws CLI, as LAYER_NAME-x86_64 and LAYER_NAME-arm64, and print their ARNs
	@command -v aws >/dev/null || { printf 'make publish: error: there is no aws CLI\nhint: install it, or make a layer of each zip in dist by hand\n' >&2; exit 1; }
	@for arch in amd64=x86_64 arm64=arm64; do \
		aws lambda publish-layer-version --layer-name "$(LAYER_NAME)-$${arch#*=}" --zip-file "fileb://dist/larder-layer-$${arch%=*}.zip" \
			--compatible-architectures "$${arch#*=}" --query LayerVersionArn --output text; \
	done

# sam build calls these in a copy of the tree, each for its resource of template.yaml.
build-LarderArm64 build-LarderIntel:
	$(pack) -arch $(if $(filter %Intel,$@),amd64,arm64) -tree "$(ARTIFACTS_DIR)"

clean: ## remove what the other targets made
	rm -rf bin dist
