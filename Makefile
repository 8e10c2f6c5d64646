# Everything needed is set up by the targets themselves: Python >= 3.11 and make.
PYTHON ?= python3
VENV ?= .venv
# Tests wait more than they work: more processes than cores.
JOBS ?= 4
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.run
DEV_STAMP := $(VENV)/.dev
DOCS_STAMP := $(VENV)/.docs
SITE := build/docs

.PHONY: demo test check fmt docs translations bench clean

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name it with: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(RUN_STAMP): $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(DEV_STAMP): $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,check]'
	@touch $@

$(DOCS_STAMP): $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	@touch $@

demo: $(RUN_STAMP)  ## the whole loop, offline, in this terminal
	$(BIN)/complaint-connector demo $(ARGS)

test: $(DEV_STAMP)  ## all tests, on SQLite and on a PostgreSQL the run starts itself
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

check: $(DEV_STAMP)  ## formatting, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

fmt: $(DEV_STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

TRANSLATIONS := connector/dashboard/translations

translations: $(DEV_STAMP)  ## find what the pages say; run it again when nb and fi are filled in
	$(BIN)/pybabel --quiet extract --mapping-file pyproject.toml --no-location --sort-output \
	  --output-file $(VENV)/messages.pot connector/dashboard
	$(BIN)/pybabel --quiet update --input-file $(VENV)/messages.pot --output-dir $(TRANSLATIONS) \
	  --width 100 --ignore-obsolete --no-fuzzy-matching --ignore-pot-creation-date
	$(BIN)/pybabel --quiet compile --directory $(TRANSLATIONS)

docs: $(DOCS_STAMP)  ## the site of all pages; a link that leads nowhere ends it
	$(BIN)/python docs/tools/pages.py $(SITE)
	cd $(SITE) && $(abspath $(BIN))/zensical build --strict

clean:
	rm -rf $(VENV) var build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
