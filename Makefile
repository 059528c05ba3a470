# The doors of the project. Every target does its own set-up; `make help` lists them.

# The first Python of these that is new enough; name another with `make PYTHON=...`.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$python; break; fi; done)
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
OR_SAY_SO := || { echo "pip could not install this (its reason stands above); it needs a way to its package index, behind a proxy HTTPS_PROXY"; exit 1; }
FABRIC ?= 3.1

.DEFAULT_GOAL := help
.PHONY: help install demo test test-acceptance test-page screenshots test-fresh fabric demo-fabric test-fabric test-compose bench docs lint lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-16s%s\n", $$1, $$2 }' Makefile

install: $(VENV)/.runtime ## put the command energy-market, and all that a market needs, into .venv, or bring them up to date
	@echo "energy-market is in $(BIN)"

demo: $(VENV)/.runtime ## play the original's game on the embedded ledger and show what happened
	$(BIN)/energy-market demo

test: $(VENV)/.dev ## the quick tests, which need neither Fabric nor containers nor a browser
	$(PYTEST) -q -n 2 --dist worksteal -m "not acceptance and not fabric and not compose and not fresh_machine and not site and not page and not long"
	@echo "left out: the real commands, killed and interrupted, which take longer (make test-acceptance), the page in a browser (make test-page), the site (make docs), and the first steps on a fresh machine (make test-fresh)"
	@test -x .fabric/bin/peer || echo "left out: the tests on a real Fabric network (make fabric, then make test-fabric) and on docker compose (make test-compose)"

test-acceptance: $(VENV)/.dev ## the real commands and processes, as a user runs them and worse
	$(PYTEST) -q -m "acceptance and not fabric and not day"
	$(PYTEST) -q -n 4 -m "day or long"

test-page: $(VENV)/.dev ## the page in a real browser (Chromium), and its bundle built anew (Node)
	@command -v chromium google-chrome >/dev/null || { echo "the page's tests need a browser: apt-get install chromium"; exit 1; }
	@command -v npm >/dev/null || { echo "building the page anew needs Node 20 and npm: apt-get install nodejs npm"; exit 1; }
	$(PYTEST) -q -m page

screenshots: $(VENV)/.dev ## play the demo and take the pictures of the page for README and docs (needs Chromium)
	$(BIN)/python -m tests.page.screenshots

test-fresh: $(VENV)/.dev ## the first steps on a fresh Debian, and wheels and types for every platform
	$(PYTEST) -q -m fresh_machine

fabric: $(VENV)/.runtime ## build Fabric's programs into .fabric/bin (FABRIC=2.5: the long-term support release)
	$(BIN)/python -m fabric_network.programs --release $(FABRIC)

demo-fabric: fabric ## the same game on a real Fabric network
	$(BIN)/energy-market demo --ledger fabric

test-fabric: fabric $(VENV)/.dev ## the tests that need a real Fabric network, on both releases
	$(BIN)/python -m fabric_network.programs --release 2.5
	$(PYTEST) -q -m fabric

test-compose: $(VENV)/.dev ## docker compose up, for real
	$(PYTEST) -q -m compose

bench: $(VENV)/.dev ## speed, as ratios against baselines
	$(BIN)/python -m benchmarks

docs: $(VENV)/.docs ## build the documentation's site into build/site, and check it
	$(BIN)/python -m zensical build --clean --strict
	$(PYTEST) -q -m site tests/docs
	@echo "open build/site/index.html"

lint: $(VENV)/.dev ## ruff, mypy and the import arrows
	$(PYTEST) -q tests/house

lock: $(VENV)/.dev ## resolve the dependencies anew
	$(PIP) uv
	$(BIN)/uv pip compile $(LOCK_OPTIONS) --group build -o requirements.lock pyproject.toml
	$(BIN)/uv pip compile $(LOCK_OPTIONS) --group build --group dev -c requirements.lock -o requirements-dev.lock pyproject.toml
	$(BIN)/uv pip compile $(LOCK_OPTIONS) --group docs -c requirements-dev.lock -o requirements-docs.lock - </dev/null

LOCK_OPTIONS := --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --upgrade

clean: ## remove what the targets above made
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build *.egg-info

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is missing: apt-get install python3 python3-venv (Debian), brew install python (macOS)"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(BIN)/python
	@echo "installing what the market needs into $(VENV) ..."
	@$(PIP) --require-hashes -r requirements.lock $(OR_SAY_SO)
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@echo "installing what the tests need into $(VENV) ..."
	@$(PIP) --require-hashes -r requirements-dev.lock $(OR_SAY_SO)
	@touch $@

$(VENV)/.docs: requirements-docs.lock $(VENV)/.dev
	@echo "installing what the site is built with into $(VENV) ..."
	@$(PIP) --require-hashes -r requirements-docs.lock $(OR_SAY_SO)
	@touch $@
