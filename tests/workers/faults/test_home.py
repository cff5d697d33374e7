"""The home, or the queue's file, is deleted while the app runs: not ready, no task accepted, and nothing is made in its place."""

from __future__ import annotations

import shutil
import time

import pytest

from core.errors import QueueUnavailable
from tests.workers.house import House, eventually
from workers.broker import Queue


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_EP_12_a_home_that_is_gone_is_not_ready_and_takes_no_task(standing, how):
    home = standing.settings.home
    standing.client.post("/predict/async/", json={"match_id": standing.match})
    with standing.going_on():
        shutil.rmtree(home)
        if how == "replaced":
            home.mkdir()
        eventually(lambda: standing.ready()[0] == 503)
        status, ready = standing.ready()
        assert (status, ready["database"]["ok"]) == (503, False)
        assert "soccer.db was deleted or replaced while the app was running" in ready["database"]["reason"]
        assert "make restore" in standing.banner("database")
        answer = standing.client.post("/predict/async/", json={"match_id": standing.match})
        assert answer.status_code == 503 and "deleted or replaced" in answer.json()["detail"]
        eventually(lambda: standing.counted('readiness{part="database"}') == 0)
    assert not standing.settings.folder.exists()


def test_a_queues_file_that_is_gone_is_told_and_not_made_anew(tmp_path):
    path = tmp_path / "queue.db"
    queue = Queue(f"sqlite:///{path}", "soccer_ml")
    queue.push("echo", "one")
    path.unlink()
    for use in (queue.check, queue.ids, queue.take, lambda: queue.push("echo", "two")):
        with pytest.raises(QueueUnavailable, match=r"queue.db was deleted or replaced while the app was running. Stop the app and start"):
            use()
    assert not path.exists()
    queue.close()
    anew = Queue(f"sqlite:///{path}", "soccer_ml")  # as the next start does
    anew.push("echo", "three")
    assert anew.ids() == {"three"}
    anew.close()


def test_a_worker_waits_while_its_home_is_gone_and_goes_on_when_it_is_put_back(tmp_path):
    house = House(tmp_path / "home")
    try:
        worker = house.worker()
        eventually(lambda: "worker started" in house.log())
        time.sleep(1.5)  # its threads have opened their own clients
        house.home.rename(tmp_path / "away")
        eventually(lambda: "deleted or replaced" in (tmp_path / "away" / "ml.log").read_text())
        assert worker.poll() is None and not house.home.exists()
        (tmp_path / "away").rename(house.home)
        task_id = house.jobs.hand_in("echo", {"value": 1})
        assert house.jobs.wait(task_id, 60)["result"] == {"value": 1, "pid": worker.pid}
        assert "thread died" not in house.log()
    finally:
        house.close()
