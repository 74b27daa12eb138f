# Triptych. `make` alone explains itself.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.SHELLFLAGS := -euo pipefail -c

export TRIPTYCH_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/triptych

.PHONY: help setup check format lint unit generate parts test independent-checks cluster-tests end-to-end test-long audit demo demo-down cluster-up cluster-down

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-20s %s\n", $$1, $$2}'

setup: ## install the Debian packages that a bare machine lacks
	@./.ci/setup

check: format lint unit ## format, lints and every test that needs no cluster

format:
	@.ci/step format cargo fmt --all --check

lint:
	@.ci/step lint cargo clippy --workspace --all-targets --quiet -- -D warnings

unit:
	@.ci/step unit cargo test --workspace

generate: ## renew the generated files
	cargo run -q -p triptych-crds --bin generate-crds crds/yaml
	mkdir -p charts/triptych/files/crds && cp crds/yaml/*.yaml charts/triptych/files/crds/

parts: setup ## build the local cluster's parts into the cache
	@.ci/step parts cargo run -q -p triptych-cluster --bin cluster -- build-parts

test: setup check parts independent-checks cluster-tests end-to-end ## everything

independent-checks: ## the hash, the indicators and the dataset against other people's libraries
	@.ci/step independent-checks cargo test -p triptych-crds --features independent-checks
	@.ci/step strategies-and-readers cargo test -p triptych-trader --features independent-checks --test independent

cluster-tests: parts ## the local cluster itself
	@.ci/step cluster-tests cargo test -p triptych-cluster --features cluster-tests

end-to-end: parts ## the end-to-end suite on a real cluster
	@.ci/step end-to-end .ci/with-clusters test=3 faults=1 -- \
	  env TRIPTYCH_CLUSTER=test TRIPTYCH_FAULTS_CLUSTER=faults cargo test -p triptych-end-to-end --features cluster-tests

test-long: test audit ## everything, and what takes longer

audit: ## licences, sources and duplicate versions of dependencies
	command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
	cargo deny check licenses bans sources

demo: setup ## the main job: an ABH instance on a real cluster, followed live
	@cargo build -q -p triptych-cluster -p triptych-end-to-end --bins
	@target/debug/demo up

demo-down: ## end what `make demo` started
	@cargo run -q -p triptych-end-to-end --bin demo -- down

cluster-up: parts ## the local cluster alone
	cargo run -q -p triptych-cluster --bin cluster -- up

cluster-down: ## end the local cluster
	cargo run -q -p triptych-cluster --bin cluster -- down
