# Everything runs in .venv; nothing else on the machine is touched but the embedded server's own files.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PORT ?= 8080
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-compile --constraint constraints.txt

.PHONY: demo airflow test lint bench coverage chaos generate clean help

help:  ## what there is to make
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: .venv/installed  ## the whole story on synthetic municipalities and an embedded PostgreSQL
	$(BIN)/tracker demo

airflow: .venv/installed-airflow  ## Airflow with the DAGs on the embedded PostgreSQL, until Ctrl-C (PORT=8080)
	@$(BIN)/tracker airflow --port $(PORT)

test: .venv/installed-dev  ## the whole suite
	$(BIN)/pytest -n 2 --dist loadfile

lint: .venv/installed-dev  ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/installed-dev  ## speed and memory as ratios in one run, to bench-results/
	$(BIN)/python -m tests.bench

coverage: .venv/installed-dev  ## simulations: do intervals cover what they promise (long)
	$(BIN)/python -m tests.coverage

chaos: .venv/installed-dev  ## injuries at random moments, resumable; then the log of an undisturbed run (long)
	$(BIN)/python -m tests.chaos

generate: .venv/installed-dev  ## regenerate what is committed and diffed: schema, chain diagram, specifications
	$(BIN)/python -m tests.generate

clean:  ## stop the embedded server and remove what the demo made
	-$(BIN)/tracker db down
	rm -rf .tracker demo

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 is needed: install it or run make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml constraints.txt | .venv/bin/python
	@echo "installing into .venv (about half a minute)"
	@$(PIP) --editable .
	@touch $@

.venv/installed-airflow: pyproject.toml constraints.txt | .venv/bin/python
	@echo "installing tracker and Airflow into .venv (one to three minutes)"
	@$(PIP) --editable '.[airflow]'
	@touch .venv/installed $@

.venv/installed-dev: .venv/installed
	@$(PIP) --editable '.[dev,airflow,spark]'
	@touch $@
