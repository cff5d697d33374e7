"""EP-19 where it is carried out: the pipeline as a process of its own, with progress, an end, and nothing left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading

import pytest

from core.errors import DatabaseUnavailable, PipelineFailed, TaskRevoked, TaskStateError
from core.storage.task_ledger import TaskLedger
from tests.installation import PIPELINE_PATIENCE
from tests.workers.house import PATIENCE, ROOT, alive, eventually
from tests.workers.small_project import SmallProject
from workers import progress, refreshing
from workers.jobs import KINDS, Jobs
from workers.recorder import Recorder

STAND_IN = """
import json, os, pathlib, sys, time
pathlib.Path("pid").write_text(str(os.getpid()))
for stage in ("ingest", "train"):
    print(json.dumps({"event": "stage", "stage": stage}), file=sys.stderr, flush=True)
SCRIPT
"""


@pytest.fixture
def pipeline(tmp_path, monkeypatch):
    """A project whose pipeline does what the test says, after two stages."""
    (tmp_path / "workers").mkdir()
    shutil.copy(ROOT / "workers" / "leash.py", tmp_path / "workers" / "leash.py")
    monkeypatch.setattr(refreshing, "PROJECT", tmp_path)
    monkeypatch.setattr(refreshing, "LOOK_EVERY", 0.05)

    def write(script):
        (tmp_path / "workers" / "pipeline.py").write_text(STAND_IN.replace("SCRIPT", script))
        return tmp_path

    return write


def test_EP_19_a_run_that_goes_well_says_how_many_stages_it_took(pipeline):
    pipeline("sys.exit(0)")
    done = refreshing.refresh()
    assert done["stages"] == 2
    assert done["seconds"] >= 0


def test_a_refit_is_the_same_pipeline_told_to_learn_up_to_today(pipeline):
    folder = pipeline('pathlib.Path("asked").write_text(" ".join(sys.argv[1:]))')
    assert refreshing.retrain()["stages"] == 2
    assert (folder / "asked").read_text() == "retrain"


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ('print(json.dumps({"event": "pipeline", "problem": "The disk is full."}), file=sys.stderr); sys.exit(1)', "The disk is full."),
        ('raise ImportError("no such module")', "no such module"),
        ("os.kill(os.getpid(), 9)", "after 2"),
    ],
    ids=["told", "broken", "killed"],
)
def test_EP_19_a_run_that_fails_says_why(pipeline, script, told):
    pipeline(script)
    with pytest.raises(PipelineFailed, match=told):
        refreshing.refresh()


def test_EP_19_lines_that_are_json_and_no_log_lines_are_words_like_any_other(pipeline):
    pipeline("print('3\\nnull\\n[1]', file=sys.stderr); sys.exit(1)")
    with pytest.raises(PipelineFailed, match=r"3 null \[1\]"):
        refreshing.refresh()


def test_EP_19_a_ledger_that_is_away_for_a_moment_does_not_stop_the_pipeline(pipeline):
    folder = pipeline("""
while not pathlib.Path("heard").exists():
    time.sleep(0.01)
