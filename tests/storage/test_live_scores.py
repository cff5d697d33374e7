"""Scores of matches in play: one row a match, the latest version, and never a source of results."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from core.football.live import LiveRow
from core.storage import live_scores
from core.storage.schema import live_matches, matches

NOW = datetime(2026, 3, 14, 15, 40, tzinfo=UTC)
ROW = LiveRow(
    "openligadb", "77", NOW, "ger.1", 0, "Köln", "Mainz 05", "first_half", match_id=7, kickoff_utc=NOW - timedelta(minutes=40),
    minute=40, home_score=1, away_score=0, sequence=5,
)  # fmt: skip


def current(database, now=NOW):
    with database.read() as connection:
        return live_scores.current(connection, now)


def played(database, status="finished", home=3, away=1):
    row = dict.fromkeys(column.name for column in matches.columns)
    row |= {"match_id": 7, "sex": 0, "leg": 1, "neutral": False, "label_ok": True, "status": status, "home_score": home, "away_score": away}
    row |= dict.fromkeys(("competition_code", "competition", "country", "season", "home_team_id", "away_team_id", "sources"), "x")
    with database.write() as connection:
        connection.execute(matches.insert().values(row | {"date": "2026-03-14"}))


def test_a_row_comes_back_as_it_was_written(database):
    row = replace(ROW, stoppage=2, ht_home=1, ht_away=0, pen_home=4, pen_away=3, provider_updated_at=NOW - timedelta(seconds=9))
    assert live_scores.write(database, [row]) == 1
    assert [match.row for match in current(database)] == [row]


def test_one_row_a_match_is_kept_and_an_older_or_equal_version_is_ignored(database):
    assert live_scores.write(database, [ROW]) == 1
    assert live_scores.write(database, [ROW, replace(ROW, sequence=4, home_score=9, observed_at=NOW + timedelta(minutes=1))]) == 0
    assert live_scores.write(database, [replace(ROW, sequence=6, away_score=1)]) == 1
    (match,) = current(database)
    assert (match.row.home_score, match.row.away_score, match.before, match.changed_at) == (1, 1, (1, 0), NOW)


def test_a_score_may_fall_and_is_remembered_as_taken_back(database):
    live_scores.write(database, [replace(ROW, away_score=1)])
    later = NOW + timedelta(minutes=2)
    live_scores.write(database, [replace(ROW, sequence=6, observed_at=later)])
    (match,) = current(database, later)
    assert match.taken_back and match.before == (1, 1) and match.row.away_score == 0
    live_scores.write(database, [replace(ROW, sequence=7, minute=44, observed_at=later + timedelta(minutes=1))])
    assert current(database, later)[0].before == (1, 1), "another minute is no change of the score"


def test_a_match_in_play_is_stale_when_nothing_new_came_for_five_minutes(database):
    live_scores.write(database, [ROW])
    assert not current(database, NOW + timedelta(minutes=5))[0].row.is_stale
    assert current(database, NOW + timedelta(minutes=5, seconds=1))[0].row.is_stale


def test_a_row_of_a_match_that_nobody_knows_is_left_out(database):
    assert live_scores.write(database, [replace(ROW, match_id=None)]) == 0


def test_a_match_is_over_when_the_results_say_so_and_nothing_that_was_said_in_play_comes_after(database):
    live_scores.write(database, [replace(ROW, phase="settling", home_score=2)])
    assert live_scores.settle(database, NOW) == 0
    played(database)
    assert live_scores.settle(database, NOW) == 1, "at the same moment, too"
    assert live_scores.write(database, [replace(ROW, observed_at=NOW + timedelta(minutes=1))]) == 0
    (match,) = current(database)
    assert (match.row.phase, match.row.minute, match.row.home_score, match.row.away_score) == ("finished", None, 3, 1)
    assert live_scores.settle(database, NOW) == 0


def test_scores_never_change_a_match(database):
    played(database, status="scheduled", home=None, away=None)
    live_scores.write(database, [replace(ROW, phase="finished", home_score=5)])
    live_scores.settle(database, NOW)
    with database.read() as connection:
        assert connection.execute(sa.select(matches.c.status, matches.c.home_score)).one() == ("scheduled", None)


def test_rows_that_were_last_heard_two_days_before_are_gone(database):
    live_scores.write(database, [ROW])
    live_scores.write(database, [replace(ROW, match_id=8, observed_at=NOW + timedelta(days=2, seconds=1))])
    with database.read() as connection:
        assert list(connection.scalars(sa.select(live_matches.c.match_id))) == [8]
