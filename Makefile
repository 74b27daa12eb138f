# Triptych. `make` alone explains itself.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.SHELLFLAGS := -euo pipefail -c

export TRIPTYCH_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/triptych

# One way of compiling for everything, so that each dependency is compiled once: for this machine, linked
# statically, because the same executables go into images without any file beside them.
export CARGO_BUILD_TARGET ?= $(shell rustc -vV | sed -n 's/^host: //p')
export RUSTFLAGS ?= -C target-feature=+crt-static
# The same reason: always the whole workspace, because fewer packages would mean other features.
build := cargo build --quiet --workspace --bins --tests
test := cargo test --workspace
programs := $(or $(CARGO_TARGET_DIR),target)/$(CARGO_BUILD_TARGET)
released := -p triptych-operator -p triptych-trader -p triptych-trader-observe -p triptych-venue-sim -p triptych-cluster -p triptych-end-to-end

.PHONY: help bench setup check format lint unit generate parts test independent-checks object-store ledger cluster-tests end-to-end tutorial-test test-long crashes attacks disruptions endurance audit demo tutorial demo-down demo-programs cluster-up cluster-down

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-20s %s\n", $$1, $$2}'

setup: ## install the Debian packages that a bare machine lacks
	@./.ci/setup

check: format lint unit ## format, lints and every test that needs no cluster

format:
	@.ci/step format cargo fmt --all --check

lint:
	@.ci/step lint cargo clippy --workspace --all-targets --quiet \
	  --features triptych-end-to-end/cluster-tests,triptych-cluster/cluster-tests -- -D warnings

unit:
	@.ci/step unit $(test)

generate: ## renew the generated files
	$(build)
	$(programs)/debug/generate-crds crds/yaml
	mkdir -p charts/triptych/files/crds && cp crds/yaml/*.yaml charts/triptych/files/crds/
	$(programs)/debug/generate-errors docs/errors.md
	$(programs)/debug/generate-mirror docs/mirror.md

parts: setup ## build the local cluster's parts into the cache
	@.ci/step build $(build)
	@.ci/step parts $(programs)/debug/cluster build-parts

test: setup check parts independent-checks object-store ledger cluster-tests end-to-end crashes attacks disruptions tutorial-test ## everything

independent-checks: ## hash, strategies, dataset and simulated venue against other people's libraries and clients
	@.ci/step independent-checks $(test) \
	  --features triptych-crds/independent-checks,triptych-trader/independent-checks,triptych-venue-sim/independent-checks \
	  --test hash_vectors --test independent --test clients

object-store: parts ## datasets on a real object store, with faults on the way
	@.ci/step object-store $(test) --features triptych-trader/object-store-tests --test object_store

ledger: setup ## the ledger on real PostgreSQL servers, killed and ended in mid-stream
	@.ci/step ledger $(test) --features triptych-ledger/postgres-tests --test ledger

cluster-tests: parts ## the local cluster itself
	@.ci/step cluster-tests $(test) --features triptych-cluster/cluster-tests --test real_cluster

end-to-end: parts ## the end-to-end suite on a real cluster
	@.ci/step end-to-end .ci/with-clusters test=3 -- \
	  env TRIPTYCH_CLUSTER=test TRIPTYCH_IMAGE_PROFILE=dev \
	  $(test) --features triptych-end-to-end/cluster-tests --test suite -- --test-threads 6 --show-output

test-long: test endurance audit ## everything, and what takes longer

endurance: parts ## W and R for an hour while everything around them fails, and then every book compared; MINUTES=60
	@.ci/step endurance .ci/with-clusters endurance=4 -- \
	  env TRIPTYCH_CLUSTER=endurance TRIPTYCH_IMAGE_PROFILE=dev TRIPTYCH_LONG_RUN_MINUTES=$(or $(MINUTES),60) \
	  $(test) --features triptych-end-to-end/cluster-tests --test endurance -- --show-output --nocapture

crashes: parts ## the operator killed at each of its writes, and objects that it cannot read
	@.ci/step crashes .ci/with-clusters faults=2 -- \
	  env TRIPTYCH_FAULTS_CLUSTER=faults TRIPTYCH_IMAGE_PROFILE=dev \
	  $(test) --features triptych-end-to-end/cluster-tests --test crashes -- --test-threads 6 --show-output

attacks: parts ## what must be refused, first shown to succeed without the admission policies
	@.ci/step attacks .ci/with-clusters attacks=1 -- \
	  env TRIPTYCH_ATTACKS_CLUSTER=attacks TRIPTYCH_IMAGE_PROFILE=dev \
	  $(test) --features triptych-end-to-end/cluster-tests --test attacks -- --test-threads 1 --show-output

tutorial-test: parts ## docs/tutorial.md, played and compared
	@.ci/step tutorial-test .ci/with-clusters tutorial=3 -- \
	  env TRIPTYCH_TUTORIAL_CLUSTER=tutorial TRIPTYCH_IMAGE_PROFILE=dev \
	  $(test) --features triptych-end-to-end/cluster-tests --test tutorial -- --show-output

disruptions: parts ## nodes drained and lost, the operator cut off, etcd restored, twenty systems at once
	@.ci/step disruptions .ci/with-clusters disruptions=4 -- \
	  env TRIPTYCH_CLUSTER=disruptions TRIPTYCH_IMAGE_PROFILE=dev \
	  $(test) --features triptych-end-to-end/cluster-tests --test disruptions -- --test-threads 1 --show-output

audit: ## licences, sources and duplicate versions of dependencies
	command -v cargo-deny >/dev/null || env -u CARGO_BUILD_TARGET -u RUSTFLAGS cargo install --locked cargo-deny
	cargo deny check licenses bans sources

bench: ## how fast it decides here, beside NautilusTrader and hftbacktest; OUTPUT=json for programs
	@cargo build --quiet --release --bins $(released)
	@python3 tests/benchmarks/run.py $(programs)/release/trader \
	  "$$(.ci/python-env tests/benchmarks/requirements.txt)" --output $(or $(OUTPUT),text)

demo: demo-programs ## docs/tutorial.md played: three tiers on a real cluster
	@$(programs)/release/demo up

tutorial: demo-programs ## the cluster on which docs/tutorial.md is typed by hand
	@$(programs)/release/demo prepare

demo-down: demo-programs ## end what `make demo` or `make tutorial` started
	@$(programs)/release/demo down

demo-programs: setup
	@echo "building Triptych (the first time takes some minutes)"
	@cargo build --quiet --release --bins $(released)

cluster-up: parts ## the local cluster alone
	$(programs)/debug/cluster up

cluster-down: ## end the local cluster
	$(build)
	$(programs)/debug/cluster down
