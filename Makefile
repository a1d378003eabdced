# The commands of this repository. `make help` lists them.

CARGO ?= cargo
# Flags for the server: make run ARGS="--listen 0.0.0.0:8080"
ARGS ?=
# Worlds of the simulator: make simulate SEEDS=5000; one of them, with all that happens in it: make simulate SEED=7
SEEDS ?= 500
SEED ?=
JOBS ?= 2
# How often make torture kills: make torture KILLS=1000; TORTURE_SEED=7 decides again as it was decided then
KILLS ?= 300
TORTURE_SEED ?=
# Operations of make ledger
OPERATIONS ?= 1000000

.DEFAULT_GOAL := help
.PHONY: help run build test lint simulate ledger torture bench backups contact-sheet edits openapi reference contract tools browser

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: tools ## Build the studio and start it; prints the address, a first key and a curl line
	$(CARGO) run --release --locked --package studio -- serve $(ARGS)

build: tools ## Build the optimised binary: target/release/studio
	$(CARGO) build --release --locked --package studio

test: lint browser ## Check style and run every test
	$(CARGO) test --workspace --locked

lint: tools ## Check formatting and lints; warnings are errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- --deny warnings

simulate: tools ## Live through SEEDS worlds of crashes, lost replies, duplicates and clock jumps; then find every planted bug
ifneq ($(SEED),)
	$(CARGO) run --release --locked --quiet --package studio-simulator -- --seed $(SEED) --trace
else
	$(CARGO) run --release --locked --quiet --package studio-simulator -- --planted --seeds 100
	$(CARGO) run --release --locked --quiet --package studio-simulator -- --seeds $(SEEDS) --jobs $(JOBS)
endif

ledger: tools ## Do OPERATIONS random operations on the ledger, and look at its sum after each
	$(CARGO) run --release --locked --quiet --package studio-simulator -- --ledger $(OPERATIONS)

torture: build ## Kill the program KILLS times under load, fill its disk, and hold every accepted job against all books
	$(CARGO) run --release --locked --quiet --package studio-testkit --example torture -- target/release/studio $(KILLS) "$(TORTURE_SEED)"

bench: build ## Measure: durable admissions, start, memory, first picture; streams of words, streams cut at random, a start after a kill with 100,000 jobs; turns; polling at 1000/s; signing in
	$(CARGO) bench --locked --package studio-store --bench admit
	$(CARGO) bench --locked --package studio-store --bench grown
	bench/start.sh target/release/studio
	$(CARGO) run --release --locked --package studio-testkit --example streams -- target/release/studio speed
	$(CARGO) run --release --locked --package studio-testkit --example streams -- target/release/studio many
	$(CARGO) run --release --locked --package studio-testkit --example streams -- target/release/studio cuts
	$(CARGO) run --release --locked --package studio-testkit --example restart -- target/release/studio
	$(CARGO) run --release --locked --package studio-testkit --example fairness -- target/release/studio
	$(CARGO) run --release --locked --package studio-testkit --example polling -- target/release/studio
	$(CARGO) run --release --locked --package studio-testkit --example sign_in -- target/release/studio

backups: build ## Make 20 backups of a studio at work; restore and verify each; measure
	$(CARGO) run --release --locked --package studio-testkit --example backups -- target/release/studio

contact-sheet: build ## Draw the README's picture again: docs/sketch.jpg
	$(CARGO) run --release --locked --package studio-engines --example contact-sheet -- docs/sketch.jpg

edits: build ## Draw the picture of edits in docs/api.md again: docs/edits.jpg
	$(CARGO) run --release --locked --package studio-engines --example edits -- docs/edits.jpg

openapi: tools ## Write docs/openapi.json anew, after a change of the API
	$(CARGO) run --quiet --locked --package studio -- openapi > docs/openapi.json

reference: openapi ## Write docs/errors.md, docs/limits.md and docs/openapi.json anew, after a change of the API
	$(CARGO) run --quiet --locked --package studio -- reference errors > docs/errors.md
	$(CARGO) run --quiet --locked --package studio -- reference limits > docs/limits.md

contract: build ## Hold a running server against its own description with Schemathesis (Python): SEEDS="1 2 3", MAX_EXAMPLES=50
	SEEDS="$(if $(filter file,$(origin SEEDS)),1 2 3,$(SEEDS))" bench/contract.sh target/release/studio

# SQLite and ring are C, built from the sources in their crates: a C compiler is all that the Rust toolchain lacks.
tools:
	@command -v $(CARGO) >/dev/null || { echo "cargo is missing: install Rust 1.95 or newer, see https://rustup.rs" >&2; exit 1; }
	@command -v cc >/dev/null || { echo "installing a C compiler" && apt-get update -q && apt-get install -y -q gcc libc6-dev; }

# Pages are tested in a real browser. Only tests need it.
browser:
	@command -v chromedriver >/dev/null || { echo "installing Chromium, for tests" && apt-get update -q && apt-get install -y -q chromium chromium-driver; }
