"""The replay that plays: goals of a past match day arrive one by one, and the day ends as it did."""

from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

import pytest
import sqlalchemy as sa

from core.clock import SNAPSHOT_MOMENT, Clock, from_iso, real_now
from core.errors import QueueUnavailable
from core.settings import PROJECT
from core.sources import snapshot
from core.storage import live_scores, match_rows, replay
from core.storage.fixture_list import due
from core.storage.schema import matches
from tests.workers.house import House
from workers import playing
from workers.locking import LOCK, locked
from workers.playing import Player, read_scripts

FOLDER = PROJECT / "data" / "snapshot"
START = SNAPSHOT_MOMENT


@pytest.fixture(scope="module")
def bundled():
    return snapshot.read(FOLDER)


@pytest.fixture
def house(tmp_path, bundled):
    house = House(tmp_path)
    take_in(house, bundled, START)
    yield house
    house.close()


def player_of(house):
    return Player(house.database, house.jobs, START, house.settings.folder / LOCK)


def take_in(house, bundled, moment):
    match_rows.ingest(house.database, bundled.matches, bundled.teams(), bundled.refused, Clock(moment), real_now())


def run_pipeline(house, bundled):
    """What the worker does with the task: the results are taken in, and the clock arrives. Whether there was such a task."""
    waiting = house.ledger.recent(1, "PENDING", "advance")
    for task in waiting:
        claim = house.ledger.claim(task["task_id"], "w", 60)
        stands = replay.set_out(house.database, START, from_iso(claim.arguments["to"]))
        take_in(house, bundled, stands.under_way)
        live_scores.settle(house.database, stands.under_way)
        replay.arrive(house.database, START)
        house.ledger.succeed(task["task_id"], "w", {})
    return bool(waiting)


def shown(house):
    stands = replay.read(house.database, START)
    with house.database.read() as connection:
        return stands, {match.row.match_id: match.row for match in live_scores.current(connection, stands.moment)}


def test_a_match_day_plays_goal_by_goal_and_ends_as_it_did(house, bundled):
    player = player_of(house)
    replay.play(house.database, START, 60.0)
    told, runs = {}, 0
    while (found := shown(house))[0].speed is not None:
        player.once()
        runs += run_pipeline(house, bundled)
        for match_id, row in found[1].items():
            told.setdefault(match_id, []).append((row.phase, row.home_score, row.away_score))
    stands, rows = found
    day = {raw.source_ref: raw for raw in bundled.matches if raw.date_local.isoformat() == "2026-03-14"}
    assert {str(match_id) for match_id in rows} == set(day)
    assert all(
        (row.home_score, row.away_score, row.phase) == (day[str(match_id)].ft_home, day[str(match_id)].ft_away, "finished")
        for match_id, row in rows.items()
    )
    assert stands.moment == max(raw.kickoff_utc for raw in day.values()) + timedelta(hours=2)
    assert 1 < runs < len(day), "results are taken in when no ball rolls, for all of them at once"
    for versions in told.values():
        totals = [home + away for _, home, away in versions]
        assert totals == sorted(totals) and totals[0] == 0, "from nothing, goal by goal"
        assert {"first_half", "half_time", "second_half"} <= {phase for phase, _, _ in versions}


def test_scores_that_are_played_change_no_result(house):
    player = player_of(house)
    replay.play(house.database, START, 60.0)
    while not shown(house)[1]:
        player.once()
    with house.database.read() as connection:
        known = connection.scalar(sa.select(sa.func.max(matches.c.date)).where(matches.c.label.is_not(None)))
    assert known <= START.date().isoformat()


def test_a_long_way_to_the_next_match_goes_through_the_pipeline_first(house, bundled):
    after = datetime(2026, 3, 23, 12, tzinfo=UTC)  # a week with internationals begins
    replay.set_out(house.database, START, after)
    take_in(house, bundled, after)
    replay.arrive(house.database, START)
    player = player_of(house)
    replay.play(house.database, START, 60.0)
    player.once()
    assert run_pipeline(house, bundled)
    (first, *_) = due(house.database, after)
    assert replay.read(house.database, START).moment == first.kickoff - timedelta(minutes=1)
    player.once()
    player.once()
    assert set(shown(house)[1]) >= {first.match_id}


