# make demo: see it work.  make quick: check a change.  make test: check everything.  All set up .venv by themselves.
SHELL := /bin/sh
VENV  := .venv
BIN   := $(VENV)/bin
UV    := $(shell command -v uv 2>/dev/null)
# The first interpreter that really starts and is one we support (a pyenv shim may exist and not start).
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)

.PHONY: demo quick test suite check bench soak playground page browsers lock clean
.DELETE_ON_ERROR:

demo: $(VENV)/.run  ## set up, then import, train for a minute and talk: no data, no token, no network
	@$(BIN)/dann demo

quick: $(VENV)/.dev  ## 90 seconds: lint, types and the tests that a change touches (SINCE=commit, or where the branch began)
	$(BIN)/python -m tests.quick $(SINCE)

# Side by side: types take one core for half a minute, and the tests' imports leave one.
test: $(VENV)/.dev  ## set up, then lint, types and every test
	@$(MAKE) --no-print-directory --jobs=2 check suite

suite: $(VENV)/.dev
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

check: $(VENV)/.dev  ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.dev $(VENV)/.bench  ## speed and memory, never part of the tests
	$(BIN)/python -m tests.bench

soak: $(VENV)/.dev  ## 24 kills of child and parent, ten of a base, 200 random requests a route, all variants, then 20 mentions a second for ten minutes
	DANN_KILLS=24 DANN_EXAMPLES=200 $(BIN)/python -m pytest -o timeout=3600 \
		tests/bot/retraining/test_faults_kill.py tests/bot/web/openai/test_openapi.py
	DANN_WHOLE=1 $(BIN)/python -m pytest -o timeout=3600 \
		tests/training/inspect tests/training/loop/test_devices.py tests/model/architectures \
		tests/training/base/test_base_kills.py
	$(BIN)/python -m tests.bench soak

playground: $(VENV)/.dev  ## a Discord and a Telegram on this machine, dann connected to both, and you a member
	@$(BIN)/python -m tests.servers

page:  ## bundle the page anew from bot/web/client (needs Node); serving and installing need only what is committed
	cd bot/web/client && npm ci --silent --ignore-scripts --no-audit --no-fund && node build.mjs

browsers: $(VENV)/.dev  ## three journeys through the page in Debian's firefox-esr (needs Node), never part of the tests
	cd tests/browsers && npm ci --silent --ignore-scripts --no-audit --no-fund
	$(BIN)/python -m tests.browsers

$(BIN)/python:
ifneq ($(UV),)
	@$(UV) venv --quiet --allow-existing --python '>=3.11,<3.14' $(VENV)
else
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11, 3.12 or 3.13 found; install one, or say PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
endif

# Python compiles what is imported, as it is imported: compiling all that is installed takes half a minute.
unexport PYTHONDONTWRITEBYTECODE
# --no-build-isolation: the build backend comes from the lock too.
ifneq ($(UV),)
INSTALL = $(UV) pip install --quiet --python $(BIN)/python
else
INSTALL = $(BIN)/python -m pip install -qq --disable-pip-version-check --no-compile
endif

$(VENV)/.run: $(BIN)/python requirements.lock pyproject.toml
	@echo "setting up $(VENV) (once, about a minute)" >&2
	@$(INSTALL) --require-hashes -r requirements.lock
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

# Its lock has what running needs too, at the same versions.
$(VENV)/.dev: $(BIN)/python requirements.lock requirements-dev.lock pyproject.toml
	@echo "setting up $(VENV) for tests (once, about a minute)" >&2
	@$(INSTALL) --require-hashes -r requirements-dev.lock
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $(VENV)/.run $@

# What is compared with. pip even where there is uv, because an index set up for pip is where its CPU build comes from.
BENCH = import sys, tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"][sys.argv[1]])
$(VENV)/.bench: $(VENV)/.dev pyproject.toml
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	@$(BIN)/python -m pip install -qq --disable-pip-version-check $$($(BIN)/python -c '$(BENCH)' bench) && \
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps $$($(BIN)/python -c '$(BENCH)' bench-files) && \
	touch $@ || echo "make: what is compared with could not be installed; the tables come without its columns" >&2

LOCK = uv pip compile --quiet --universal --fork-strategy fewest --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links

lock:  ## pin what pyproject.toml asks for, with hashes and without addresses (needs uv)
	$(LOCK) pyproject.toml --extra postgres --group build --output-file requirements.lock
	$(LOCK) pyproject.toml --extra postgres --group build --group dev --constraint requirements.lock \
		--output-file requirements-dev.lock
	$(LOCK) pyproject.toml --extra postgres --extra cuda --group build --constraint requirements.lock \
		--output-file requirements-cuda.lock

clean:  ## remove what was set up; data/ is yours and stays
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './data/*' -prune -exec rm -rf {} +
