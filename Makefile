# Zvonar. `make demo` shows the main job on a real Asterisk, `make test` proves everything; `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
MUTATE_S ?= 1800
.DEFAULT_GOAL := help
.PHONY: help system install lab demo test check docs mutate bench chaos soak clean

help:  ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

system:  ## Debian packages that the lab and the tests need; apt-get only when one is missing
	@sh etc/debian.sh

install: .venv/.installed  ## .venv with the package and all its extras

.venv/.installed: setup.cfg pyproject.toml
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || sh etc/debian.sh python3 python3-venv
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[celery,s3,test,dev]'
	@touch $@

lab: system install  ## a real Asterisk for demo, tests and benchmarks; a minute, once a machine
	@sh etc/lab/lab.sh build

demo: lab  ## dial a list of 60 people on a real Asterisk, and show the report
	@$(BIN)/zvonar demo $(ARGS)

test: lab  ## the whole test suite; ARGS='-k words' for a part of it
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

check: install  ## lint, types, import contracts, generated documents
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m cli.reference --check

docs: install  ## write docs/cli.md, zvonar.sample.toml and the tables of docs/operations.md
	$(BIN)/python -m cli.reference

mutate: install  ## change the rules of contact in hundreds of small ways, and see whether their tests notice
	nice timeout $(MUTATE_S) $(BIN)/mutmut run --max-children 1; test $$? -eq 0 -o $$? -eq 124
	$(BIN)/mutmut results

bench: lab  ## every benchmark; bench/results.json and a table
	$(BIN)/python bench/run.py $(ARGS)

soak: lab  ## call for an hour and see that nothing grows; ARGS='--seconds 600' for a short one
	PYTHONPATH=.:etc/lab:tests $(BIN)/python bench/soak.py $(ARGS)

chaos: system install  ## kill dialers a thousand times on PostgreSQL; ARGS='--kills N --seed N'
	PYTHONPATH=.:etc/lab:tests $(BIN)/python -m chaos $(ARGS)

clean:  ## remove what was built in this folder; not var/, not the lab's cache
	rm -rf .venv build dist mutants *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