def test_nothing_plays_on_when_the_pipeline_failed(house):
    player = player_of(house)
    replay.play(house.database, START, 60.0)
    while not house.ledger.recent(1, "PENDING", "advance"):
        player.once()
    (task,) = house.ledger.recent(1, "PENDING", "advance")
    player.once()
    assert len(house.ledger.recent(9, None, "advance")) == 1, "one run is asked for"
    house.ledger.claim(task["task_id"], "w", 60)
    house.ledger.fail(task["task_id"], "w", {"kind": "PipelineFailed", "message": "no disk"})
    player.once()
    assert replay.read(house.database, START).speed is None


def test_results_that_a_queue_which_was_away_did_not_take_in_are_asked_for_again(house, monkeypatch):
    player, away = player_of(house), QueueUnavailable("The task queue does not answer.")
    replay.play(house.database, START, 60.0)
    with monkeypatch.context() as broken:
        broken.setattr(house.jobs, "advance", Mock(side_effect=away))
        with pytest.raises(QueueUnavailable):
            while True:
                player.once()
        asked_at = replay.read(house.database, START).moment
    player.once()
    (task,) = house.ledger.recent(9, "PENDING", "advance")
    assert from_iso(house.ledger.arguments(task["task_id"])["to"]) == asked_at
    assert replay.read(house.database, START).moment == asked_at, "nothing plays on before that"


def test_while_it_is_told_to_stand_nothing_moves(house):
    player = player_of(house)
    player.once()
    assert shown(house) == (replay.Replay(START, START), {})
    assert not player.wanted()


def test_a_way_that_a_killed_run_left_is_given_up_and_play_goes_on(house, monkeypatch):
    monkeypatch.setattr(playing, "LEFT_FOR", 0.0)
    replay.set_out(house.database, START, START + timedelta(days=2))
    player = player_of(house)
    assert player.wanted(), "though it does not play"
    with locked(house.settings.folder / LOCK):  # as the run itself does
        player.once()
    assert replay.read(house.database, START).target is not None
    house.jobs.advance("next-day")
    player.once()
    assert replay.read(house.database, START).target is not None, "a run that waits goes on from there"
    house.jobs.revoke(house.ledger.unended("advance"))
    player.once()
    assert replay.read(house.database, START) == replay.Replay(START, START)
    assert not player.wanted()


def test_between_two_stages_that_are_run_one_by_one_nothing_is_given_up(house, monkeypatch):
    monkeypatch.setattr(playing, "LEFT_FOR", 3600.0)  # however busy the machine is between the two steps
    replay.set_out(house.database, START, START + timedelta(days=2))
    player = player_of(house)
    player.once()
    player.once()
    assert replay.read(house.database, START).target is not None


def test_known_goal_minutes_are_played_and_others_are_marked_as_illustrative(bundled):
    scripts, known = read_scripts(FOLDER), snapshot.read_goals(FOLDER)
    dated = {int(raw.source_ref): raw for raw in bundled.matches}
    real = [script for script in scripts.values() if not script.illustrative]
    with_kickoff = [match_id for match_id in known if dated[match_id].kickoff_utc is not None]
    assert len(with_kickoff) > 500
    told = [match_id for match_id in with_kickoff if scripts[match_id].goals == known[match_id]]
    assert len(told) > 0.97 * len(with_kickoff)
    assert all(script.illustrative for script in scripts.values() if script.goals and script.match_id not in known)
    unseen = [script for script in scripts.values() if dated[script.match_id].season_raw == "2025-26"]
    assert all(script.illustrative for script in unseen), "else a match without the mark would be told to end without goals"
    assert all(dated[script.match_id].kickoff_utc is not None for script in real)
    for script in scripts.values():
        home = sum(goal.home for goal in script.goals)
        assert (home, len(script.goals) - home) == (dated[script.match_id].ft_home, dated[script.match_id].ft_away)
