"""How a task's end is written down while the database is locked by another program."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading

import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY

from core.errors import DatabaseUnavailable
from tests.workers.station import TEST_KINDS
from workers import log, recorder
from workers.recorder import Recorder


class Locked:
    """A task that leaves the database locked behind it, for so many seconds or until it is told to let go."""

    def __init__(self, house, seconds: float | None = None) -> None:
        self._path, self._seconds = house.settings.database_url.removeprefix("sqlite:///"), seconds
        self.runs = 0

    def lock(self) -> None:
        self.runs += 1
        other = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        self.let_go = other.close
        if self._seconds is not None:
            threading.Timer(self._seconds, other.close).start()

    def echo(self, value):
        self.lock()
        return {"value": value}

    def boom(self, notes):
        self.lock()
        raise ZeroDivisionError("boom")


@pytest.fixture
def impatient(sqlite_house, monkeypatch):
    """A database that waits a moment only for another writer, and a recorder that asks again soon."""
    sqlite_house.database.engine.dispose()
    sa.event.listen(sqlite_house.database.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=20"))
    monkeypatch.setattr(recorder, "KEEP_PAUSE", 0.05)
    return sqlite_house


@pytest.fixture
def lines():
    """The lines of this process's log, as they are written for a program."""
    written, handler = [], logging.Handler()
    handler.emit = lambda record: written.append(json.loads(log.Lines("worker ml").format(record)))
    logging.getLogger(log.NAME).addHandler(handler)
    yield written
    logging.getLogger(log.NAME).removeHandler(handler)


def record(house, work) -> Recorder:
    return Recorder(house.ledger, {"echo": work.echo, "boom": work.boom}, TEST_KINDS, "w", "ml", 0.0)


def test_TK_5_a_result_is_kept_until_the_database_takes_it_and_the_task_runs_once(impatient):
    task_id = impatient.jobs.hand_in("echo", {"value": 1})
    work = Locked(impatient, 0.5)
    assert record(impatient, work).run("echo", task_id) == "SUCCESS"
    assert (work.runs, impatient.ledger.get(task_id)["result"]) == (1, {"value": 1})


def test_TK_4_an_exception_is_kept_too(impatient):
    task_id = impatient.jobs.hand_in("boom", {"notes": ""})
    record(impatient, Locked(impatient, 0.5)).run("boom", task_id)
    assert impatient.ledger.get(task_id)["status"] == "RETRY"
    assert impatient.ledger.get(task_id)["error"] == {"kind": "bug", "message": "ZeroDivisionError: boom"}


def test_TK_4_an_end_that_could_not_be_written_is_in_the_log_with_its_bug_and_counted(impatient, monkeypatch, lines):
    monkeypatch.setattr(recorder, "KEEP_SECONDS", 0.1)
    task_id = impatient.jobs.hand_in("boom", {"notes": ""})
    before = counted()
    work = Locked(impatient)
    with pytest.raises(DatabaseUnavailable):
        record(impatient, work).run("boom", task_id)
    work.let_go()
    (said,) = [written for written in lines if written.get("task_id") == task_id]
    assert (said["event"], said["status"], said["error"]) == ("task", "NOT STORED", "ZeroDivisionError: boom")
    assert "in boom" in json.dumps(said)
    assert counted() == before + 1


def counted() -> float:
    return REGISTRY.get_sample_value("tasks_total", {"task": "boom", "status": "NOT STORED"}) or 0.0
