# Everything a developer or operator does by hand. Needs Python 3.11 or newer and make, nothing else.

# The newest Python that is installed and works; `make PYTHON=/path/to/python run` overrides it.
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& { echo $$python; break; }; done)

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check

# Stamps say which lock was installed, so that a second run installs nothing.
RUN_INSTALLED := $(VENV)/run-installed
DEV_INSTALLED := $(VENV)/dev-installed

.DEFAULT_GOAL := help
.PHONY: help run test check bench fmt migrate demo docs clean

help:  ## List these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: demo  ## Install, migrate, fill in the demo and serve; TALLYSTICK_PORT chooses the port
	TALLYSTICK_LOG_FORMAT=$${TALLYSTICK_LOG_FORMAT:-console} $(BIN)/tallystick up

# Each worker, and each server that a test starts, would compile everything again.
test: export PYTHONDONTWRITEBYTECODE :=
test: check  ## Run every check, then every test on each engine that is found or can be started
	$(BIN)/pytest -n 4

check: $(DEV_INSTALLED)  ## Check format, lint, types, layers and tidiness
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest --quiet tests/test_tidy.py

bench: $(DEV_INSTALLED)  ## Measure, and write bench/results/latest.json
	$(BIN)/python -m bench

fmt: $(DEV_INSTALLED)  ## Format, and mend what the linter can mend
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

migrate: $(RUN_INSTALLED)  ## Bring the database of TALLYSTICK_DATABASE_URL to the newest schema
	$(BIN)/tallystick migrate up

demo: migrate  ## Fill the database with the demonstration organizations
	$(BIN)/tallystick demo

docs: $(DEV_INSTALLED)  ## Generate the reference pages from the code
	$(BIN)/python docs/generate.py

clean:  ## Remove the virtual environment and all caches; databases stay
	rm -rf $(VENV) .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
	find src tests -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Tallystick needs Python 3.11 or newer." >&2; exit 1; }
	@# Debian's Python makes half an environment and fails when its venv package is missing.
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# The second step puts this folder itself on the path; its build backend is one of the locked packages.
$(RUN_INSTALLED): requirements/run.txt pyproject.toml | $(BIN)/python
	$(PIP) --require-hashes -r $<
	$(PIP) --no-build-isolation --no-deps -e .
	@touch $@

$(DEV_INSTALLED): requirements/dev.txt pyproject.toml | $(BIN)/python
	$(PIP) --require-hashes -r $<
	$(PIP) --no-build-isolation --no-deps -e .
	@touch $@ $(RUN_INSTALLED)
