# Every target sets up .venv first; all that is needed beside it is Python 3.11 or later.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
DOCS_STAMP := $(VENV)/.installed-docs
TORCH  := $(shell grep '^torch==' constraints.txt)

# Processes that share the tests; each of them takes about 1 GB of memory.
JOBS   ?= $(shell n=$$(nproc 2>/dev/null || echo 2); echo $$((n < 8 ? n : 8)))
# --dist loadgroup keeps the tests of one file or xdist_group in one process: see conftest.py.
# Without compiled files, each of the processes that tests start would compile the packages anew.
unexport PYTHONDONTWRITEBYTECODE
PYTEST := $(BIN)/python -m pytest -n $(JOBS) --dist loadgroup

.PHONY: help demo check lint test test-slow fuzz kills bench bench-smoke gpu format cov docs dist clean
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

help:  ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/make \1\t\2/' | expand -t 18

# torch first and pinned: any build that satisfies the pin is kept by what follows.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@

$(DOCS_STAMP): $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	touch $@

demo: $(STAMP)  ## SemHARQ's accuracy over SNR, in under a minute on a laptop
	$(BIN)/simulate --scheme semharq,perfect --snr -6:8:2 --out runs/demo

check: lint  ## The fast loop: lint, types, unit tests (no processes, no shipped weights)
	$(PYTEST) -m "not slow and not integration"

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint  ## Lint, types and all tests but the slow ones
	$(PYTEST)

test-slow: $(STAMP)  ## The long simulations, one after the other
	$(BIN)/python -m pytest -m slow

fuzz: $(STAMP)  ## 10 000 damaged inputs (FUZZ_CASES, FUZZ_SEED): each works or gets one line
	FUZZ_CASES=$(or $(FUZZ_CASES),10000) $(PYTEST) tests/fuzz

kills: $(STAMP)  ## 200 kills at random moments (KILLS, KILLS_SEED): nothing is lost, nothing stays
	KILLS=$(or $(KILLS),200) $(BIN)/python -m pytest -m slow tests/kills

bench: $(STAMP)  ## Speed of every part beside a reference (ONLY="--only NAME"); docs/performance.md
	$(BIN)/python -m benchmarks $(ONLY)
	$(BIN)/python -m benchmarks --page

bench-smoke: $(STAMP)  ## All code of the bench on a few images: does it run with this Python?
	$(BIN)/python -m benchmarks --smoke

gpu: $(STAMP)  ## The first GPU: tests, equality with the CPU, throughput, memory, the papers' training
	SEMHARQ_TEST_GPU=1 $(BIN)/python -m pytest -n 4 tests/simulator/test_gpu.py \
		tests/simulator/test_every_channel.py tests/phy/test_philox.py
	$(BIN)/python -m benchmarks.gpu

format: $(STAMP)  ## Format the code and mend what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

cov: $(STAMP)  ## Line and branch coverage of all tests but the slow ones
	$(PYTEST) --cov --cov-report=
	$(BIN)/coverage report --include='simulator/*' --fail-under=90
	$(BIN)/coverage report --include='phy/*' --fail-under=90
	$(BIN)/coverage report --include='semantic/*' --fail-under=85

docs: $(DOCS_STAMP)  ## Check what the documents name (links, commands, options), then build site/
	$(BIN)/python -m pytest tests/test_docs.py tests/test_documented_commands.py tests/test_site.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# The wheel is built from the sdist, so that a file that the sdist lacks is missed.
dist: $(STAMP)  ## Build sdist and wheel in dist/, install the wheel in a new environment, run it
	rm -rf dist build
	$(BIN)/python -c "from setuptools.build_meta import build_sdist; build_sdist('dist')" >/dev/null
	$(BIN)/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist dist/*.tar.gz
	$(PYTHON) -m venv build/clean
	build/clean/bin/pip install --quiet --disable-pip-version-check $(TORCH)
	build/clean/bin/pip install --quiet --disable-pip-version-check -c constraints.txt dist/*.whl
	cd build && clean/bin/simulate doctor
	cd build && clean/bin/simulate --scheme semharq,perfect --snr 0 --images 60 --out run

clean:  ## Remove the environment and what was built
	rm -rf $(VENV) build dist site *.egg-info
