"""Dixon and Coles against finite differences, a grid of scores worked out in full, and data whose makers are known."""

import copy
import time
from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.stats import poisson
from threadpoolctl import threadpool_info, threadpool_limits

from core.learning import dixon_coles
from core.learning.dixon_coles import DixonColes, Seen, Span, chances, fit, loss
from core.learning.kinds import by_kind, games, of_file
from core.learning.match_file import checked
from core.learning.streams import Games, stream
from tests.learning.open_matches import clubs

WEEKLY = Span(3, 0.0025, 10)


def played(teams, matches, seed=1, days=1000):
    """Matches between teams of which the first is the strongest, a third of them on neutral ground."""
    random = np.random.default_rng(seed)
    home = random.integers(0, teams, matches)
    away = (home + random.integers(1, teams, matches)) % teams
    ground, edge = (np.arange(matches) % 3 > 0).astype(float), (away - home) / teams
    goals = random.poisson(np.exp(np.column_stack([0.2 + 0.3 * ground + edge / 2, 0.2 - edge / 2]))).astype(float)
    day, zeros = np.sort(random.integers(0, days, matches)), np.zeros(matches, np.int64)
    return Games(day, home, away, zeros, zeros + 1, zeros, ground, zeros + 1.0, goals, np.full((matches, 2), np.nan))


@pytest.mark.parametrize("low", [-0.2, 0.0, 0.15])
def test_the_gradient_is_that_of_finite_differences(low):
    made, random = played(6, 80), np.random.default_rng(4)
    seen = Seen(made.home, made.away, made.ground, made.goals, random.random(80), 6)
    free = np.concatenate([[0.2, 0.3, low], random.normal(0, 0.3, 12)])
    numeric = approx_fprime(free, lambda at: loss(at, seen, 0.7)[0], 1e-7)
    assert loss(free, seen, 0.7)[1] == pytest.approx(numeric, abs=2e-5)


def test_a_fit_finds_who_is_strong_and_what_the_ground_is_worth():
    found = fit(played(10, 4000), 1000, Span(3, 0.0, 0.5))
    assert found.common[:2] == pytest.approx([0.2, 0.3], abs=0.07) and abs(found.common[2]) < 0.08
    worth = found.strengths.sum(axis=0)
    assert np.corrcoef(worth, -np.arange(10))[0, 1] > 0.98


def test_a_fit_computes_with_one_thread_however_many_there_are(monkeypatch):
    seen = []
    monkeypatch.setattr(dixon_coles, "loss", lambda *given: seen.append(threads()) or loss(*given))
    with threadpool_limits(2, "blas"):
        usual = threads()
        fit(played(6, 100), 1000, WEEKLY)
        assert threads() == usual
    assert seen and all(number == {1} for number in seen)


def threads():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_older_matches_weigh_less_and_a_strong_ridge_makes_all_equal():
    then, now = played(8, 600, days=300), played(8, 600, seed=2, days=300)
    turned = now._replace(day=now.day + 700, home=now.away, away=now.home, ground=0 * now.ground, goals=now.goals)
    both = Games(*(np.concatenate(pair) for pair in zip(then, turned, strict=True)))
    gaps = [np.subtract(*fit(both, 1000, Span(3, decay, 1)).strengths.sum(axis=0)[[0, 7]]) for decay in (0.0, 0.02)]
    assert gaps[1] < gaps[0] - 0.3
    assert np.abs(fit(both, 1000, Span(3, 0.0, 1e6)).strengths).max() < 0.001


def test_a_team_that_is_not_known_is_the_mean_of_all():
    found = fit(played(6, 300), 1000, WEEKLY)
    assert found.of(np.array([2, 77, 2]))[:, 1].tolist() == [0, 0]
    assert np.array_equal(found.of(np.array([2, 77, 2]))[:, 0], found.strengths[:, 2])


def test_the_chances_are_those_of_a_whole_grid_of_scores():
    first, second, low = 0.4, -0.1, -0.12
    grid = np.outer(poisson.pmf(range(13), np.exp(first)), poisson.pmf(range(13), np.exp(second)))
    grid[0, 0] *= 1 - np.exp(first + second) * low
    grid[0, 1] *= 1 + np.exp(first) * low
    grid[1, 0] *= 1 + np.exp(second) * low
    grid[1, 1] *= 1 - low
    whole = np.array([np.tril(grid, -1).sum(), np.trace(grid), np.triu(grid, 1).sum()])
    assert chances(np.array([[first, second, low]]))[0] == pytest.approx(0.997 * whole / whole.sum() + 0.001, abs=1e-6)
    extreme = chances(np.array([[3.0, -4.0, -0.3], [-4.0, 3.0, 0.3]]))
    assert extreme.min() >= 0.001 and np.abs(extreme.sum(axis=1) - 1).max() < 1e-12


def league():
    """Two divisions of which half plays on one day of the week, half two days later."""
    ((kind, part),) = by_kind(of_file(checked(clubs(2))))
    made = games(part, kind)
    day = made.day - (made.day - 1) % 7 + 2 * (np.arange(len(made.day)) % 2)
    return made._replace(day=day).take(np.argsort(day, kind="stable"))


def test_a_week_knows_nothing_of_itself_and_fixtures_asked_about_change_nothing():
    made, alone = league(), DixonColes("dc", WEEKLY)
    plain, middle = stream(made, [alone]), made.day[len(made.day) // 2]
    week = (made.day - 1) // 7 == (middle - 1) // 7
    other = made._replace(goals=np.where((made.day >= made.day[week].min())[:, None], 9.0, made.goals))
    changed = stream(other, [DixonColes("dc", WEEKLY)])
    until = np.flatnonzero(week)[-1] + 1
    assert np.array_equal(plain[:until], changed[:until]) and not np.array_equal(plain[until:], changed[until:])
    asked = DixonColes("dc", WEEKLY)
    before = stream(made.take(slice(0, until)), [asked])
    asked.before(made.take(slice(len(made.day) - 1, None)))
    assert np.array_equal(np.concatenate([before, stream(made.take(slice(until, None)), [asked])]), plain)


def test_a_day_added_gives_bit_for_bit_what_a_rebuild_gives():
    made, state = league(), DixonColes("dc", WEEKLY)
    edges, parts = [0, 150, 155, 300, len(made.day)], []
    for start, stop in pairwise(np.unique(np.searchsorted(made.day, [made.day[place - 1] + 1 if place else 0 for place in edges]))):
        parts.append(stream(made.take(slice(start, stop)), [state]))
        state = copy.deepcopy(state)
    assert np.array_equal(np.concatenate(parts), stream(made, [DixonColes("dc", WEEKLY)]))


def test_a_fit_of_two_hundred_and_seventy_teams_takes_no_minutes():
    """A fraction of a second; the limit is for a slow machine, and a dense matrix would be far beyond it."""
    made = played(270, 11000)
    started = time.thread_time()
    fit(made, 1000, Span(12, 0.0005, 0.2))
    assert time.thread_time() - started < 30
