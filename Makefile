# sokyso: two commands do everything, make demo and make test.
# Each target installs what it needs (Debian packages, with sudo when not root)
# and is cheap when all is there.

SHELL    := /bin/bash
GO       ?= go
VERSION  := $(shell git describe --always --dirty 2>/dev/null || echo unknown)
LDFLAGS  := -s -w -X main.version=$(VERSION)
ARGS     ?=
BENCH    ?= .

# All that is compiled here is compiled the same way, so that programs, tests and
# linters share what they compile: half of the time of a first run.
export GOFLAGS := $(GOFLAGS) -trimpath

# Packages where goroutines share state: the race detector pays there, on SQLite,
# since what shares it is the same for both databases.
RACE := ./signer/agent/... ./signer/token/... ./httpapi/wire/...
# Of the register those tests in which callers meet, or a service is killed.
RACE_STORE := Two|Parallel|AtOnce|Busy|Sixteen|Commit|Killed|Mark|Many|AtRandom|SignIn|Passkeys|Challenges|Sessions|Link|Twice
# Of the service those tests in which requests meet; each test sets a school up, which
# is slow under the detector.
RACE_HTTP := Many|Flood|Bounded|Session|Cookies|SecondFactor|Documents|Bulk|Unreachable|Tiles

.PHONY: build build-windows demo test test-windows packages test-packages image test-image vet-darwin bench load chaos upgrade release-record lint race-store race-http race-agent fuzz screenshots guide-pictures clean help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

build: ## leave bin/signagent, bin/custodyd and bin/demo
	@deploy/install-packages build
	@mkdir -p bin
	@echo "== building (the first time compiles SQLite in Go: a minute or two)"
	CGO_ENABLED=0 $(GO) build -ldflags '$(LDFLAGS)' -o bin/custodyd ./cmd/custodyd
	CGO_ENABLED=1 $(GO) build -ldflags '$(LDFLAGS)' -o bin/signagent ./cmd/signagent
	CGO_ENABLED=1 $(GO) build -ldflags '$(LDFLAGS)' -o bin/demo ./cmd/demo

build-windows: ## leave bin/windows/signagent.exe and the worker for 32-bit modules beside it
	@deploy/install-packages windows
	@mkdir -p bin/windows
	CGO_ENABLED=1 GOOS=windows GOARCH=amd64 CC=x86_64-w64-mingw32-gcc $(GO) build -ldflags '$(LDFLAGS)' -o bin/windows/signagent.exe ./cmd/signagent
	CGO_ENABLED=1 GOOS=windows GOARCH=386 CC=i686-w64-mingw32-gcc $(GO) build -ldflags '-s -w' -o bin/windows/tokenworker32.exe ./cmd/tokenworker

demo: ## a whole school on this machine, for real; ARGS=--exit stops after the story
	@deploy/install-packages demo
	@$(MAKE) --no-print-directory build
	@bin/demo $(ARGS)

lint: ## gofmt, go vet, staticcheck, secrets, dependencies; govulncheck where its data can be had
	@deploy/install-packages build
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "gofmt would change:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	@deploy/secrets
	@$(GO) mod verify
	@deploy/licences $(GO)
	@deploy/vulnerabilities $(GO)

test: lint ## the demo's story and all tests, on SQLite and on a PostgreSQL that is started for them
	@deploy/install-packages test
	@$(MAKE) --no-print-directory demo ARGS=--exit
	@$(GO) build -race $(RACE) ./custody/store ./httpapi # once, not by each of the three
	@$(MAKE) --no-print-directory -j2 -Otarget race-store race-http race-agent
	@deploy/with-postgres $(GO) test -count=1 -timeout 20m -p 3 ./...

# Tests of one package run one after the other, and wait for disks, browsers and each other
# half of the time: so packages run side by side, more of them than there are cores.
race-store:
	@$(GO) test -race -short -count=1 -run '$(RACE_STORE)' ./custody/store
