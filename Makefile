# Each target makes .venv when it is missing or older than the pins, then does its one thing.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: demo test night check bench

demo: $(STAMP)
	@$(BIN)/levee demo

test: check
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --ignore tests/crash --ignore tests/replay

# Cycles killed, spoilt, replayed and rebuilt: minutes of whole cycles.
night: check
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder tests/crash tests/replay

bench: $(STAMP)
	@$(BIN)/python -m benchmarks

check: $(STAMP)
	@$(BIN)/ruff check flows tasks tests data benchmarks
	@$(BIN)/ruff format --check flows tasks tests data benchmarks
	@$(BIN)/mypy

$(STAMP): pyproject.toml constraints.txt
	@echo "installing into .venv (once, about two minutes)"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt hatchling editables
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-build-isolation --editable '.[dev]'
	@touch $@
