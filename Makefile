# Zvonar. `make demo` shows the main job on a real Asterisk, `make test` proves everything; the rest is below.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help install
help:  ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

install: .venv/.installed  ## .venv with the package and all its extras

.venv/.installed: setup.cfg pyproject.toml
	@$(PYTHON) -m venv --help >/dev/null 2>&1 || { echo 'Python has no venv: apt-get install python3-venv' >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[test,dev]'
	@touch $@
