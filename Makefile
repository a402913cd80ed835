# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# make demo   an attack on real guests is found and undone, in front of you
# make test   everything: lint, types, unit tests, sanity, light nodes, the scenarios and the demo
# make check  the fast part of it: no slow unit tests, and fewer inputs of hypothesis's; PALANTIR_TRUST_EXAMPLES=20: many more
#
# Both install what they need: Debian packages (with sudo where you are not root) and a virtual environment in .venv.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
# What is timed has the machine for itself; scenarios see to that themselves.
.NOTPARALLEL:

SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export ANSIBLE_HOME := $(CURDIR)/build/ansible
# Bytecode is kept, out of the way of the sources: tests start many a Python.
export PYTHONPYCACHEPREFIX := $(CURDIR)/build/pycache
unexport PYTHONDONTWRITEBYTECODE

# tests/packages.txt is what building the virtual environment needs; the lab adds its own list.
BUILD_PACKAGES = $(shell sed -e 's/\#.*//' tests/packages.txt)

.PHONY: help
help:
	@sed -n 's/^# make/make/p' Makefile

build/.packages: tests/packages.txt tests/lab/packages.txt
	@echo '== Debian packages'
	@mkdir -p build
	@missing=; for name in $(BUILD_PACKAGES); do \
	  dpkg-query -W -f '$${db:Status-Status}' $$name 2>/dev/null | grep -qx installed || missing="$$missing $$name"; done; \
	if [ -n "$$missing" ]; then \
	  $(SUDO) apt-get update -q && \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing; fi
	@python3 -m tests.lab packages
	@touch $@

.venv/.ready: requirements.lock build/.packages
	@echo '== Virtual environment (.venv), about a minute'
	@for python in python3 /usr/bin/python3; do \
	  $$python -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  && { $$python -m venv --clear .venv; break; }; done || true
	@test -x $(BIN)/python || { echo 'make: Python 3.11 or newer with venv is needed. Next: apt-get install python3-venv' >&2; exit 1; }
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

# make setup  what demo and test install, alone
.PHONY: setup
setup: .venv/.ready

# make demo-clean   remove what demo leaves under build/ (the lab's image stays cached)
.PHONY: demo demo-clean
demo: setup
	@PYTHONPATH=collections $(BIN)/python -m tests.demo

demo-clean:
	rm -rf build/demo

# make scenarios   the demo and the four scenarios below, two at a time, with 6 tamperings of the watch
.PHONY: scenarios
scenarios: setup
	@echo '== scenarios on real guests'
	@PYTHONPATH=collections $(BIN)/python -m tests.scenarios $(if $(RUNS),--runs $(RUNS))

# make scenario-tamper   the tamper matrix: each tampering hits its own layer on real guests, and no other
.PHONY: scenario-tamper
scenario-tamper: setup
	@PYTHONPATH=collections $(BIN)/python -m tests.scenarios.tamper

# make scenario-recovery   what is done about attacks on real guests: ladders, approvals, budgets, controllers that die
.PHONY: scenario-recovery
scenario-recovery: setup
	@PYTHONPATH=collections $(BIN)/python -m tests.scenarios.recovery

# make scenario-watch   how soon a watch finds out what is done to guests, RUNS=20 times, and contains it; a soak
.PHONY: scenario-watch
scenario-watch: setup
	@PYTHONPATH=collections $(BIN)/python -m tests.scenarios.watch $(if $(RUNS),--runs $(RUNS))

# make scenario-orchestrator   every verb by every driver on real guests, with proof and rollback
.PHONY: scenario-orchestrator
scenario-orchestrator: setup
	@PYTHONPATH=collections $(BIN)/python -m tests.scenarios.orchestrator

# make scenario-timers   the role timers on a guest's systemd; not part of make test
.PHONY: scenario-timers
scenario-timers: setup
	@PYTHONPATH=collections $(BIN)/python -m tests.scenarios.timers

# make slices   300 light nodes attested by three workers as AWX has them, one of which dies; NODES=30: fewer
.PHONY: slices
slices: setup
	@PALANTIR_TRUST_TEST_SLICE_NODES=$(or $(NODES),300) PALANTIR_TRUST_TEST_POSTGRESQL=require \
	$(BIN)/python -m pytest tests/integration/test_slices.py -s

# make lab-up, lab-down, lab-reset, lab-status   the guests of demo and tests, for developers
# make lab-ssh NODE=node1                        log in to one
.PHONY: lab-up lab-down lab-reset lab-status lab-ssh
lab-up lab-down lab-reset lab-status: lab-%: build/.packages
	@python3 -m tests.lab $*

lab-ssh: build/.packages
	@python3 -m tests.lab ssh $(or $(NODE),node1)

# make lint, unit, sanity, molecule   single parts of check and test
.PHONY: lint unit sanity molecule check test bench fuzz
lint: setup
	@echo '== ruff'
	@ruff check .
	@ruff format --check .
	@echo '== mypy --strict'
	@mypy plugins extensions tests
	@echo '== changelog'
	@antsibull-changelog lint

unit: setup
	@echo '== unit tests'
	@PALANTIR_TRUST_TEST_POSTGRESQL=require python -m pytest -n auto --maxprocesses 4 --dist worksteal $(UNIT)

ansible-lint: setup
	@echo '== ansible-lint (production)'
	@ansible-lint --offline --profile production

sanity: setup
	@echo '== ansible-test sanity'
	@python -m tests.sanity

molecule: setup
	@echo '== molecule: light nodes'
	@trap 'python -m tests.lab.light down build/light' EXIT; \
	MOLECULE_GLOB=molecule/light_nodes/molecule.yml molecule test --no-command-borders
	@echo '== ansible-runner, as AWX uses it: light nodes'
	@python -m pytest -n 2 --dist loadfile --no-loadscope-reorder tests/integration

check: UNIT = -m "not slow"
check: lint unit

# make bench   benchmarks side by side with their peers; writes build/bench/ and docs/performance.md
bench: setup
	@echo "== benchmarks"
	@PYTHONPATH=collections $(BIN)/python -m tests.perf

# make fuzz   coverage-guided fuzzing of every parser, SECONDS=60 each; writes build/fuzz/ and docs/fuzzing.md
fuzz: setup
	@echo "== fuzzing"
	@PYTHONPATH=collections $(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),60)

# All the inputs that the tests name, not only some.
test: export PALANTIR_TRUST_EXAMPLES ?= 1
test: lint unit ansible-lint sanity molecule scenarios
	@echo '== all green'
