# Everything that a fresh machine needs: Python 3.11 or newer, and make. `make` alone lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install --quiet --constraint constraints.txt
# the build backend warns, at length, that an editable install is editable
EDITABLE := PYTHONWARNINGS='ignore:Editable installation' $(INSTALL) --no-build-isolation --editable
PYTEST := $(BIN)/python -m pytest
WHEEL_TEST := tests/packaging/test_wheel.py
DEMO := demo-out
CHECKED = $(CXX) -std=c++17 -O1 -g -Wall -Wextra -pthread -Irewards tests/rewards/check_ratcliff.cpp rewards/_ratcliff.cpp
KERNEL := setup.py $(wildcard rewards/_ratcliff*.cpp rewards/_ratcliff*.h)

# what a user's shell exports must not leak into the environment that is built here
unexport PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test unit lint format docs wheel-test test-trainers fuzz sanitize bench constraints clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.train ## install, then build a step dataset from scratch in demo-out/, and train a tiny model on one
	$(BIN)/srl-data demo --output $(DEMO)

test: lint ## install, lint, then every test: unit, slow, the built wheel
	$(PYTEST) -n 2 --ignore $(WHEEL_TEST)
	$(PYTEST) $(WHEEL_TEST)

unit: $(VENV)/.dev ## the unit tests and doctests alone, in a minute or two
	$(PYTEST) -n 2 -m "not slow" --hypothesis-profile unit

lint: $(VENV)/.dev ## style, types, direction of imports
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## mend what ruff can mend
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

docs: $(VENV)/.core ## write docs/cli.md anew from the commands' help
	$(BIN)/python scripts/cli_docs.py

wheel-test: $(VENV)/.dev ## build the wheel, install it in a clean environment, try it there
	$(PYTEST) $(WHEEL_TEST)

test-trainers: $(VENV)/.dev ## run the tests against the trainers themselves, each in an environment of its own
	$(BIN)/python scripts/trainer_envs.py
	$(BIN)/python scripts/compatibility.py

fuzz: $(VENV)/.dev ## draw new texts by the thousand that might break the verifier; takes many minutes
	$(PYTEST) -n 2 --hypothesis-profile explore tests/fuzz

sanitize: $(VENV)/.dev ## run the native kernel under the address, undefined-behaviour and thread sanitizers
	mkdir -p build
	$(BIN)/python -m tests.rewards.ratcliff_pairs build/pairs.bin
	$(CHECKED) -fsanitize=address,undefined -fno-sanitize-recover=all -o build/kernel && build/kernel build/pairs.bin
	$(CHECKED) -fsanitize=address,undefined -fno-sanitize-recover=all -DRATCLIFF_PLAIN -DRATCLIFF_MAX_RUNS=40 \
	  -o build/kernel && build/kernel build/pairs.bin
	$(CHECKED) -fsanitize=thread -o build/kernel && build/kernel build/pairs.bin

bench: $(VENV)/.bench ## run the benchmarks, but for the experiment in benchmarks/curriculum.py, which takes hours
	for script in $(filter-out benchmarks/curriculum.py,$(wildcard benchmarks/[a-z]*.py)); do $(BIN)/python "$$script" || exit 1; done

constraints: $(VENV)/.dev ## resolve every dependency anew and write constraints.txt
	$(BIN)/python scripts/lock.py

clean: ## remove what was built
	rm -rf $(VENV) $(DEMO) build dist *.egg-info rewards/*.so .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# A stamp is written last, so an install that was cut short is taken up again. The project is installed in
# editable mode: a changed Python file needs no new install, a changed pyproject.toml, pin or C++ file does.
$(VENV)/.core: pyproject.toml constraints.txt $(KERNEL)
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if v >= (3, 11) else \
	  "srl-data needs Python 3.11 or newer, $(PYTHON) is %d.%d: make PYTHON=python3.12 ..." % v[:2])'
	@echo "Installing srl-data into $(VENV)"
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --upgrade pip setuptools
	$(EDITABLE) .
	@touch $@

$(VENV)/.train: $(VENV)/.core
	@echo "Installing what training needs"
	$(EDITABLE) '.[train]'
	@touch $@

$(VENV)/.dev: $(VENV)/.core
	@echo "Installing what the tests need"
	$(EDITABLE) '.[dev,nlp,embed-int8,lora,serve,trl,report]'
	@touch $@

$(VENV)/.bench: $(VENV)/.dev
	$(EDITABLE) '.[bench,lora,trl,serve]'
	@touch $@