""")
    heard = []

    def tell(share, note):
        heard.append(note)
        if len(heard) > 1:
            (folder / "heard").touch()
        raise DatabaseUnavailable("The database does not answer (database is locked).")

    with progress.told(tell):
        assert refreshing.refresh()["stages"] == 2
    assert len(heard) > 1


def test_EP_17_an_older_run_is_not_queued_again_beside_another(sqlite_house):
    jobs, ledger = sqlite_house.jobs, sqlite_house.ledger
    older = jobs.refresh()
    jobs.revoke(older)
    newer = jobs.refresh()
    with pytest.raises(TaskStateError, match=newer):
        jobs.requeue(older)
    jobs.revoke(newer)
    assert jobs.requeue(older)["status"] == "PENDING"
    assert jobs.refresh() == older  # though it is not the last that was made
    with pytest.raises(TaskStateError, match=older):
        jobs.requeue(newer)
    assert [ledger.get(task_id)["status"] for task_id in (older, newer)] == ["PENDING", "REVOKED"]


def test_TK_7_EP_19_tells_how_far_it_is_and_a_revoked_one_leaves_no_process(pipeline):
    folder = pipeline("time.sleep(600)")
    heard = []

    def tell(share, note):
        heard.append((share, note))
        return len(heard) < 5 or note != "train"

    with progress.told(tell), pytest.raises(TaskRevoked):
        refreshing.refresh()
    assert heard[-1] == (2 / 8, "train")
    assert not alive(int((folder / "pid").read_text()))


def test_TK_7_EP_19_a_task_that_is_revoked_while_it_runs_ends_as_revoked(pipeline, sqlite_house):
    folder = pipeline("time.sleep(600)")
    jobs = Jobs.open(sqlite_house.settings, sqlite_house.database)
    task_id = jobs.refresh()
    recorder = Recorder(TaskLedger(sqlite_house.database), {"refresh": refreshing.refresh}, KINDS, "w", "batch", 1.0)
    working = threading.Thread(target=lambda: recorder.run("refresh", task_id))
    working.start()
    eventually((folder / "pid").exists)
    eventually(lambda: jobs.ledger.get(task_id)["progress"])
    assert jobs.refresh() == task_id
    jobs.revoke(task_id)
    working.join(PATIENCE)
    assert jobs.ledger.get(task_id)["status"] == "REVOKED"
    assert not alive(int((folder / "pid").read_text()))
    assert jobs.refresh() != task_id
    jobs.close()


def test_EP_19_a_failed_run_is_not_tried_again_by_itself(pipeline, sqlite_house):
    pipeline("sys.exit(3)")
    jobs = Jobs.open(sqlite_house.settings, sqlite_house.database)
    task_id = jobs.refresh()
    Recorder(TaskLedger(sqlite_house.database), {"refresh": refreshing.refresh}, KINDS, "w", "batch", 1.0).run("refresh", task_id)
    task = jobs.ledger.get(task_id)
    assert (task["status"], task["error"]["kind"]) == ("FAILURE", "pipeline_failed")
    jobs.close()


def test_EP_19_the_pipeline_ends_with_the_worker_that_started_it(pipeline):
    folder = pipeline("time.sleep(600)")
    code = f"from pathlib import Path; from workers import refreshing; refreshing.PROJECT = Path({str(folder)!r}); refreshing.refresh()"
    worker = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    eventually((folder / "pid").exists)
    pid = int(eventually(lambda: (folder / "pid").read_text()))
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    eventually(lambda: not alive(pid))


def test_EP_19_two_that_ask_at_once_are_given_one_task(sqlite_house):
    clients = [Jobs.open(sqlite_house.settings, sqlite_house.database) for _ in range(8)]
    together, given = threading.Barrier(8), []

    def ask(jobs):
        together.wait()
        given.append(jobs.refresh())

    threads = [threading.Thread(target=ask, args=(jobs,)) for jobs in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(given) == 8
    assert len(set(given)) == 1
    for jobs in clients:
        jobs.close()


def test_a_move_of_the_replays_clock_is_refused_while_another_is_under_way(sqlite_house):
    jobs = sqlite_house.jobs
    task_id = jobs.advance("next-day")
    assert jobs.advancing() == task_id
    for to in ("start", "next-day"):
        with pytest.raises(TaskStateError, match=task_id):
            jobs.advance(to)
    jobs.revoke(task_id)
    assert jobs.advancing() is None and jobs.advance("start") != task_id


@pytest.mark.long
def test_TK_7_EP_15_EP_16_EP_19_a_worker_refreshes_promotes_and_rolls_back(tmp_path):
    """The real pipeline on a tiny league, and real workers."""
    project = SmallProject(tmp_path)
    assert project.run().code == 0
    place = project.place()
    jobs = Jobs.open(place.settings, place.database)
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "workers.consumer", "--queue", queue, "--metrics-port", "0", "--parent", str(os.getpid())],
            cwd=project.root,
            env=project.environment(),
        )
        for queue in ("ml", "batch")
    ]
    try:
        task = jobs.wait(jobs.refresh(), PIPELINE_PATIENCE)
        assert task["status"] == "SUCCESS", task
        lost, won = (jobs.wait(jobs.promote(2, "better", champion, against_the_gate=True), PATIENCE) for champion in (3, 1))
        assert (lost["status"], lost["error"]["kind"], won["status"]) == ("FAILURE", "promotion_refused", "SUCCESS")
        back = jobs.wait(jobs.rollback("it was not"), PATIENCE)
        assert (back["status"], back["result"]["to_version"]) == ("SUCCESS", 1)
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait(PATIENCE)
        jobs.close()
        place.database.close()
