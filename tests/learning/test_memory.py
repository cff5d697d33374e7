"""Ratings that go on from a checkpoint give bit for bit what a run from the beginning gives, and a changed past is seen."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from core.errors import LearningError
from core.football.raw import SHOTS
from core.learning import memory as memories
from core.learning.checkpoints import packed, unpacked
from core.learning.features import build_on
from core.learning.kinds import by_kind, games, of_file
from core.learning.match_file import checked
from core.learning.memory import Memory
from core.learning.recipe import FEATURES, WHERE, numbers, ratings
from tests.learning.league import frame, league, match
from tests.learning.open_matches import clubs, nations

NATIONS = league(4, first_year=2019, seed=4, country="nations", competition_code="fifa-world-cup", neutral=True)
WOMEN = league(4, first_year=2019, seed=2, sex=1, competition_code="ned.w.1")
WORLD = pd.concat([league(4, first_year=2019), WOMEN, NATIONS], ignore_index=True)
TODAY = date(2022, 10, 20)
FEW = 150  # matches of all kinds from a month before TODAY to the end, and no more than a kind has in all its years


def as_known_on(day, matches=WORLD):
    """The matches with the results of earlier days only."""
    later = matches["date"] >= pd.Timestamp(day)
    known = matches.copy()
    known.loc[later, ["home_score", "away_score"]] = np.nan
    known.loc[later, "status"] = "scheduled"
    known.loc[later, "label_ok"] = False
    return known


def run(matches, today, before=None):
    """A run, and what it leaves to the next."""
    features, points = build_on(matches, today, before)
    return features, Memory(points, features.set_index("match_id"))


def same(one, other):
    return all(one[name].to_numpy().tobytes() == other[name].to_numpy().tobytes() for name in ("match_id", *FEATURES))


@pytest.fixture
def streamed(monkeypatch):
    """How many games were streamed, by call."""
    seen, real = [], memories.numbers
    monkeypatch.setattr(memories, "numbers", lambda made, kind, state: (seen.append(len(made.day)), real(made, kind, state))[1])
    return seen


def test_a_day_of_results_gives_bit_for_bit_what_a_rebuild_gives(streamed):
    memory = None
    for day in range(0, 60, 3):
        today = TODAY + timedelta(days=day)
        del streamed[:]
        features, memory = run(as_known_on(today), today, memory)
        assert day == 0 or sum(streamed) < FEW
        assert same(features, run(as_known_on(today), today)[0]), today


def test_new_matches_and_new_teams_are_taken_in(streamed):
    _, memory = run(as_known_on(TODAY), TODAY)
    new = frame(match(TODAY.isoformat(), "Telstar", "Ajax", (3, 0)), match("2022-10-28", "Ajax", "Telstar"))
    later = pd.concat([as_known_on(TODAY + timedelta(days=2)), new], ignore_index=True)
    del streamed[:]
    features, _ = run(later, TODAY + timedelta(days=2), memory)
    assert sum(streamed) < FEW
    assert same(features, run(later, TODAY)[0])


@pytest.mark.parametrize("age", [1, 5, 20, 300, 1000])
def test_a_changed_result_is_seen_however_old(age, streamed):
    _, memory = run(as_known_on(TODAY), TODAY)
    changed = as_known_on(TODAY)
    when = changed["date"].where(changed["date"] <= pd.Timestamp(TODAY) - pd.Timedelta(days=age)).idxmax()
    changed.loc[when, "home_score"] += 5
    del streamed[:]
    features, _ = run(changed, TODAY, memory)
    again = list(streamed)
    assert same(features, run(changed, TODAY)[0])
    assert not same(features, run(as_known_on(TODAY), TODAY)[0])
    assert (sum(again) < FEW) == (age < 25), "a late result costs days, an old one the years of its kind"


@pytest.mark.parametrize("age", [5, 300])
def test_shots_that_come_after_the_result_are_taken_in_and_give_what_a_rebuild_gives(age, streamed):
    known = as_known_on(TODAY)
    lately = known["status"].eq("finished") & (known["date"] >= pd.Timestamp(TODAY) - pd.Timedelta(days=age))
    shots = pd.DataFrame(9.0, known.index, list(SHOTS)).where(known["status"].eq("finished"))
    before = known.assign(**shots.mask(lately))
    _, memory = run(before, TODAY)
    del streamed[:]
    features, _ = run(known.assign(**shots), TODAY, memory)
    again = list(streamed)
    assert same(features, run(known.assign(**shots), TODAY)[0])
    assert not same(features, run(before, TODAY)[0])
    assert (sum(again) < FEW) == (age < 25)


@pytest.mark.parametrize("change", ["neutral", "season", "competition_code", "home_team_id", "date", "gone"])
def test_any_change_of_the_past_is_seen(change):
    _, memory = run(as_known_on(TODAY), TODAY)
    changed = as_known_on(TODAY)
    given = {"neutral": True, "season": "x", "competition_code": "ned.2", "home_team_id": "netherlands-z", "date": pd.Timestamp(2019, 8, 1)}
    if change == "gone":
        changed = changed.drop(index=3)
    else:
        changed.loc[3, change] = given[change]
    assert same(run(changed, TODAY, memory)[0], run(changed, TODAY)[0])


def test_a_clock_that_goes_back_gives_what_was_known_then():
    _, memory = run(as_known_on(TODAY), TODAY)
    before = TODAY - timedelta(days=100)
    assert same(run(as_known_on(before), before, memory)[0], run(as_known_on(before), before)[0])


@pytest.mark.parametrize("kind", WHERE)
def test_the_state_comes_back_from_its_bytes_to_the_last_bit(kind):
    women = kind in ("women_clubs", "women")
    table = nations(300, sex="women" if women else "men") if WHERE[kind]["national"] else clubs(3, sex="women" if women else "men")
    ((_, part),) = by_kind(of_file(checked(table)))
    made = games(part, kind)
    half = int(np.searchsorted(made.day, made.day[len(made.day) // 2]))
    state = ratings(kind)
    numbers(made.take(slice(0, half)), kind, state)
    bytes_of_it = packed(state)
    again = unpacked(bytes_of_it)
    assert packed(again) == bytes_of_it
    rest = made.take(slice(half, None))
    one, other = numbers(rest, kind, state), numbers(rest, kind, again)
    assert all(one[name].tobytes() == other[name].tobytes() for name in one)


@pytest.mark.parametrize("spoil", [lambda data: data[:100], lambda data: b"", lambda data: data.replace(b"Elo", b"Eli")])
def test_a_torn_state_is_refused_in_words(spoil):
    with pytest.raises(LearningError, match="made anew"):
        unpacked(spoil(packed(ratings("clubs"))))


@pytest.mark.parametrize("unreadable", [1, 3])
def test_a_state_that_cannot_be_read_is_passed_over_for_an_earlier_one_and_forgotten(unreadable):
    _, before = run(as_known_on(TODAY), TODAY)
    latest = sorted({point.day for point in before.checkpoints})[-unreadable:]
    spoilt = [replace(point, state=b"PK") if point.day in latest else point for point in before.checkpoints]
    tomorrow = TODAY + timedelta(days=1)
    features, after = run(as_known_on(tomorrow), tomorrow, Memory(spoilt, before.features))
    assert same(features, run(as_known_on(tomorrow), tomorrow)[0])
    assert {point.state for point in after.checkpoints}.isdisjoint({b"PK"})
