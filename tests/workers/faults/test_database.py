"""The database is locked, or away: forecasts go on, tasks wait or are refused in words, and nothing is lost."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import contextmanager

import pytest

from tests.workers.house import eventually


@contextmanager
def locked(settings, seconds: float):
    """Another program holds the write lock for so long; the block begins when it has it."""
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        other = sqlite3.connect(settings.database_url.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        held.set()
        over.wait(seconds)
        other.execute("ROLLBACK")
        other.close()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(5)
    try:
        yield
    finally:
        holder.join()


def test_a_database_that_is_locked_for_five_seconds_delays_a_new_task_and_no_forecast(standing):
    with standing.going_on(), locked(standing.settings, 5):
        began = time.perf_counter()
        standing.forecasts()
        assert time.perf_counter() - began < 0.5
        answer = standing.client.post("/predict/async/", json={"match_id": standing.match})
        assert answer.status_code == 202
        assert 3 < time.perf_counter() - began < 9
    task_id = answer.json()["task_id"]
    assert standing.stranger.get(f"/monitoring/task_status/{task_id}").json()["status"] == "PENDING"
    eventually(lambda: standing.ready()[0] == 200 and standing.banner("database") == "")


@pytest.mark.long
def test_TK_5_a_lock_of_six_seconds_takes_no_task_from_a_worker_that_lives(slow_house):
    """No heart can beat meanwhile: that is no reason to take the workers for dead."""
    worker = slow_house.worker()
    idle = slow_house.worker("batch")
    task_id = slow_house.jobs.hand_in("nap", {"seconds": 8.0, "notes": slow_house.notes})
    eventually(slow_house.noted)
    with locked(slow_house.settings, 6):
        pass
    task = slow_house.jobs.wait(task_id, 15)
    assert (task["status"], task["result"]) == ("SUCCESS", {"pid": worker.pid})
    assert slow_house.statuses(task_id) == ["PENDING", "STARTED", "SUCCESS"]
    assert (worker.poll(), idle.poll()) == (None, None)


@pytest.mark.long
def test_a_lock_that_does_not_end_refuses_a_new_task_in_words_within_some_seconds(standing):
    with standing.going_on(), locked(standing.settings, 14):
        began = time.perf_counter()
        answer = standing.client.post("/predict/async/", json={"match_id": standing.match})
        assert answer.status_code == 503
        assert "The database does not answer (database is locked)" in answer.json()["detail"]
        assert time.perf_counter() - began < 12
    answer = standing.client.post("/predict/async/", json={"match_id": standing.match})
    assert answer.status_code == 202


def test_a_database_that_is_away_leaves_the_forecasts_and_is_told(standing):
    path = standing.settings.folder / "soccer.db"
    with standing.going_on():
        standing.services.database.close()
        for part in path.parent.glob("soccer.db*"):
            part.unlink()
        path.mkdir()
        eventually(lambda: "The database is away." in standing.banner("database"))
        status, ready = standing.ready()
        assert (status, ready["database"]["ok"], ready["model"]["ok"], ready["batch_files"]["ok"]) == (503, False, True, True)
        assert "does not answer" in ready["database"]["reason"]
        assert standing.client.post("/predict/async/", json={"match_id": standing.match}).status_code == 503
        eventually(lambda: standing.counted('worker_up{worker="here:ml"}') == 0)
        assert standing.counted('worker_heartbeat_age_seconds{worker="here:ml"}') > 5
