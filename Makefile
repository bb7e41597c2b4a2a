# Every target sets itself up: a virtual environment in .venv, with the versions of constraints.txt.
# Needs a Python >= 3.11 and nothing else.

PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$each && break; done)
BIN := .venv/bin
INSTALLED := .venv/.installed
SOURCES := node_sdk anacostia_daemon tests examples docs benchmarks README.md
# At least two workers: most of a test's time is spent waiting for processes.
JOBS ?= $(shell $(PYTHON) -c 'import os; print(max(2, min(8, os.cpu_count() or 2)))')

.PHONY: help venv check test demo chaos fuzz mutants bench docs clean

help:
	@echo 'make demo    the digits pipeline under a real daemon; its training node is killed and comes back'
	@echo 'make test    every test'
	@echo 'make bench   side by side with peers and the raw limit; ONE=restart for one figure, QUICK=1 to try it out'
	@echo 'make chaos   kills at random for SECONDS=60, then looks whether all laws hold; SEED= replays'
	@echo 'make fuzz    each decoder for SECONDS=60 under atheris; TARGET= for one'
	@echo 'make mutants takes each guard of docs/reliability.md away in turn; its test must fail. ONE="words of its name"'
	@echo 'make check   format, lint, types, architecture and the fast tests'
	@echo 'make docs    write the generated parts of docs/ again'
	@echo 'make venv    only the virtual environment'
	@echo 'make clean   remove what these made'

venv: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@test -n '$(PYTHON)' || { echo 'cannot set up: no Python 3.11 or newer on PATH; name one: make PYTHON=…' >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip --disable-pip-version-check install --quiet -e '.[dev]' -c constraints.txt
	@touch $@

check: venv
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/pytest -q -n $(JOBS) -m 'not slow' tests/unit

test: venv
	$(BIN)/pytest -q -n $(JOBS) --dist worksteal $(PYTEST_ARGS)

demo: venv
	$(BIN)/python examples/digits/demo.py --pictures docs/figures

# Random kills; the seed is printed. SECONDS, SEED and SPARE (names that are not hit) may be given.
chaos: venv
	$(BIN)/python -m tests.chaos.chaos --seconds $(or $(SECONDS),60) $(if $(SEED),--seed $(SEED)) $(SPARE:%=--spare %)

# atheris has wheels for some Pythons only, so it is no part of dev: .venv/bin/pip install -e '.[fuzz]' -c constraints.txt
fuzz: venv
	$(BIN)/python -m tests.fuzz $(or $(TARGET),all) --seconds $(or $(SECONDS),60)

mutants: venv
	$(BIN)/python -m tests.mutants $(ONE)

# Of its own: nothing of the development tools is measured. The peers get one each, on first use (benchmarks/harness).
# Editable by a plain path: the other way slows down each start of an interpreter, that of the limit too.
.bench/ours/.installed: pyproject.toml constraints.txt benchmarks/requirements.txt
	$(PYTHON) -m venv .bench/ours
	.bench/ours/bin/python -m pip --disable-pip-version-check install --quiet --config-settings editable_mode=compat \
		-e '.[examples,web]' playwright -r benchmarks/requirements.txt -c constraints.txt
	@touch $@

bench: .bench/ours/.installed
	.bench/ours/bin/python -m benchmarks $(ONE)

docs: venv
	$(BIN)/python docs/generate_protocol.py
	$(BIN)/python docs/generate_cli.py
	$(BIN)/python docs/generate_configuration.py
	$(BIN)/python docs/generate_man.py
	$(BIN)/python docs/generate_observability.py
	$(BIN)/python -m anacostia_daemon.core.draw > docs/lifecycle.md
	$(BIN)/python -m tests.mutants.page
	$(BIN)/python -m benchmarks --page

clean:
	rm -rf .venv .bench build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .demo examples/*/.demo
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
