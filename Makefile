# Every target makes its own environment first: `make demo` and `make test` work in a fresh clone.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-gpu lint types docs bench bench-gpu clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]' -c constraints.txt
	@touch $@

demo: $(READY)  ## paint a collection, prepare it, train on it, and show the result on one page
	$(BIN)/lienzo demo

test: $(READY)  ## run every test but the slow ones, in under eight minutes on two cores
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m 'not slow and not gpu' -n auto

test-slow: $(READY)  ## run the slow tests too
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m 'not gpu' -n auto

lint: $(READY)  ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)  ## strict types
	$(BIN)/mypy

docs: $(READY)  ## links, commands and options named in the pages exist
	$(BIN)/python -m pytest tests/test_docs.py

bench: $(READY)  ## speed of a training step and of preparation, as ratios measured in one run
	$(BIN)/python benchmarks/step.py
	$(BIN)/python benchmarks/prepare.py

bench-gpu: $(READY)  ## speed of training on a GPU, with the thesis's whole run; in under eight minutes
	$(BIN)/python benchmarks/gpu.py --full

test-gpu: $(READY)  ## the tests that need a GPU
	$(BIN)/python -m pytest -m gpu

clean:  ## forget the environment and the caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
