# make demo   everything from nothing to the story, in about a minute
# make test   every check and every test
#
# Both make .venv first, from locks with hashes. Nothing is fetched but the packages named there.

.PHONY: demo serve test check tests lock clean help
.DEFAULT_GOAL := help
SHELL := /bin/sh

# The first Python that is new enough; `make PYTHON=/path/to/python3 demo` chooses another.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
BIN := .venv/bin
PIP = $(BIN)/python -m pip -qq --disable-pip-version-check --no-input install
RUN_STAMP := .venv/run.stamp
DEV_STAMP := .venv/dev.stamp

help:
	@sed -n '1,2s/^# //p' Makefile

demo: $(RUN_STAMP)
	@HUB_STATE_DIR="$${HUB_STATE_DIR:-$$PWD/.hub}" $(BIN)/hub demo $(ARGS)

serve: $(RUN_STAMP)
	@HUB_STATE_DIR="$${HUB_STATE_DIR:-$$PWD/.hub}" $(BIN)/hub demo --serve $(ARGS)

test: check tests

check: $(DEV_STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hub check

tests: $(DEV_STAMP)
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

# An editable install: the command `hub` runs the files of this checkout. `--no-deps` and `--no-build-isolation`
# keep the installer from choosing anything that the locks do not name.
$(RUN_STAMP): pyproject.toml requirements/build.txt requirements/run.txt
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or later with venv is needed; name one: make PYTHON=/path/to/python3 demo" >&2; exit 1; }
	@echo "installing into .venv (once) ..."
	@"$(PYTHON)" -m venv --clear .venv
	@$(PIP) --require-hashes -r requirements/build.txt -r requirements/run.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV_STAMP): $(RUN_STAMP) requirements/dev.txt
	@echo "installing the tools for checks and tests (once) ..."
	@$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@

# For maintainers, with uv at hand: fix the versions and hashes anew (see CONTRIBUTING.md).
LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header
lock:
	$(LOCK) pyproject.toml --output-file requirements/run.txt
	$(LOCK) --group build --constraint requirements/run.txt --output-file requirements/build.txt
	$(LOCK) --group dev pyproject.toml --constraint requirements/run.txt --output-file requirements/dev.txt

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