race-http:
	@$(GO) test -race -short -count=1 -run '$(RACE_HTTP)' ./httpapi
race-agent:
	@$(GO) test -race -short -count=1 $(RACE)

test-windows: ## what can be tested of the agent for Windows here: under wine, headless
	@deploy/install-packages wine
	@deploy/with-wine deploy/test-windows $(GO)

packages: build build-windows ## leave bin/packages: .deb of agent and service, installer for Windows
	@deploy/install-packages installer
	@deploy/packages/build-deb
	@deploy/packages/build-installer

test-packages: packages ## unpack and use the .deb, install and uninstall the other under wine
	@deploy/install-packages wine
	@deploy/packages/test-deb
	@deploy/with-wine deploy/packages/test-installer

image: build ## a container of the service, by buildah, podman or docker: sokyso/custodyd
	@deploy/install-packages image
	@deploy/image

test-image: build ## build that container and use it; two databases, two services, a proxy: the primary is killed
	@deploy/install-packages image
	@deploy/test-image
	@deploy/compose/test-fail-over

vet-darwin: ## compile and vet for macOS all that needs no C compiler of its
	CGO_ENABLED=0 GOOS=darwin $(GO) vet ./signer ./signer/pdf ./signer/cms ./signer/appearance ./signer/validation ./custody ./custody/signinglog ./httpapi/wire ./migrations

bench: ## the figures, each as a ratio against something in the same run
	@deploy/install-packages test
	@SOKYSO_POSTGRES=durable deploy/with-postgres $(GO) test -run '^$$' -bench '$(BENCH)' -benchmem ./...

load: ## custodyd under load over TLS on a durable PostgreSQL, then judged; ARGS="-rate 500 -replicas 2"
	@deploy/install-packages test
	@$(MAKE) --no-print-directory build
	@$(GO) run ./cmd/custodyload load $(ARGS)

chaos: ## ten minutes of faults while agents work, then judged; ARGS="-for 1m -seed N"
	@deploy/install-packages test
	@$(MAKE) --no-print-directory build
	@$(GO) run ./cmd/custodyload chaos $(ARGS)

upgrade: ## this release in the place of FROM=COMMIT while agents work, then judged; ARGS="-for 10s"
	@deploy/install-packages test
	@deploy/upgrade $(GO) $(or $(FROM),$(error FROM=COMMIT names the release before)) $(ARGS)

release-record: ## when a release is made: record what it sends to its databases, for the next one's tests
	@deploy/install-packages test
	@rm -rf statements
	SOKYSO_POSTGRES_STATEMENTS=$(CURDIR)/statements deploy/with-postgres $(GO) test -count=1 -timeout 30m ./custody/store ./custody/background ./httpapi ./cmd/custodyd
	SOKYSO_RECORD_RELEASE=$(CURDIR)/statements deploy/with-postgres $(GO) test -count=1 -run 'TestTheReleaseBefore|TestStatementsOfTheRelease' ./custody/store
	@rm -rf statements

fuzz: ## every fuzz target for FUZZTIME (default 30s each)
	@deploy/fuzz $(GO) $(or $(FUZZTIME),30s)

screenshots: ## pictures of the pages of desk and service, those of the guides among them, in screenshots/
	@deploy/install-packages screenshots
	@mkdir -p screenshots
	SOKYSO_SCREENSHOTS=$(CURDIR)/screenshots $(GO) test -count=1 ./signer/desk
	SOKYSO_SCREENSHOTS=$(CURDIR)/screenshots $(GO) test -count=1 -run TestGuidePictures ./httpapi

guide-pictures: screenshots ## make the pictures of docs/huong-dan anew; look at each before it is committed
	@for picture in docs/huong-dan/pictures/*.png; do \
		made=screenshots/huong-dan/$$(basename $$picture); test ! -e $$made || cp $$made $$picture; done

clean: ## remove what the targets made
	rm -rf bin demo-school screenshots statements
