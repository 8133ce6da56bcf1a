# Each target does its own set-up: Python 3.11 and make are all that must be there.
PYTHON ?= python3
CLEAN ?=
NOISY ?=
OUT ?= $(if $(CLEAN)$(NOISY),demo-own,demo)
DEMO_FLAGS ?=
TEST_FLAGS ?=
PROGRAMS ?= norms step step_parts step_memory inference data startup
COMPARE ?=

BIN := .venv/bin
READY := .venv/.ready
SOURCES := $(if $(CLEAN),--clean "$(CLEAN)") $(if $(NOISY),--noisy "$(NOISY)")
# A finished demo on made-up tissue is replaced in its own folder, nothing else unasked; an unfinished one goes on.
AGAIN := $(if $(CLEAN)$(NOISY),,$(if $(filter demo,$(OUT)),--overwrite))

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint docs performance clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile
	@echo
	@echo '  make demo CLEAN=folder NOISY=folder    the same with your own images; writes demo-own/index.html'
	@echo '  make performance COMPARE=performance/baselines    compared with earlier results;  PROGRAMS="scaling cluster": others'
	@echo '  DEMO_FLAGS="--minutes 2"               settings of the demo;  OUT=folder: another place for it'

setup: $(READY)  ## the virtual environment .venv, pinned, with the CPU build of PyTorch

$(READY): pyproject.toml constraints.txt tools/environment tools/build_kernels.py src/pellucid/ops/kernels.c
	@echo "Setting up .venv: downloads PyTorch and about 260 packages and builds the C kernels; once, 2 to 7 minutes on an idle machine"
	@rm -f $@
	@PYTHON="$(PYTHON)" tools/environment .venv -e '.[dev]'
	@touch $@
	@echo "Done. Commands are in $(BIN): source $(BIN)/activate"

demo: $(READY)  ## train, denoise and evaluate on made-up tissue; writes demo/index.html
	$(BIN)/pellucid demo --out "$(OUT)" $(strip $(SOURCES) $(AGAIN) $(DEMO_FLAGS))

test: $(READY)  ## all tests but the slow ones
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile $(TEST_FLAGS)

lint: $(READY)  ## style, types, imports and words
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python tools/words.py

docs: $(READY)  ## the site of the docs, where a warning is an error; writes site/index.html
	$(BIN)/python -m sphinx -W --keep-going -q -b html -d site/.doctrees docs site
	@echo "Open site/index.html"

# Long spinning of waiting threads slows a busy machine down many times; the command line sets the same.
performance: export GOMP_SPINCOUNT ?= 10000
performance: $(READY)  ## speed, as ratios to what this machine can do; writes performance-results/*.json
	@failed=; for name in $(PROGRAMS); do \
		echo "== performance/$$name.py"; \
		set -- --json performance-results/$$name.json; \
		earlier="$(COMPARE)/$$name.json"; if [ -f "$$earlier" ]; then set -- "$$@" --compare "$$earlier"; fi; \
		$(BIN)/python performance/$$name.py "$$@" || failed="$$failed $$name"; \
	done; test -z "$$failed" || { echo "failed, or worse than before:$$failed"; exit 1; }

clean:  ## remove what make and the tools made
	rm -rf .venv demo dist build site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find src tests performance tools -name __pycache__ -type d -prune -exec rm -rf {} +
