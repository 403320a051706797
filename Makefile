# Chores. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
HOST := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')
ARCH := $(subst aarch64,arm64,$(subst x86_64,amd64,$(firstword $(subst -, ,$(HOST)))))
BINARIES := coder-server/binaries
# Replaced only when they differ, so that an unchanged one does not build the server again.
place = cmp -s $(TARGET_DIR)/$(HOST)/agent/$(1) $(BINARIES)/$(2) || \
	{ cp -f $(TARGET_DIR)/$(HOST)/agent/$(1) $(BINARIES)/$(2).new && mv -f $(BINARIES)/$(2).new $(BINARIES)/$(2); }

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 14

.PHONY: deps
deps: ## Check what is needed, installing Debian packages where that is allowed
	@scripts/deps.sh

# What the server hands out: the agent to workspaces, the provider to Terraform. Static, so that they run on any
# distribution; a `--target` keeps the flags away from build scripts. Relocations are packed, which a C library before
# glibc 2.36 cannot start, so each is started once; equal functions are kept once where Rust's own linker links. Two
# calls, so that neither gets what only the other one needs of a dependency.
STATIC := -C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs \
	$(if $(filter x86_64-unknown-linux-gnu,$(HOST)),-C link-arg=-Xlinker -C link-arg=--icf=all)
.PHONY: agent
agent: deps ## Build the static agent and the Terraform provider that the server carries
	@mkdir -p $(BINARIES)
	RUSTFLAGS="$(STATIC)" $(CARGO) build --locked --profile agent --target $(HOST) \
		-p coder-agent --features coder-agent/agent --bin coder-agent
	RUSTFLAGS="$(STATIC)" $(CARGO) build --locked --profile agent --target $(HOST) \
		-p coder-provisioner --features coder-provisioner/tfprovider --bin terraform-provider-coder
	@$(TARGET_DIR)/$(HOST)/agent/coder-agent --version >/dev/null
	@$(TARGET_DIR)/$(HOST)/agent/terraform-provider-coder --help </dev/null >/dev/null 2>&1 || [ $$? -lt 126 ]
	@$(call place,coder-agent,coder-linux-$(ARCH))
	@$(call place,terraform-provider-coder,terraform-provider-coder)

.PHONY: build
build: deps agent ## Build the coder binary with the agent inside
	$(CARGO) build --locked --release -p coder-server

.PHONY: run
run: build ## Start a server with a workspace, and print how to reach it
	@scripts/run.sh $(TARGET_DIR)/release/coder

.PHONY: test
test: ## Run every check and test
	@scripts/deps.sh --tests
	@scripts/test.sh

.PHONY: faults
faults: deps ## Kill, stop and cancel builds at hundreds of points
	CODER_FAULT_RUNS=$(or $(RUNS),200) CODER_CANCEL_RUNS=10000 $(CARGO) test --locked --workspace --all-features \
		--test e2e --test it -- --nocapture --test-threads 1 crashes:: cancels:: killed_daemons:: full_disks:: cancel::

.PHONY: fmt
fmt: ## Format the code
	$(CARGO) fmt --all

.PHONY: lint
lint: ## Check format and lints
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets --all-features -- -D warnings

.PHONY: doc
doc: ## Build the documentation and run its examples
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --all-features --no-deps
	$(CARGO) test --locked --workspace --all-features --doc

.PHONY: features
features: ## Check each library and its documentation alone, with its default, no and all features
	for crate in coder-core coder-provisioner coder-agent coder-proxy; do \
		for features in --features= --no-default-features --all-features; do \
			$(CARGO) clippy --locked -p $$crate $$features -- -D warnings; \
			RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps -p $$crate $$features; \
		done; \
	done

.PHONY: openapi
openapi: ## Refresh docs/api/openapi.json
	UPDATE_EXPECT=1 $(CARGO) test --locked -p coder-server --test it openapi

.PHONY: bench
bench: build ## Measure, and compare with peers in the same run
	@scripts/deps.sh --bench
	@scripts/bench.sh $(TARGET_DIR)/release/coder
	@$(CARGO) run --locked --release --quiet -p coder-tests --bin bench -- $(TARGET_DIR)/release/coder
	@echo "Process provisioner:"
	@$(CARGO) run --locked --release --quiet -p coder-examples --example process_provisioner -- --bench

.PHONY: clean
clean: ## Remove what was built, and the data of `make run`
	$(CARGO) clean
	rm -rf .dev $(BINARIES)
