"""Ratings of nations: a mean of filters, and grounds of their own."""

import numpy as np
import pytest

from core.learning.averaged import Averaged, OwnGround
from core.learning.joint import Drift, JointFilter, Sight
from core.learning.recipe import ratings
from core.learning.streams import Games, stream


def filters(*daily):
    return [JointFilter("joint", Drift(daily=pace, fast=0, gap=10**6), Sight(), single=True) for pace in daily]


def home_lion(matches=200, neutral=False, seed=1):
    """Four equal sides; when side 0 is at home, the home side wins more than elsewhere. Two matches each third day."""
    random = np.random.default_rng(seed)
    home = random.integers(0, 4, matches)
    away = (home + random.integers(1, 4, matches)) % 4
    edge = np.where(home == 0, 0.9, 0.0)
    goals = random.poisson(np.exp(np.column_stack([0.3 + edge, -edge]))).astype(float)
    zeros, day = np.zeros(matches, np.int64), 3 * (np.arange(matches) // 2)
    return Games(day, home, away, zeros, zeros + 1, zeros, zeros + (not neutral), zeros + 1.0, goals, np.full((matches, 2), np.nan))


def test_the_mean_is_that_of_what_each_filter_says():
    made = home_lion()
    alone = [stream(made, [one]) for one in filters(1e-5, 1e-3)]
    both = stream(made, [Averaged(filters(1e-5, 1e-3))])
    assert np.array_equal(both, (alone[0] + alone[1]) / 2) and not np.array_equal(*alone)


def test_a_side_that_wins_at_home_and_not_away_has_a_ground_of_its_own():
    made = home_lion(400)
    worth = stream(made, [OwnGround(Averaged(filters(1e-5)))])[-100:, -1]
    there, elsewhere = worth[made.home[-100:] == 0], worth[(made.home[-100:] != 0) & (made.away[-100:] != 0)]
    assert there.mean() > elsewhere.mean() + 0.2


def test_on_neutral_ground_nobody_has_a_ground_and_nothing_is_learnt_of_one():
    assert (stream(home_lion(neutral=True), [OwnGround(Averaged(filters(1e-5)))])[:, -1] == 0).all()


def test_what_a_ground_is_worth_is_shrunk_as_by_forty_matches_that_went_as_expected():
    made = home_lion(3)
    one = made.take(np.array([0]))._replace(goals=np.array([[3.0, 0.0]]))
    rating = OwnGround(Averaged(filters(1e-5)))
    said = np.exp(stream(one, [rating])[0, :2])
    again = one._replace(day=one.day + 9)
    assert rating.before(again)[0, -1] == pytest.approx(2 * (3 - said[0] + said[1]) / 41)
    assert rating.before(again._replace(ground=np.zeros(1)))[0, -1] == 0


def test_men_have_grounds_of_their_own_and_women_do_not():
    assert "own_ground" in ratings("men")[0].names and "own_ground" not in ratings("women")[0].names
