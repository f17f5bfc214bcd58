# Every target makes its own environment first: `make demo` and `make test` work in a fresh clone.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal
TESTS  := $(VENV)/.ready-for-tests
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test test-whole test-long test-gpu release lint types docs site front-page bench bench-gpu clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

# What the demo needs; the tests need more, which takes a while to resolve.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e .
	@touch $@

$(TESTS): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e '.[dev]'
	@touch $(READY) $@

demo: $(READY)  ## paint a collection, prepare it, train on it, and show the result on one page
	$(BIN)/lienzo demo

test: $(TESTS)  ## the quick tests, in about six minutes on two cores
	$(PYTEST) -m 'not slow and not long and not gpu'

test-whole: $(TESTS)  ## the quick and the slow tests, in under twenty minutes on two cores; what .ci/run runs
	$(PYTEST) -m 'not long and not gpu' --durations=10

test-long: $(TESTS)  ## tests that .ci/run has in a reduced form only, in under an hour on two cores
	$(PYTEST) -m long --durations=10

lint: $(TESTS)  ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(TESTS)  ## strict types
	$(BIN)/mypy

docs: $(TESTS)  ## links, commands and options named in the pages exist
	$(BIN)/python -m pytest tests/test_docs.py

site: $(TESTS)  ## the pages as a site, in site/index.html; a broken link fails
	$(BIN)/python -m sphinx -q -W --keep-going -b html -c docs . site

front-page: $(READY)  ## train the generator that paints on the front page of the site, in less than an hour
	$(BIN)/python -c "from pathlib import Path; from lienzo.painter.painting import paint; paint(Path('build/front-page/pictures'))"
	$(BIN)/lienzo prepare build/front-page/pictures build/front-page/collection --size 64 --holdout 0.2
	$(BIN)/lienzo train build/front-page/collection --recipe fast --out build/front-page/run --device cpu
	rm -f docs/front-page.safetensors
	$(BIN)/lienzo export build/front-page/run --to safetensors --float16 --licence MIT --out docs/front-page.safetensors

bench: $(TESTS)  ## speed of a training step and of preparation, as ratios measured in one run
	$(BIN)/python benchmarks/step.py
	$(BIN)/python benchmarks/prepare.py

bench-gpu: $(TESTS)  ## speed of training on a GPU, with the thesis's whole run; in under eight minutes
	$(BIN)/python benchmarks/gpu.py --full

test-gpu: $(TESTS)  ## the tests that need a GPU
	$(BIN)/python -m pytest -m gpu

release:  ## build the wheel and the sdist, and try both in empty environments
	scripts/release $(PYTHON)

clean:  ## forget the environment and the caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
