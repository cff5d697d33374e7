"""Where a replay stands: one row that all processes agree on, moved by runs of the pipeline and by playing."""

from datetime import UTC, datetime, timedelta

from core.clock import Clock
from core.football.live import LiveRow
from core.storage import live_scores, replay
from core.storage.database import Database

START = datetime(2026, 3, 13, 12, tzinfo=UTC)
LATER = START + timedelta(days=2)
SOON, UNTIL = START + timedelta(minutes=1), START + timedelta(hours=9)
ROW = LiveRow("replay", "7", SOON, "eng.1", 0, "Arsenal", "Everton", "first_half", match_id=7, kickoff_utc=START)


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


def in_play(database):
    with database.read() as connection:
        return [match.row.match_id for match in live_scores.current(connection, LATER)]


def test_a_replay_that_begins_again_stands_where_it_was_until_the_batch_of_the_start_is_there(database):
    replay.set_out(database, START, LATER)
    replay.arrive(database, START)
    replay.play(database, START, 1.0)
    live_scores.write(database, [ROW])
    assert replay.set_back(database, START) == replay.Replay(START, LATER, START)
    assert replay.clock(database, Clock(START)).now() == START, "the stages work for the start"
    assert replay.set_out(database, START).target == START, "and go on to it"
    assert in_play(database) == [7]
    assert replay.arrive(database, START) == replay.Replay(START, START)
    assert in_play(database) == [], "nothing is in play yet"


def test_a_replay_that_begins_again_while_a_score_is_told_has_nothing_in_play(database):
    replay.play(database, START, 1.0)
    assert replay.run_on(database, START, SOON, UNTIL, [ROW]).moment == SOON
    assert in_play(database) == [7]
    replay.set_back(database, START)
    replay.run_on(database, START, SOON, UNTIL, [ROW])
    replay.arrive(database, START)
    replay.run_on(database, START, START, UNTIL, [ROW])
    assert in_play(database) == []


def test_a_run_that_was_killed_is_given_up_and_the_replay_plays_on(database):
    replay.play(database, START, 1.0)
    replay.set_out(database, START, LATER)
    assert replay.give_up(database, START) == replay.Replay(START, START, None, 1.0)


def test_the_clock_runs_on_only_while_it_plays_and_no_run_is_under_way(database):
    assert replay.run_on(database, START, SOON, UNTIL).moment == START
    replay.play(database, START, 2.0)
    assert replay.run_on(database, START, SOON, UNTIL) == replay.Replay(START, SOON, None, 2.0, UNTIL)
    assert replay.run_on(database, START, START, UNTIL).moment == SOON, "never back"
    replay.set_out(database, START)
    assert replay.run_on(database, START, LATER, UNTIL).moment == SOON
    assert replay.arrive(database, START).speed == 2.0, "playing goes on after a run"
    assert replay.pause(database, START).speed is None


def test_the_real_clock_is_never_moved(database):
    replay.set_out(database, START, LATER)
    assert not replay.clock(database, Clock()).replaying
