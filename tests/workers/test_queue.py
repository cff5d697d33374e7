"""Tasks through real worker processes, over SQLite and over Redis; processes are killed where it says so."""

from __future__ import annotations

import json
import pickle
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest

from core.clock import real_now
from core.errors import QueueFull, QueueUnavailable, SettingsError
from core.settings import Settings
from tests.workers.house import PATIENCE, ROOT, alive, eventually
from tests.workers.station import TEST_KINDS, TestWork
from workers.broker import WITHOUT_BELL, Bell, Queue
from workers.jobs import Jobs, queue_name
from workers.recorder import Recorder

FOR_EVER = 500.0  # seconds of work: the test is over long before


def test_EP_7_a_task_goes_through_a_worker_process_and_its_result_stands_in_the_ledger(house):
    worker = house.worker()
    task = house.jobs.wait(house.jobs.hand_in("echo", {"value": "é"}), PATIENCE)
    assert (task["status"], task["result"]) == ("SUCCESS", {"value": "é", "pid": worker.pid})
    assert house.statuses(task["task_id"]) == ["PENDING", "STARTED", "SUCCESS"]


def test_TK_5_a_worker_killed_in_the_middle_loses_the_task_which_runs_again_and_succeeds_once(slow_house):
    first = slow_house.worker()
    task_id = slow_house.jobs.hand_in("nap", {"seconds": 1.0, "notes": slow_house.notes})
    eventually(slow_house.noted)
    first.kill()
    second = slow_house.worker()
    eventually(lambda: "LOST" in slow_house.statuses(task_id))
    task = slow_house.jobs.wait(task_id, PATIENCE)
    assert (task["status"], task["result"]) == ("SUCCESS", {"pid": second.pid})
    assert [status for status in slow_house.statuses(task_id) if status != "LOST"] == ["PENDING", "STARTED", "STARTED", "SUCCESS"]
    assert slow_house.noted() == [f"began {first.pid}", f"began {second.pid}", f"ended {second.pid}"]


def test_TK_5_a_message_that_vanished_from_the_queue_is_put_there_again(slow_house):
    task_id = slow_house.jobs.hand_in("echo", {"value": 1})
    for queue in ("ml", "batch"):
        slow_house.jobs.queue(queue).huey.storage.flush_queue()
    slow_house.worker()
    assert slow_house.jobs.wait(task_id, PATIENCE)["status"] == "SUCCESS"


def test_TK_5_a_doubled_message_runs_its_task_once(house):
    task_id = house.jobs.hand_in("nap", {"seconds": 0.0, "notes": house.notes})
    for _ in range(5):
        house.jobs.queue("ml").push("nap", task_id)
    house.worker()
    eventually(lambda: house.jobs.depth()["ml"]["waiting"] == 0)
    house.jobs.wait(house.jobs.hand_in("echo", {"value": "behind them all"}), PATIENCE)
    assert len(house.noted()) == 2  # one beginning, one end
    assert house.statuses(task_id) == ["PENDING", "STARTED", "SUCCESS"]


def test_SIGTERM_lets_the_task_at_work_finish(house):
    worker = house.worker()
    task_id = house.jobs.hand_in("nap", {"seconds": 1.0, "notes": house.notes})
    eventually(house.noted)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENCE) == 0
    assert house.ledger.get(task_id)["status"] == "SUCCESS"
    assert house.ledger.workers() == []


def test_SIGTERM_hands_back_a_task_that_takes_too_long_and_does_not_count_it_as_a_kill(slow_house):
    worker = slow_house.worker()
    task_id = slow_house.jobs.hand_in("nap", {"seconds": FOR_EVER, "notes": slow_house.notes})
    eventually(slow_house.noted)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENCE) == 0
    row = slow_house.ledger.recent(1)[0]
    assert (row["status"], row["kills"], row["failures"]) == ("LOST", 0, 0)
    assert slow_house.ledger.due() == [(task_id, "nap", "ml")]


def test_TK_4_a_task_that_passes_its_limit_ends_its_process_even_when_it_holds_the_interpreter(slow_house):
    worker = slow_house.worker()
    task_id = slow_house.jobs.hand_in("stuck", {"notes": slow_house.notes})
    assert worker.wait(PATIENCE) != 0
    assert "Timeout (0:00:01)!" in slow_house.log()
    slow_house.worker()
    eventually(lambda: "LOST" in slow_house.statuses(task_id))
    assert next(event["note"] for event in slow_house.ledger.events(task_id) if event["status"] == "LOST") == "it passed its time limit"


def test_TK_4_an_exception_is_tried_three_times_in_all_and_then_fails(slow_house):
    slow_house.worker()
    task = slow_house.jobs.wait(slow_house.jobs.hand_in("boom", {"notes": slow_house.notes}), PATIENCE)
    assert (task["status"], task["error"]) == ("FAILURE", {"kind": "bug", "message": "ZeroDivisionError: boom"})
    assert slow_house.noted() == ["tried"] * 3
    row = slow_house.ledger.recent(1)[0]
    assert (row["attempts"], row["failures"], row["kills"]) == (3, 3, 0)


