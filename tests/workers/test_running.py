"""One app per home: a second is refused with the first one's address, and the lock ends with the process that holds it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from core.errors import SettingsError
from tests.workers.house import PATIENCE, ROOT, eventually
from workers import running

HOLDER = """
import subprocess, sys, time
from pathlib import Path
from workers import running
with running.alone(Path(sys.argv[1])) as held:
    held.say_address("http://127.0.0.1:8501")
    child = subprocess.Popen(["sleep", "600"])
    print(child.pid, flush=True)
    time.sleep(600)
"""
REFUSAL = r"SoccerPredictAI runs already at http://127.0.0.1:8501 on {}. Stop it first, or set SOCCER_HOME to another folder."


@pytest.fixture
def holder(tmp_path):
    """A process that holds the home, and has a child that outlives it."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    child = int(process.stdout.readline())
    yield process
    if process.poll() is None:
        process.kill()
    process.wait(PATIENCE)
    process.stdout.close()
    os.kill(child, signal.SIGKILL)


def free(home):
    try:
        running.refuse_second(home)
    except SettingsError:
        return False
    return True


def test_a_second_app_on_a_home_is_told_where_the_first_one_is(holder, tmp_path):
    for attempt in (running.refuse_second, lambda home: running.alone(home).__enter__()):
        with pytest.raises(SettingsError) as refused:
            attempt(tmp_path)
        assert str(refused.value) == REFUSAL.format(tmp_path)


def test_the_lock_goes_with_a_killed_holder_while_its_child_lives_on(holder, tmp_path):
    assert not free(tmp_path)
    holder.kill()
    eventually(lambda: free(tmp_path))
    with running.alone(tmp_path), pytest.raises(SettingsError, match="runs already on"):
        running.refuse_second(tmp_path)  # not the address of the one that was killed


def test_to_look_makes_nothing_and_a_home_without_an_app_is_free(tmp_path):
    running.refuse_second(tmp_path / "home")
    assert not (tmp_path / "home").exists()
    with running.alone(tmp_path):
        pass
    running.refuse_second(tmp_path)


def test_a_home_that_was_moved_away_while_the_lock_was_waited_for_is_not_taken_for_the_new_one(tmp_path, monkeypatch):
    home, lock = tmp_path / "home", running._lock
    home.mkdir()

    def replaced_once(file, where):
        lock(file, where)
        if not (tmp_path / "away").exists():
            home.rename(tmp_path / "away")
            home.mkdir()

    monkeypatch.setattr(running, "_lock", replaced_once)
    with running.alone(home) as held:
        held.say_address("here")
        assert (home / running.NAME).read_text() == "here\n"


def test_a_home_that_cannot_be_written_is_a_sentence(tmp_path):
    with pytest.raises(SettingsError, match="SOCCER_HOME"), running.alone(tmp_path / "absent"):
        pass
