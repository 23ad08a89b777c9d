# The commands of this repository; README.md says what they are for.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MANAGE := $(BIN)/python manage.py
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all:

# `check --deploy` judges the settings of a deployment; these are what one would set.
DEPLOYED := DATA_DIR=$(CURDIR)/.lint PUBLIC_URL=https://gateway.example ALLOWED_HOSTS=gateway.example

.PHONY: install run test lint bench bench-pages chaos docs lock clean
.DELETE_ON_ERROR:

install: $(VENV)/.installed

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: requirements.txt pyproject.toml | $(VENV)/.python
	@$(PIP) -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@$(PIP) -r requirements-dev.txt
	@touch $@

run: install
	@$(MANAGE) bootstrap
	@exec $(MANAGE) serve

test: $(VENV)/.installed-dev
	@$(BIN)/python -m pytest -n auto

lint: $(VENV)/.installed-dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@mkdir -p .lint
	@$(DEPLOYED) $(MANAGE) makemigrations --check --dry-run
	@$(DEPLOYED) $(MANAGE) check --deploy --fail-level WARNING

bench: $(VENV)/.installed-dev
	@$(BIN)/python -m bench $(ARGS)

bench-pages: $(VENV)/.installed-dev
	@$(BIN)/python -m bench pages $(ARGS)

chaos: $(VENV)/.installed-dev
	@$(BIN)/python -m bench chaos $(ARGS)

# The pages whose tables are the tests' own, the one that is the catalogue's, and the pictures of docs/images.
docs: $(VENV)/.installed-dev
	@$(BIN)/python -m tests.matrix
	@$(BIN)/python -m tests.faults
	@mkdir -p .lint
	@$(DEPLOYED) $(MANAGE) catalog table --out docs/providers.md
	@$(BIN)/python -m tests.screenshots

# Resolved for every platform and every Python from 3.11 on, with the hash of each file.
lock:
	@$(PYTHON) -m venv .lock && .lock/bin/pip install --quiet uv
	@.lock/bin/uv pip compile pyproject.toml --universal --python-version 3.11 \
	  --generate-hashes --no-header --quiet --output-file requirements.txt
	@.lock/bin/uv pip compile pyproject.toml --group test --group lint --group catalogue --constraint requirements.txt \
	  --universal --python-version 3.11 --generate-hashes --no-header --quiet --output-file requirements-dev.txt
	@rm -rf .lock

clean:
	@rm -rf $(VENV) .lint .lock *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