def test_TK_4_a_task_that_fails_once_succeeds_on_its_next_try(house):
    house.worker()
    task = house.jobs.wait(house.jobs.hand_in("recover", {"notes": house.notes}), PATIENCE)
    assert (task["status"], task["result"], task["error"]) == ("SUCCESS", {"tries": 2}, None)


def test_a_result_that_is_not_json_is_a_failure_and_the_worker_lives_on(sqlite_house):
    sqlite_house.worker()
    task = sqlite_house.jobs.wait(sqlite_house.jobs.hand_in("not_json", {}), PATIENCE)
    assert task["status"] == "FAILURE"
    assert sqlite_house.jobs.wait(sqlite_house.jobs.hand_in("echo", {"value": 1}), PATIENCE)["status"] == "SUCCESS"


def test_a_task_this_worker_does_not_know_fails_in_words(sqlite_house):
    sqlite_house.worker()
    task_id = sqlite_house.ledger.create("from_the_future", "ml", {})
    sqlite_house.jobs.queue("ml").push("from_the_future", task_id)
    task = sqlite_house.jobs.wait(task_id, PATIENCE)
    assert task["status"] == "FAILURE"
    assert "from_the_future" in task["error"]["message"]


def test_TK_4_a_long_batch_task_does_not_delay_a_prediction(slow_house):
    slow_house.worker("batch")
    slow_house.worker("ml")
    long_id = slow_house.jobs.hand_in("long_nap", {"seconds": FOR_EVER, "notes": slow_house.notes})
    eventually(slow_house.noted)
    assert slow_house.jobs.wait(slow_house.jobs.hand_in("echo", {"value": 1}), PATIENCE)["status"] == "SUCCESS"
    assert slow_house.ledger.get(long_id)["status"] == "STARTED"


def test_TK_4_nothing_from_the_broker_is_ever_unpickled(house, tmp_path):
    house.worker()
    trace = tmp_path / "unpickled"

    class Bomb:
        def __reduce__(self):
            return (open, (str(trace), "w"))

    for message in (pickle.dumps(Bomb()), b"{}", b"not json", json.dumps({"task": "echo", "task_id": "forged"}).encode()):
        house.jobs.queue("ml").huey.storage.enqueue(message)
    task = house.jobs.wait(house.jobs.hand_in("echo", {"value": "after them"}), PATIENCE)
    assert task["status"] == "SUCCESS"
    assert not trace.exists()


def test_a_message_carries_the_name_and_the_id_of_its_task_and_nothing_else(house):
    task_id = house.jobs.predict_match(7, {"elo": 12.5, "secret": 1}, idempotency_key="k")
    (message,) = house.jobs.queue("ml").huey.storage.enqueued_items()
    assert json.loads(bytes(message)) == {"task": "predict_match", "task_id": task_id}


def test_EP_7_a_repeated_key_queues_nothing_twice(house):
    first = house.jobs.predict_match(7, {"elo": 1.0}, idempotency_key="k")
    assert house.jobs.predict_match(7, {"elo": 1.0}, idempotency_key="k") == first
    assert house.jobs.depth()["ml"]["waiting"] == 1


def test_EP_7_a_full_queue_refuses_and_leaves_no_row(house):
    full = Jobs.open(replace(house.settings, queue_limit=2), house.database, house.jobs.kinds)
    for _ in range(2):
        full.hand_in("echo", {"value": 1})
    with pytest.raises(QueueFull, match="SOCCER_QUEUE_LIMIT"):
        full.hand_in("echo", {"value": 1})
    assert house.ledger.counts()["PENDING"] == 2
    assert full.hand_in("long_nap", {"seconds": 0, "notes": house.notes})  # the other queue has room


def test_EP_7_a_redis_that_is_down_is_told_in_words_and_the_task_ends(sqlite_house):
    away = {"SOCCER_QUEUE_URL": "redis://127.0.0.1:1/0"}
    settings = Settings.from_environment(sqlite_house.environment | away)
    jobs = Jobs.open(settings, sqlite_house.database, sqlite_house.jobs.kinds)
    with pytest.raises(QueueUnavailable, match="SOCCER_QUEUE_URL"):
        jobs.hand_in("echo", {"value": 1}, "key")
    assert sqlite_house.ledger.counts()["PENDING"] == 0


def test_EP_7_a_task_whose_message_the_broker_did_not_take_waits_and_gets_another(sqlite_house, monkeypatch):
    """It may have taken it and not said so: a task that was called failed would run all the same."""

    def fails(task, task_id):
        raise QueueUnavailable("gone just now")

    with monkeypatch.context() as patched:
        patched.setattr(sqlite_house.jobs.queue("ml"), "push", fails)
        task_id = sqlite_house.jobs.hand_in("echo", {"value": 1}, "key")
    assert sqlite_house.ledger.get(task_id)["status"] == "PENDING"
    assert sqlite_house.jobs.hand_in("echo", {"value": 1}, "key") == task_id
    monkeypatch.setattr(sqlite_house.ledger, "now", lambda: real_now() + timedelta(seconds=6))
    assert sqlite_house.jobs.push_due() == [task_id]
    assert sqlite_house.jobs.queue("ml").ids() == {task_id}


