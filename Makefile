# Every target sets itself up. `make help` lists them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# CPU-only machines outside an index that serves CPU builds: make train TORCH_INDEX=<address of the CPU wheels>
INDEX := $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
CONSTRAINTS ?= constraints.txt
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(INDEX) -c $(CONSTRAINTS)
PYTHONS ?= 3.11 3.12 3.13
# the tests run in as many processes as there are cores, eight at most; one beside another costs each its own fixtures
WORKERS ?= logical
SHARED := $(wildcard $(abspath ../shared/data))
ifneq ($(SHARED),)
export RECCL_DATA ?= $(SHARED)
endif

.DEFAULT_GOAL := help
.PHONY: help setup train test coverage test-gpu test-slow test-pythons test-lowest lint docs docs-serve tutorials ui bench constraints release clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.runtime  ## make the virtual environment and install reccl in it

train: $(VENV)/.runtime  ## train the default model on MovieLens-100K, and say where to look next
	$(BIN)/reccl train --config movielens.yaml
	@echo "reccl is in $(BIN): source $(BIN)/activate"

test: $(VENV)/.dev  ## run the tests
	$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 8 --dist worksteal

coverage: $(VENV)/.dev  ## run the tests and say which lines none of them runs; less than 90 % is an error
	COVERAGE_CORE=$$($(BIN)/python -c "import sys; print('sysmon' if sys.version_info >= (3, 12) else 'ctrace')") \
	  $(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 8 --dist worksteal --cov --cov-report=term:skip-covered

test-gpu: $(VENV)/.dev  ## run the tests with `auto` as the CUDA device; those that need one fail without
	RECCL_DEVICE=cuda $(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 4 --dist worksteal

test-slow: $(VENV)/.dev  ## run the quality tests on real data, minutes each
	$(BIN)/python -m pytest -m slow

test-pythons:  ## run the tests on every Python of 3.11 to 3.13 that is here, each in its own .venv-3.X
	@set -e; for version in $(PYTHONS); do \
	  found=$$(bash scripts/find_python.sh $$version) || { echo "== Python $$version is not here: left out"; continue; }; \
	  echo "== Python $$version: $$found"; $(MAKE) test PYTHON=$$found VENV=.venv-$$version; \
	done

test-lowest: $(VENV)/.uv  ## run the tests with the lowest versions that pyproject.toml allows, in .venv-lowest
	@mkdir -p .cache
	PYTHONPATH=. $(BIN)/python scripts/lowest.py > .cache/lowest.txt
	$(MAKE) test PYTHON=$$(bash scripts/find_python.sh 3.11 || echo $(PYTHON)) VENV=.venv-lowest CONSTRAINTS=.cache/lowest.txt

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

constraints: $(VENV)/.uv  ## write constraints.txt anew: the newest versions that go together on every Python
	PYTHONPATH=. $(BIN)/python scripts/constraints.py

release: $(VENV)/.release  ## build sdist and wheel into dist/, try the wheel, audit what it needs, write an SBOM
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/python -m twine check --strict dist/*
	PYTHON=$(BIN)/python INDEX="$(INDEX)" bash scripts/try_wheel.sh dist/*.whl

clean:  ## remove the virtual environment, caches and what was built; runs stay
	rm -rf $(VENV) .venv-* .cache .pytest_cache .mypy_cache .ruff_cache .coverage dist site docs/api docs/layout.md docs/tutorials/*.md

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: $(BIN)/python pyproject.toml $(CONSTRAINTS) hatch_build.py
	$(INSTALL) -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	$(INSTALL) -e '.[dev,docs,database]'
	@touch $@

$(VENV)/.docs: $(BIN)/python pyproject.toml $(CONSTRAINTS)
	$(INSTALL) "mkdocstrings[python]" ruff zensical
	@touch $@

$(VENV)/.release: $(BIN)/python pyproject.toml $(CONSTRAINTS)
	$(INSTALL) build cyclonedx-bom pip-audit twine
	@touch $@

$(VENV)/.uv: $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@touch $@
