# make run   starts everything: installs what is missing, makes the forecasts when there are none, opens the app.
# make run-full  starts the same on a Redis, an S3 and an MLflow server of its own.
# make advance  moves the replay's clock; make play  lets past matches be played on the Live page.
# make verify  checks that no sealed forecast was changed, and that the record ends as it was published.
# make backup  packs the home into one archive beside it, also while the app runs; make restore FROM=... puts one in its place.
# make test  checks everything that takes seconds; make test-long the rest.

# The first Python from 3.11 on that can make a virtual environment.
PYTHON := $(shell for name in python3.13 python3.12 python3.11 python3 python; do \
  if $$name -c 'import sys, venv, ensurepip; raise SystemExit(sys.version_info < (3, 11))' >/dev/null 2>&1; then echo $$name; break; fi; done)
OURS = .venv/bin/python

.PHONY: test-life run run-full pipeline refresh advance play verify backup restore test test-long bench lock format clean python installed checked
.DEFAULT_GOAL := run

run: installed
	@exec $(OURS) -m workers.supervise --with-parent

run-full: python
	@$(PYTHON) -m workers.install --dev
	@exec $(OURS) -m workers.full --with-parent

pipeline: installed
	@exec $(OURS) -m workers.dotenv workers.pipeline

# Where the replay's clock goes: next-match, next-day, +6h, an ISO time, or start. And the minutes of play a second; 0 pauses.
TO = next-day
SPEED = 1

advance: installed
	@exec $(OURS) -m workers.dotenv workers.pipeline advance --to "$(TO)"

play: installed
	@exec $(OURS) -m workers.dotenv workers.pipeline play --speed "$(SPEED)"

# What is new at the sources, through to published forecasts.
refresh: installed
	@exec $(OURS) -m workers.dotenv workers.pipeline refresh

# Whether the chain of sealed forecasts is whole: one sentence, and exit code 1 when it is not.
verify: installed
	@exec $(OURS) -m workers.dotenv workers.pipeline verify

# TO: a folder or a file's name; without it, the folder <SOCCER_HOME>-backups.
backup: installed
	@exec $(OURS) -m workers.dotenv workers.backup create --to "$(if $(filter file,$(origin TO)),,$(TO))"

restore: installed
	@exec $(OURS) -m workers.dotenv workers.backup restore --from "$(FROM)"

test: checked
	$(OURS) -m ruff check .
	$(OURS) -m ruff format --check .
	$(OURS) -m mypy
	$(OURS) -m pytest -m "not long"

test-long: checked
	$(OURS) -m pytest -m long

# A model's whole life, with each process killed after each step.
test-life: checked
	$(OURS) -m tests.life --all-pairs

bench: checked
	$(OURS) -m bench.app
	$(OURS) -m bench.tasks
	$(OURS) -m bench.lookups
	$(OURS) -m bench.learning
	$(OURS) -m bench.first_system

lock: checked
	$(OURS) -m uv pip compile --universal --python-version 3.11 --no-header --no-emit-index-url --quiet requirements.in -o requirements.txt
	$(OURS) -m uv pip compile --universal --python-version 3.11 --no-header --no-emit-index-url --quiet requirements-dev.in -o requirements-dev.txt

format: checked
	$(OURS) -m ruff check --fix .
	$(OURS) -m ruff format .

# What tools and runs leave in the checkout; var/ (database, models, key) and .venv/ stay.
clean:
	rm -rf data/work data/predictions reports dvc.lock .dvc/cache .dvc/tmp .pytest_cache .mypy_cache .ruff_cache .hypothesis bench/out
	find . -path ./.venv -prune -o -name __pycache__ -type d -exec rm -rf {} +

installed: python
	@$(PYTHON) -m workers.install

checked: python
	@$(PYTHON) -m workers.install --dev --browser

python:
	@if [ -z "$(PYTHON)" ]; then \
	  if python3 -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    echo "Python cannot make virtual environments here. Install its venv package (Debian and Ubuntu: apt-get install python3-venv)." >&2; \
	  else \
	    echo "SoccerPredictAI needs Python 3.11 or newer. Install it (Debian and Ubuntu: apt-get install python3 python3-venv; macOS: brew install python@3.13)." >&2; \
	  fi; exit 2; fi
