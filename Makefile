# Easel. `make serve` sets everything up and runs the platform; `make test` sets everything up and passes the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
RUNTIME_STAMP := $(VENV)/.installed-runtime
# Compiled modules are kept even if the environment forbids this, because Easel has four processes, and tests start dozens.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: install install-runtime serve test test-all test-fast test-apart test-browsers test-system test-work test-builds check lint types chaos bench docs lock format clean

install: $(STAMP)
install-runtime: $(RUNTIME_STAMP)

$(VENV)/.bootstrapped: requirements/bootstrap.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@touch $@

# Running Easel needs no test tools. `make test` installs both.
$(RUNTIME_STAMP): $(VENV)/.bootstrapped requirements/runtime.txt pyproject.toml
	@test -e $(STAMP) || echo "Installing Easel with its packages into $(VENV)/, which may take a minute"
	@test -e $(STAMP) || $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/runtime.txt
	@test -e $(STAMP) || $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(STAMP): $(VENV)/.bootstrapped requirements/dev.txt pyproject.toml
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@ $(RUNTIME_STAMP)

serve: install-runtime
	$(BIN)/easel serve $(ARGS)

check: lint types

lint: install
	$(BIN)/ruff check src tests bench testbed
	$(BIN)/ruff format --check src tests bench testbed
	$(BIN)/lint-imports

types: install
	$(BIN)/mypy

# In a fresh clone, mypy takes half a minute of processor time. It runs while the tests wait.
test: lint
	@$(MAKE) --no-print-directory --jobs=2 types test-all

test-all: install
	$(BIN)/python -m pytest $(ARGS)

# The tests that need no server, in under a minute.
test-fast: install
	$(BIN)/python -m pytest -m "not server and not builds" $(ARGS)

# The long form of a test: 500 kills take more than an hour. EASEL_CHAOS_SEED repeats the kills of an earlier run.
chaos: install
	EASEL_CHAOS_KILLS=$${EASEL_CHAOS_KILLS:-500} $(BIN)/python -m pytest tests/system/test_chaos.py -m system -n0 -s $(ARGS)

# The tests of behaviour again: on an S3 server, with every role in its own processes, on Debian's PostgreSQL.
test-apart: install
	EASEL_TEST_STORE=moto EASEL_TEST_PARTS=apart $(BIN)/python -m pytest -m "not builds" \
	  tests/access tests/apps tests/browser tests/cli \
	  tests/conformance tests/deploys tests/docs/test_readme.py tests/environments tests/storage/test_queue.py tests/uploads \
	  tests/versions $(ARGS)

# Real Chromium, which takes both processors of a small machine for itself.
test-browsers: install
	$(BIN)/python -m pytest tests/browser -m browser -n 2 $(ARGS)

# Installations whose machines, databases and stores are killed, cut off, lost, restored and upgraded.
test-system: install
	$(BIN)/python -m pytest tests/system tests/backups tests/docs tests/storage -m system $(ARGS)

# Counts instructions under valgrind, which takes one processor two or three minutes.
test-work: install
	EASEL_TEST_WORK=1 $(BIN)/python -m pytest tests/work -n0 $(ARGS)

# Builds real projects with packages from npm's configured registry, and runs the other slow tests of builds, in minutes.
test-builds: install
	$(BIN)/python -m pytest tests/builds -m builds -n0 $(ARGS)

bench: install
	$(BIN)/python -m bench $(ARGS)

docs: install
	$(BIN)/python -m pytest tests/docs $(ARGS)

format: install
	$(BIN)/ruff check --fix src tests bench testbed
	$(BIN)/ruff format src tests bench testbed

# Pins with hashes, for every Python from 3.11 on, without the address of a package index.
lock: install
	for name in bootstrap cli runtime dev; do \
	  case $$name in bootstrap) from=requirements/bootstrap.in ;; cli) from=pyproject.toml ;; \
	    runtime) from="--extra server --extra builder pyproject.toml" ;; dev) from="--extra server --extra builder --group dev pyproject.toml" ;; esac; \
	  $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
	    --python-version 3.11 $$from --output-file requirements/$$name.txt; \
	done

clean:
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache
