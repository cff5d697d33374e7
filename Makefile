# Every command sets up what it needs; `make` alone lists them. Settings may stand in a file .env: see .env.example.
-include .env
export

.PHONY: help run pipeline test test-long bench format lock clean setup setup-dev
PY = .venv/bin/python

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

run: setup ## the app on the bundled matches: web process and workers, until Ctrl-C
	@exec $(PY) -m workers.supervise

pipeline: setup ## from the sources to what is served: runs what changed
	@$(PY) -m workers.pipeline

test: setup-dev ## every check that takes less than ten minutes
	@sh setup.sh chromium
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m pytest -m "not long"

test-long: setup-dev ## the full counts of fuzz, fault and statistical trials
	@sh setup.sh chromium
	$(PY) -m pytest -m long

bench: setup-dev ## what the README says about speed
	$(PY) -m bench.app

format: setup-dev ## put the code into the one form
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

lock: setup-dev ## compile the requirements, each version fixed, for every platform
	$(PY) -m uv pip compile --universal --python-version 3.11 --no-header --no-emit-index-url --no-emit-find-links -q requirements.in -o requirements.txt
	$(PY) -m uv pip compile --universal --python-version 3.11 --no-header --no-emit-index-url --no-emit-find-links -q requirements-dev.in -o requirements-dev.txt

clean: ## remove all that runs have made: database, registry, store and work files
	rm -rf var data/work data/predictions reports dvc.lock .dvc/cache .dvc/tmp

setup:
	@sh setup.sh requirements.txt

setup-dev:
	@sh setup.sh requirements-dev.txt
