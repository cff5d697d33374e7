"""A past match, played again: its goals fall in their minutes, and at the end it stands as it did."""

from datetime import UTC, datetime, timedelta

import pytest

from core.football.replayed import Goal, Script, goals_of, stands

KICKOFF = datetime(2026, 3, 14, 15, tzinfo=UTC)
GOALS = (Goal(1, True), Goal(45, False), Goal(46, False), Goal(93, True), Goal(97, True))
SCRIPT = Script(7, "eng.1", 0, "Arsenal", "Everton", KICKOFF, GOALS)


def score(minutes):
    row = SCRIPT.at(KICKOFF + timedelta(minutes=minutes))
    return row.home_score, row.away_score


@pytest.mark.parametrize(
    ("elapsed", "said"),
    [
        (-1, ("pre", None, None)),
        (0, ("first_half", 1, None)),
        (44, ("first_half", 45, None)),
        (46, ("first_half", 45, 2)),
        (47, ("half_time", None, None)),
        (62, ("second_half", 46, None)),
        (106, ("second_half", 90, None)),
        (113, ("second_half", 90, 7)),
        (114, ("settling", None, None)),
    ],
)
def test_the_match_stands_where_its_clock_says(elapsed, said):
    assert stands(elapsed) == said


def test_goals_fall_in_their_minutes_and_not_before():
    assert [score(minutes) for minutes in (-1, 0, 43, 44, 61, 62, 108, 109, 113)] == [
        (0, 0), (1, 0), (1, 0), (1, 1), (1, 1), (1, 2), (1, 2), (2, 2), (3, 2)
    ]  # fmt: skip


def test_the_score_at_half_time_is_told_from_the_break_on():
    assert SCRIPT.at(KICKOFF + timedelta(minutes=46)).ht_home is None
    row = SCRIPT.at(KICKOFF + timedelta(minutes=80))
    assert (row.ht_home, row.ht_away, row.home_score, row.away_score) == (1, 1, 1, 2)


def test_goals_whose_minutes_are_known_are_taken_and_others_are_drawn_alike_each_time():
    assert goals_of(7, (3, 2), GOALS, [10]) == (GOALS, False)
    drawn, illustrative = goals_of(7, (2, 1), GOALS, [3, 44, 46, 90, 95])
    assert illustrative and sorted(goal.home for goal in drawn) == [False, True, True]
    assert (drawn, True) == goals_of(7, (2, 1), (), [3, 44, 46, 90, 95]) != goals_of(8, (2, 1), (), [3, 44, 46, 90, 95])
    assert goals_of(7, (0, 0), (), []) == ((), False), "without a goal nothing needs to be drawn"


def test_a_replayed_match_says_where_its_score_is_from():
    assert SCRIPT.at(KICKOFF).source == "replay"
    assert Script(7, "eng.1", 0, "A", "B", KICKOFF, (), illustrative=True).at(KICKOFF).source == "replay-illustrative"