@pytest.mark.parametrize(("name", "queue"), [("echo", "ml"), ("long_nap", "ml"), ("echo", "batch")])
def test_TK_4_a_message_with_another_name_or_in_another_queue_runs_nothing(sqlite_house, name, queue):
    """A short time limit or the queue of short tasks is not to be had by a message."""
    task_id = sqlite_house.jobs.hand_in("long_nap", {"seconds": 0.0, "notes": sqlite_house.notes})
    recorder = Recorder(sqlite_house.ledger, TestWork().bodies(), TEST_KINDS, "w", queue, 0.2)
    assert recorder.run(name, task_id) is None
    assert sqlite_house.noted() == []
    assert Recorder(sqlite_house.ledger, TestWork().bodies(), TEST_KINDS, "w", "batch", 0.2).run("long_nap", task_id) == "SUCCESS"


def test_a_bell_that_is_a_plain_file_lets_an_idle_worker_rest(tmp_path, monkeypatch):
    path = tmp_path / "queue.ml.bell"
    path.write_text("")
    rests = []
    monkeypatch.setattr("workers.broker.time.sleep", rests.append)
    bell = Bell(path)
    for _ in range(3):
        bell.wait()
    bell.ring()
    assert rests == [WITHOUT_BELL] * 3
    assert path.read_text() == ""


def test_EP_17_a_task_revoked_while_it_waits_never_runs_and_runs_when_queued_again(house):
    task_id = house.jobs.hand_in("nap", {"seconds": 0.0, "notes": house.notes})
    house.jobs.revoke(task_id)
    house.worker()
    house.jobs.wait(house.jobs.hand_in("echo", {"value": 1}), PATIENCE)
    assert house.noted() == []
    house.jobs.requeue(task_id)
    assert house.jobs.wait(task_id, PATIENCE)["status"] == "SUCCESS"


def test_EP_10_depth_counts_what_waits_and_what_runs(house):
    for _ in range(3):
        house.jobs.hand_in("nap", {"seconds": FOR_EVER, "notes": house.notes})
    assert house.jobs.depth()["ml"] == {"waiting": 3, "scheduled": 0, "active": 0}
    house.worker()
    eventually(house.noted)
    assert house.jobs.depth() == {"ml": {"waiting": 2, "scheduled": 0, "active": 1}, "batch": {"waiting": 0, "scheduled": 0, "active": 0}}


def test_two_homes_on_one_redis_do_not_see_each_others_tasks(redis_server, tmp_path, house_maker):
    one, two = (house_maker(tmp_path / name, SOCCER_QUEUE_URL=redis_server) for name in ("one", "two"))
    one.jobs.hand_in("echo", {"value": 1})
    assert (one.jobs.depth()["ml"]["waiting"], two.jobs.depth()["ml"]["waiting"]) == (1, 0)
    assert queue_name(one.database, "ml") != queue_name(two.database, "ml")


def test_EP_11_a_worker_tells_its_models_its_work_and_its_task(house):
    worker = house.worker()
    house.jobs.wait(house.jobs.hand_in("echo", {"value": 1}), PATIENCE)
    task_id = house.jobs.hand_in("nap", {"seconds": FOR_EVER, "notes": house.notes})
    row = eventually(lambda: next((row for row in house.ledger.workers() if row["current_task"] == task_id), None))
    assert (row["pid"], row["queue"], row["model_versions"], row["tasks_done"]) == (worker.pid, "ml", {"champion": 7}, 1)


def test_a_worker_that_a_test_leaves_behind_dies_with_its_parent(sqlite_house, tmp_path):
    """The parent here is a process that ends at once by SIGKILL."""
    code = (
        "import os, signal, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-m', 'tests.workers.station', '--queue', 'ml', '--parent', str(os.getpid())])\n"
        "print(child.pid, flush=True)\n"
        "sys.stdin.readline()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=sqlite_house.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    child = int(parent.stdout.readline())
    eventually(sqlite_house.ledger.workers)
    parent.stdin.write("\n")
    parent.stdin.flush()
    eventually(lambda: not alive(child))
    parent.wait(PATIENCE)


def test_one_line_is_logged_for_a_task_with_its_ids_and_never_a_key(sqlite_house):
    sqlite_house.worker()
    task_id = sqlite_house.jobs.hand_in("echo", {"value": 1})
    sqlite_house.jobs.wait(task_id, PATIENCE)
    lines = [json.loads(text) for text in eventually(lambda: [text for text in sqlite_house.log().splitlines() if task_id in text])]
    assert [(line["event"], line["task"], line["status"]) for line in lines] == [("task", "echo", "SUCCESS")]
    assert sqlite_house.settings.key_file.read_text().strip() not in sqlite_house.log()


def test_a_queue_of_the_wrong_kind_is_named_in_words():
    with pytest.raises(SettingsError, match="SOCCER_QUEUE_URL"):
        Queue("amqp://somewhere", "x")
