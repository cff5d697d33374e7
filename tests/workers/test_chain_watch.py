"""The chain is verified by a worker that runs, and by `make verify`; what either finds is stored for the pages."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from dataclasses import replace

import pytest

from core.storage import chain_check, leases, pipeline_log
from core.storage.database import Database
from core.storage.forecast_chain import seal
from core.storage.schema import forecasts
from tests.storage.test_forecast_chain import FORECAST
from tests.workers.house import PATIENCE, ROOT, House, environment, eventually
from workers import chain_watch
from workers.chain_watch import ChainWatch


@pytest.fixture
def house(tmp_path):
    opened = House(tmp_path / "home")
    seal_one(opened.database, 1)
    yield opened
    opened.close()


def seal_one(database, number):
    with database.write() as connection:
        seal(connection, [replace(FORECAST, match_id=number)])


def change(database):
    with database.write() as connection:
        connection.execute(forecasts.update().where(forecasts.c.match_id == 1).values(proba_home=0.9))


def test_a_worker_of_the_batch_queue_verifies_at_its_start_and_after_each_batch(house):
    house.worker("ml")
    house.worker("batch")
    first = eventually(lambda: chain_check.latest(house.database))
    assert (first.entries, first.problem, first.batch) == ({"replay": 1}, None, None)
    change(house.database)
    pipeline_log.note(house.database, pipeline_log.PUBLISHED, "v2")
    broken = eventually(lambda: (found := chain_check.latest(house.database)).batch == "v2" and found)
    assert broken.problem == "Entry 1 of the replay chain (match 1) was changed after it was sealed."
    eventually(lambda: '"problem": "Entry 1 of the replay chain' in house.log("batch"))
    assert '"event": "forecast chain"' not in house.log("ml")


@pytest.fixture
def watch(house):
    made = ChainWatch(house.settings)
    yield made
    made.database.close()


def checked_at(house):
    return chain_check.latest(house.database).checked_at


def test_it_verifies_hourly_and_not_between(house, watch, monkeypatch):
    watch.once()
    first = checked_at(house)
    watch.once()
    assert checked_at(house) == first
    monkeypatch.setattr(chain_watch, "HOUR", 0.0)
    watch.once()
    assert checked_at(house) > first


def test_what_a_decision_sealed_is_verified_within_a_minute_without_a_new_batch(house, watch, monkeypatch):
    watch.once()
    first = checked_at(house)
    seal_one(house.database, 2)
    watch.once()
    assert checked_at(house) == first, "it may still be growing"
    monkeypatch.setattr(chain_watch, "SETTLED", 0.0)
    watch.once()
    assert checked_at(house) > first and chain_check.latest(house.database).entries == {"replay": 2}


def test_of_several_workers_one_verifies(house, watch):
    assert leases.take(house.database, chain_watch.LEASE, "another", 60.0)
    watch.once()
    assert chain_check.latest(house.database) is None
    leases.take(house.database, chain_watch.LEASE, "another", 0.0)
    watch.once()
    first = checked_at(house)
    with closing(Database(house.settings.database_url)) as database:
        assert leases.take(database, chain_watch.LEASE, "another", 60.0), "it is free again"
        leases.take(database, chain_watch.LEASE, "another", 0.0)
    watch.once()
    assert checked_at(house) == first


def verified(home):
    command = [sys.executable, "-m", "workers.pipeline", "verify"]
    return subprocess.run(command, cwd=ROOT, env=environment(home), capture_output=True, text=True, timeout=PATIENCE)


def test_make_verify_says_one_sentence_and_names_the_first_broken_row(house):
    seal_one(house.database, 2)
    done = verified(house.home)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "The replay chain is whole: 2 entries, last sealed 23 November 2026, 10:00 UTC.\n"
    change(house.database)
    done = verified(house.home)
    assert (done.returncode, done.stdout) == (1, "Entry 1 of the replay chain (match 1) was changed after it was sealed.\n")
    assert chain_check.latest(house.database).problem == done.stdout.strip()


def test_make_verify_makes_no_database(tmp_path):
    done = verified(tmp_path / "home")
    assert done.returncode == 1 and done.stdout == "" and "There is no database" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "home").exists()
