# Tandem on a Debian 12 or newer. Everything that touches network namespaces runs as root.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# cargo has jobs of its own.
CARGO := env -u MAKEFLAGS cargo
PROGRAMS := -p dataplane -p control -p lab -p perf
# All of it always: what is built for one step serves the next one.
ALL := --workspace
LAB := target/debug/tandem-lab
MDBOOK := cargo install --locked mdbook --version 0.4.52
PAIR := package(control) & binary(pair)

# A fresh Debian has cargo, once installed, under /usr/bin or in root's ~/.cargo.
export PATH := $(PATH):$(HOME)/.cargo/bin:/usr/sbin:/sbin

.PHONY: help setup build release demo test lint unit book instructions instructions-write lab-test debian-13 deb packages-test image image-test sanitize lab lab-down

help: ## Show this.
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s $$'\t'

setup: ## Install what is missing (apt, as root).
	@tests/setup.sh

build: setup
	$(CARGO) build $(ALL)

release: setup ## The programs as they are shipped, in target/x86_64-unknown-linux-gnu/release.
	images/bitcode.sh $(CARGO) build --release $(PROGRAMS) --target x86_64-unknown-linux-gnu

demo: build ## Raise the lab, send real traffic through the appliance, show what each side saw.
	$(LAB) demo

test: setup ## Every check: format, lints, unit and property tests, lab, Debian 13, instructions, packages, the image's smoke.
	@tests/setup.sh --machines
	@# What waits for one core has company; tests with timers of their own have the machine.
	$(MAKE) -j2 lint-and-build image-quick
	$(MAKE) unit lab-test debian-13
	$(MAKE) -j2 image-smoke instructions-and-packages

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

.PHONY: lint-and-build
lint-and-build: lint
	$(CARGO) nextest run $(ALL) --no-run

unit:
	$(CARGO) nextest run $(ALL) -E 'not package(lab) & not ($(PAIR))'
	@# Two real processes each, at their real timers: they wait more than they compute.
	$(CARGO) nextest run $(ALL) -E '$(PAIR)' --profile pair

instructions: setup ## Compare what the fast path's pieces take in instructions with what is written down.
	$(CARGO) run --release -p pieces

instructions-write: setup ## Write down what they take now.
	$(CARGO) run --release -p pieces -- --write

lab-test: setup
	@test "$$(id -u)" = 0 || { echo "the lab tests make network namespaces, which takes root: run make test as root"; exit 1; }
	PATH=$(PATH) tests/lab.sh

debian-13: setup ## The tests that need DPDK, on Debian 13 in a root of its own; image-quick builds all programs there.
	dpdk/debian-13.sh

deb: setup ## Debian packages for Debian 12 and 13, in target/SUITE/deb.
	images/deb.sh bookworm trixie

packages-test: setup ## Packages of the quick build: made, installed, upgraded, removed and purged.
	images/deb.sh --quick
	images/tests/packages.sh

image: setup ## The appliance's image, in target/image: disk, upgrade, network boot.
	images/deb.sh --changed trixie
	images/image.sh

.PHONY: image-quick image-smoke instructions-and-packages
image-quick: ## An image of the debug build, for the smoke.
	images/deb.sh --quick trixie
	images/image.sh --quick

image-smoke: ## One virtual machine from the image, and a request through it.
	$(CARGO) nextest run $(ALL) -E 'package(lab) & binary(image) & test(smoke)' --success-output final; result=$$?; $(LAB) down; exit $$result

instructions-and-packages:
	$(MAKE) instructions
	$(MAKE) packages-test

image-test: ## The image in virtual machines: NICs, the pair, network boot, upgrades. After make image.
	@tests/setup.sh --machines
	images/tests/upgrades.sh
	$(CARGO) nextest run $(ALL) -E 'package(lab) & binary(image)' --success-output final; result=$$?; $(LAB) down; exit $$result

book: ## The documentation as a book, in target/book.
	@command -v mdbook >/dev/null || { echo "mdbook is missing, and no package of Debian has it: $(MDBOOK)"; exit 1; }
	mdbook build

sanitize: setup ## The tests of all that parses or owns memory, under AddressSanitizer.
	tests/sanitize.sh

lab: build ## Raise the lab and leave it up.
	$(LAB) up

lab-down: ## Take the lab down, also after a crash.
	$(LAB) down
