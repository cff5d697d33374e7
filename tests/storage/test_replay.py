"""Where a replay stands: one row that all processes agree on, moved by runs of the pipeline and by playing."""

from datetime import UTC, datetime, timedelta

import pytest

from core.clock import Clock
from core.storage import replay
from core.storage.database import Database

START = datetime(2026, 3, 13, 12, tzinfo=UTC)
LATER = START + timedelta(days=2)


@pytest.fixture
def database(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'soccer.db'}")
    database.create()
    yield database
    database.close()


def test_the_clock_stands_at_the_start_until_a_run_has_arrived(database):
    assert replay.read(database, START).moment == START
    replay.set_out(database, START, LATER)
    assert replay.read(database, START).moment == START
    assert replay.clock(database, Clock(START)).now() == LATER, "the stages work for where the run goes"
    replay.arrive(database, START)
    assert replay.read(Database(database.url), START) == replay.Replay(START, LATER)


def test_a_run_without_a_target_goes_on_where_the_last_one_did_not_arrive(database):
    replay.set_out(database, START, LATER)
    assert replay.set_out(database, START).target == LATER
    replay.arrive(database, START)
    assert replay.set_out(database, START).target == LATER, "then it stays"


def test_a_run_that_failed_leaves_the_clock_where_it_was(database):
    replay.play(database, START, 1.0)
    replay.set_out(database, START, LATER)
    assert replay.turn_back(database, START) == replay.Replay(START, START)


def test_another_start_is_another_replay(database):
    replay.set_out(database, START, LATER)
    replay.arrive(database, START)
    assert replay.read(database, LATER + timedelta(days=1)).moment == LATER + timedelta(days=1)
    assert replay.read(database, START).moment == LATER
    assert replay.restart(database, START).moment == START


def test_the_clock_runs_on_only_while_it_plays_and_no_run_is_under_way(database):
    soon, until = START + timedelta(minutes=1), START + timedelta(hours=9)
    assert replay.run_on(database, START, soon, until).moment == START
    replay.play(database, START, 2.0)
    assert replay.run_on(database, START, soon, until) == replay.Replay(START, soon, None, 2.0, until)
    assert replay.run_on(database, START, START, until).moment == soon, "never back"
    replay.set_out(database, START)
    assert replay.run_on(database, START, LATER, until).moment == soon
    assert replay.arrive(database, START).speed == 2.0, "playing goes on after a run"
    assert replay.pause(database, START).speed is None


def test_the_real_clock_is_never_moved(database):
    replay.set_out(database, START, LATER)
    assert not replay.clock(database, Clock()).replaying
