"""The reaper, in each worker and in the web process: it misses hearts that stopped, and forgets what ended long ago."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from prometheus_client import REGISTRY

from core.clock import from_iso, real_now
from core.errors import DatabaseUnavailable, QueueUnavailable
from core.storage import leases, retention
from core.storage.heartbeats import HEARTBEAT, TIME_TO_LIVE
from core.storage.task_ledger import TaskLedger
from tests.workers.house import PATIENCE, eventually
from workers import sidecar
from workers.reaper import HELD_UP, Reaper
from workers.repeat import Repeat


@pytest.fixture
def reaper(sqlite_house):
    made = []

    def make(**more):
        made.append(Reaper(replace(sqlite_house.settings, **more)))
        return made[-1]

    yield make
    for reaper in made:
        reaper.jobs.close()
        reaper.database.close()


@pytest.fixture(autouse=True)
def time_stands_still(monkeypatch):
    """For the reaper, so that a busy machine is not taken for a locked database; its moment is in a list, to be put forward."""
    moment = [1000.0]
    monkeypatch.setattr("workers.reaper.time", SimpleNamespace(monotonic=lambda: moment[0]))
    return moment


def test_TK_5_a_lost_task_is_seen_and_the_depth_is_told_while_the_broker_is_away(sqlite_house, reaper):
    task_id = lost(sqlite_house)
    ended(sqlite_house, 1)
    away = reaper(queue_url="redis://127.0.0.1:1/0")
    with pytest.raises(QueueUnavailable):
        away.once()
    assert sqlite_house.ledger.get(task_id)["status"] == "LOST"
    assert sqlite_house.ledger.counts()["SUCCESS"] == 0  # forgotten
    away.gauges()
    assert REGISTRY.get_sample_value("task_queue_depth", {"state": "waiting"}) == 1


@pytest.mark.parametrize("trouble", ["late", "locked"])
def test_TK_5_nothing_is_taken_for_lost_until_workers_could_be_heard_again(sqlite_house, reaper, monkeypatch, time_stands_still, trouble):
    task_id = lost(sqlite_house)
    take = leases.take

    def held_up(*what):
        time_stands_still[0] += HELD_UP + 0.1
        if trouble == "locked":
            raise DatabaseUnavailable("The database does not answer (database is locked).")
        return take(*what)

    patient = reaper()
    with monkeypatch.context() as patched, suppress(DatabaseUnavailable):
        patched.setattr(leases, "take", held_up)
        patient.once()
    time_stands_still[0] += TIME_TO_LIVE - 0.1
    patient.once()
    assert sqlite_house.ledger.get(task_id)["status"] == "STARTED"
    time_stands_still[0] += 0.2
    patient.once()
    assert sqlite_house.ledger.get(task_id)["status"] == "LOST"


def ended(house, many):
    """So many tasks that ended a hundred days ago."""
    long_ago = TaskLedger(house.database, now=lambda: real_now() - timedelta(days=100))
    for _ in range(many):
        task_id = long_ago.create("echo", "ml", {})
        long_ago.claim(task_id, "worker", 30)
        long_ago.succeed(task_id, "worker", {})


def passes(house, settings, many):
    """How many tasks are left after each pass."""
    reaper = Reaper(settings)
    left = []
    for _ in range(many):
        reaper.once()
        left.append(house.ledger.counts()["SUCCESS"])
    reaper.jobs.close()
    reaper.database.close()
    return left


def test_what_ended_long_ago_is_forgotten_some_with_each_pass_until_none_is_left(sqlite_house, monkeypatch):
    monkeypatch.setattr(retention, "AT_ONCE", 3)
    ended(sqlite_house, 7)
    assert passes(sqlite_house, sqlite_house.settings, 4) == [4, 1, 0, 0]


@pytest.mark.parametrize("days", [0, 101])
def test_with_more_days_or_none_set_it_stays(sqlite_house, days):
    ended(sqlite_house, 2)
    assert passes(sqlite_house, replace(sqlite_house.settings, task_days=days), 2) == [2, 2]


def lost(house):
    """A task whose worker was never heard of again."""
    long_ago = TaskLedger(house.database, now=lambda: real_now() - timedelta(seconds=6))
    task_id = long_ago.create("echo", "ml", {"value": 1})
    long_ago.claim(task_id, "ml@gone:1", 30)
    return task_id


def test_TK_6_the_web_process_reaps_too_while_no_worker_lives(sqlite_house):
    task_id = lost(sqlite_house)
    with sidecar.beside(replace(sqlite_house.settings, metrics_port=0)):
        assert eventually(lambda: sqlite_house.ledger.get(task_id)["status"] == "LOST")
        assert eventually(lambda: sqlite_house.jobs.depth()["ml"]["waiting"] == 1)


def test_a_bug_in_what_a_thread_repeats_ends_it_loudly_unless_it_is_steady(caplog, monkeypatch):
    ended, calls = [], []

    def broken():
        calls.append(1)
        raise RuntimeError("a bug")

    monkeypatch.setattr(threading, "excepthook", ended.append)
    fragile, steady = Repeat("fragile", 0.01, broken), Repeat("steady", 0.01, broken, steady=True)
    fragile.start()
    fragile.join(PATIENCE)
    assert not fragile.is_alive() and len(ended) == 1
    with caplog.at_level(logging.ERROR, logger="soccer"):
        steady.start()
        assert eventually(lambda: len(calls) > 5) and steady.is_alive()
    steady.stop()
    steady.join(PATIENCE)
    assert [bool(record.exc_info) for record in caplog.records if "steady met a bug" in record.message] == [True], "said once"


def test_TK_6_who_does_not_have_the_lease_leaves_the_tasks_alone(sqlite_house):
    task_id = lost(sqlite_house)
    leases.take(sqlite_house.database, "reaper", "another host:1", 30)
    reaper = Reaper(sqlite_house.settings)
    reaper.once()
    assert sqlite_house.ledger.get(task_id)["status"] == "STARTED"
    leases.take(sqlite_house.database, "reaper", "another host:1", 0)
    reaper.once()
    assert sqlite_house.ledger.get(task_id)["status"] == "LOST"
    reaper.jobs.close()
    reaper.database.close()


def test_TK_6_a_workers_heart_beats_each_second_and_five_silent_ones_are_its_end(sqlite_house):
    assert (HEARTBEAT, TIME_TO_LIVE) == (1.0, 5.0)
    worker = sqlite_house.worker()
    beats: set[str] = set()
    eventually(lambda: beats.update(row["heartbeat_at"] for row in sqlite_house.ledger.workers()) or len(beats) >= 3)
    worker.kill()
    worker.wait(PATIENCE)
    last = max(row["heartbeat_at"] for row in sqlite_house.ledger.workers(ttl=3600))
    for silent, alive in ((TIME_TO_LIVE - 0.1, 1), (TIME_TO_LIVE + 0.1, 0)):
        later = TaskLedger(sqlite_house.database, now=lambda silent=silent: from_iso(last) + timedelta(seconds=silent))
        assert len(later.workers()) == alive
