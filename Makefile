# Every target sets itself up. `make help` lists them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# CPU-only machines outside an index that serves CPU builds: make train TORCH_INDEX=<address of the CPU wheels>
INDEX := $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(INDEX) -c constraints.txt
SHARED := $(wildcard $(abspath ../shared/data))
ifneq ($(SHARED),)
export RECCL_DATA ?= $(SHARED)
endif

.DEFAULT_GOAL := help
.PHONY: help setup train test test-slow lint docs docs-serve tutorials ui bench release clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.runtime  ## make the virtual environment and install reccl in it

train: $(VENV)/.runtime  ## train the default model on MovieLens-100K, and say where to look next
	$(BIN)/reccl train --config movielens.yaml
	@echo "reccl is in $(BIN): source $(BIN)/activate"

test: $(VENV)/.dev  ## run the tests
	$(BIN)/python -m pytest --cov --cov-report=term:skip-covered

test-slow: $(VENV)/.dev  ## run the quality tests on real data, minutes each
	$(BIN)/python -m pytest -m slow

lint: $(VENV)/.dev  ## ruff, format check, mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.docs  ## build the documentation into site/; a broken link is an error
	$(BIN)/python scripts/pages.py
	$(BIN)/zensical build --strict --clean

docs-serve: $(VENV)/.docs  ## show the documentation in the browser while you write it
	$(BIN)/python scripts/pages.py
	$(BIN)/zensical serve

tutorials: $(VENV)/.dev  ## run the notebooks of docs/tutorials anew and keep what they print (minutes)
	$(BIN)/python scripts/tutorials.py

ui: $(VENV)/.runtime  ## open the MLflow UI on ./mlruns
	$(BIN)/reccl ui

bench: $(VENV)/.dev  ## run the benchmarks (minutes)
	@set -e; for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python $$file; done

release: $(VENV)/.release  ## build sdist and wheel into dist/, check them, and try the wheel in a clean environment
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/python -m twine check --strict dist/*
	PYTHON=$(BIN)/python INDEX="$(INDEX)" bash scripts/try_wheel.sh dist/*.whl

clean:  ## remove the virtual environment, caches and what was built; runs stay
	rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache .coverage dist site docs/api docs/layout.md docs/tutorials/*.md

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: $(BIN)/python pyproject.toml constraints.txt hatch_build.py
	$(INSTALL) -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	$(INSTALL) -e '.[dev,docs,database]'
	@touch $@

$(VENV)/.docs: $(BIN)/python pyproject.toml constraints.txt
	$(INSTALL) "mkdocstrings[python]" ruff zensical
	@touch $@

$(VENV)/.release: $(BIN)/python pyproject.toml constraints.txt
	$(INSTALL) build twine
	@touch $@
