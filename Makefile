# Everything a user or a contributor types. `make` alone lists it.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# make demo DURATION=20 ends by itself; without it the demo runs until Ctrl-C.
DURATION ?=
# make test ARGS='tests/queue -k take'
ARGS ?=
# make demo PYTHON=/opt/python3.13/bin/python3; empty: the first Python of 3.11 or later on the PATH.
PYTHON ?=
# make chaos ROUNDS=200 SEED=7: longer, and other workers at other moments.
ROUNDS ?= 60
SEED ?= 1
# make test TESTERS=0: one test after the other in one process. Most tests wait for servers, so two share two cores well.
TESTERS ?= 2
# make soak MINUTES=30: how long.
MINUTES ?= 30

VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: help demo test chaos lint types format screenshots bench docs sbom secrets soak clean

help: ## List what can be made
	@echo 'moodline: cameras in, emotion events out.'
	@echo
	@echo 'Usage: make TARGET [NAME=VALUE ...]'
	@echo
	@echo 'Targets:'
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo 'Values:'
	@echo '  DURATION=20        end the demo after 20 seconds'
	@echo '  ARGS="-k queue"    arguments for pytest (make test) or the benchmark (make bench)'
	@echo '  TESTERS=2          processes that share the tests; 0 for one after the other'
	@echo '  ROUNDS=60 SEED=1   how long make chaos goes on, and what happens in which order'
	@echo '  MINUTES=30         how long make soak goes on'
	@echo '  PYTHON=python3.12  make .venv with this Python, 3.11 or later'
	@echo
	@echo 'First: make demo DURATION=20. Everything is installed into .venv by itself.'

demo: $(VENV)/.run ## See emotion events of the built-in demo camera arrive (Ctrl-C ends it)
	@$(BIN)/moodline up --source demo $(if $(DURATION),--duration $(DURATION))

test: $(VENV)/.dev ## Run the tests
	@$(BIN)/python -m pytest --numprocesses=$(TESTERS) --dist=loadfile $(ARGS)

chaos: $(VENV)/.dev ## Kill, freeze and fill up workers and servers, ROUNDS times
	@CHAOS_ROUNDS=$(ROUNDS) CHAOS_SEED=$(SEED) $(BIN)/python -m pytest --timeout=3600 tests/chaos $(ARGS)

lint: $(VENV)/.dev types ## Check style, layers and types, and look for secrets
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/lint-imports --no-logo
	@BIN=$(BIN) deploy/secret-scan.sh

types: $(VENV)/.dev ## Check the types alone
	@$(BIN)/mypy

format: $(VENV)/.dev ## Format the code and mend what ruff can mend
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

screenshots: $(VENV)/.dev ## Make the README's pictures anew, from the running demo
	@$(BIN)/python -m tests.api.screenshots

bench: $(VENV)/.run ## Measure against the original notebook's loop
	@$(BIN)/python -m bench $(ARGS)

docs: $(VENV)/.dev ## Write what is generated anew: pages of docs, dashboards
	@$(BIN)/python -m moodline.config.docs
	@$(BIN)/python -m deploy.metrics_page
	@$(BIN)/python -m deploy.reference
	@$(BIN)/python -m deploy.grafana.build
	@$(BIN)/python deploy/scale.py --write

sbom: $(VENV)/.dev ## List what ships: build/sbom.json (CycloneDX) and docs/licences.md
	@mkdir -p build
	@$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --mc-type application --output-reproducible \
		--output-format JSON --output-file build/sbom.json $(BIN)/python
	@$(BIN)/python -m deploy.sbom build/sbom.json

secrets: ## Make the passwords for docker compose or Kubernetes, a file each, in secrets
	@deploy/make-secrets.sh

soak: $(VENV)/.run ## Run workers for MINUTES while everything changes: do memory, files and keys stay flat?
	@$(BIN)/python -m bench.soak --minutes $(MINUTES) $(ARGS)

clean: ## Remove everything that make has made, .venv too
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Two stamps: the demo does not wait for the tools of the tests.
$(VENV)/.run: pyproject.toml constraints.txt deploy/make-venv.sh
	@deploy/make-venv.sh $(VENV) $(PYTHON)
	@echo 'Installing moodline into $(VENV) (about 1 GB to download the first time, then some minutes) ...'
	@$(PIP_INSTALL) -e '.[all]'
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	@echo 'Installing the tools for tests and checks ...'
	@$(PIP_INSTALL) -e '.[all,dev]'
	@touch $@
