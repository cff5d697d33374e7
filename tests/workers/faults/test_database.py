"""The database is locked, or away: forecasts go on, tasks wait or are refused in words, and nothing is lost."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing, contextmanager

import pytest

from core.serving import probes
from tests.workers.house import PATIENCE, eventually


@contextmanager
def locked(settings):
    """Within this, another program holds the write lock."""
    path = settings.database_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None, timeout=PATIENCE)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


def test_a_database_that_is_locked_for_seconds_delays_a_new_task_and_no_forecast(standing):
    answers = []
    asking = threading.Thread(target=lambda: answers.append(standing.client.post("/predict/async/", json={"match_id": standing.match})))
    with standing.going_on():
        with locked(standing.settings):
            asking.start()
            standing.forecasts()
            time.sleep(1)
            assert asking.is_alive(), "it waits for the database"
        asking.join(PATIENCE)
    (answer,) = answers
    assert answer.status_code == 202
    task_id = answer.json()["task_id"]
    assert standing.stranger.get(f"/monitoring/task_status/{task_id}").json()["status"] == "PENDING"
    eventually(lambda: standing.until_ready() and standing.banner("database") == "")


def test_EP_12_a_lock_that_lasts_is_told_everywhere_and_no_worker_is_taken_for_dead(standing, monkeypatch):
    up = 'dependency_up{dependency="database"}'
    eventually(lambda: standing.counted(up) == 1)
    monkeypatch.setattr(probes, "LATE", 1.0)
    with standing.going_on(), locked(standing.settings):
        eventually(lambda: standing.counted(up) == 0)
        assert "Nothing can be written into the database." in standing.banner("locked")
        assert "Another program may hold it locked" in standing.banner("locked") and standing.banner("worker") == ""
        status, ready = standing.ready()
        assert (status, ready["database"]["ok"], ready["model"]["ok"], ready["batch_files"]["ok"]) == (503, False, True, True)
        assert "No heart can beat" in ready["worker"]["reason"]
    monkeypatch.undo()
    eventually(lambda: standing.ready()[0] == 200 and standing.banner("locked") == "" and standing.counted(up) == 1)


@pytest.mark.long
def test_TK_5_a_lock_of_six_seconds_takes_no_task_from_a_worker_that_lives(slow_house):
    """No heart can beat meanwhile: that is no reason to take the workers for dead."""
    worker = slow_house.worker()
    idle = slow_house.worker("batch")
    task_id = slow_house.jobs.hand_in("nap", {"seconds": 8.0, "notes": slow_house.notes})
    eventually(slow_house.noted)
    with locked(slow_house.settings):
        time.sleep(6)
    task = slow_house.jobs.wait(task_id, PATIENCE)
    assert (task["status"], task["result"]) == ("SUCCESS", {"pid": worker.pid})
    assert slow_house.statuses(task_id) == ["PENDING", "STARTED", "SUCCESS"]
    assert (worker.poll(), idle.poll()) == (None, None)


@pytest.mark.long
def test_a_lock_that_does_not_end_refuses_a_new_task_in_words(standing):
    with standing.going_on(), locked(standing.settings):
        answer = standing.client.post("/predict/async/", json={"match_id": standing.match})
        assert answer.status_code == 503
        assert "The database does not answer (database is locked)" in answer.json()["detail"]
    answer = standing.client.post("/predict/async/", json={"match_id": standing.match})
    assert answer.status_code == 202


def taken_away(path) -> bool:
    """Whether a folder stands where the file was: a process that beats meanwhile may have made the file anew."""
    for part in path.parent.glob("soccer.db*"):
        part.unlink(missing_ok=True)
    try:
        path.mkdir()
    except FileExistsError:
        return False
    return True


def test_a_database_that_is_away_leaves_the_forecasts_and_is_told(standing):
    path = standing.settings.folder / "soccer.db"
    with standing.going_on():
        standing.services.database.close()
        eventually(lambda: taken_away(path))
        eventually(lambda: "The database is away." in standing.banner("database"))
        status, ready = standing.ready()
        assert (status, ready["database"]["ok"], ready["model"]["ok"], ready["batch_files"]["ok"]) == (503, False, True, True)
        assert "was deleted or replaced while the app was running" in ready["database"]["reason"]
        assert standing.client.post("/predict/async/", json={"match_id": standing.match}).status_code == 503
        eventually(lambda: standing.counted('worker_up{worker="here:ml"}') == 0)
        assert standing.counted('worker_heartbeat_age_seconds{worker="here:ml"}') > 5
