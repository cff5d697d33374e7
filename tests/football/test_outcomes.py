"""Outcomes, probabilities and the grid of scorelines."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.football.outcomes import FLOOR, Outcome, Probabilities, floored, score_grid

chances = st.tuples(*[st.floats(FLOOR, 1)] * 3).map(lambda three: Probabilities(*(one / sum(three) for one in three)))


@pytest.mark.parametrize("three", [(0.5, 0.3, 0.3), (1.2, -0.1, -0.1), (float("nan"), 0.5, 0.5)])
def test_three_numbers_that_are_no_probabilities_are_refused(three):
    with pytest.raises(ValueError, match="not probabilities"):
        Probabilities(*three)


@given(chances)
def test_whole_per_cents_sum_to_one_hundred_and_are_never_a_point_off(forecast):
    whole = forecast.percentages()
    assert sum(whole) == 100
    assert all(abs(percent - 100 * chance) < 1 for percent, chance in zip(whole, forecast.as_tuple(), strict=True))


@given(chances, st.floats(1.5, 4))
def test_the_margins_of_the_grid_are_the_three_numbers(forecast, total):
    margins = score_grid(forecast, total).margins()
    assert np.allclose(margins.as_tuple(), forecast.as_tuple(), atol=1e-6)


@given(chances)
def test_side_markets_follow_from_the_same_grid(forecast):
    grid = score_grid(forecast)
    assert grid.over(1.5) >= grid.over(2.5) >= grid.over(3.5) >= 0
    assert 0 <= grid.both_score <= 1
    assert grid.chances.sum() == pytest.approx(1)
    assert grid.chances[grid.likeliest] == grid.chances.max()


def test_the_stronger_side_is_expected_to_score_more():
    home, away = score_grid(Probabilities(0.7, 0.2, 0.1)).expected_goals
    assert home > 2 * away


def test_the_floor_keeps_the_order_and_the_sum():
    rows = floored(np.array([[1.0, 0.0, 0.0], [0.2, 0.3, 0.5]]))
    assert rows.min() == pytest.approx(FLOOR)
    assert np.allclose(rows.sum(axis=1), 1)
    assert (rows.argmax(axis=1) == [0, 2]).all()


@pytest.mark.parametrize(("score", "outcome"), [((2, 1), Outcome.HOME), ((0, 0), Outcome.DRAW), ((0, 3), Outcome.AWAY)])
def test_the_outcome_of_a_score(score, outcome):
    assert Outcome.of(*score) is outcome
    assert outcome.label == ("home_win", "draw", "away_win")[outcome]


@given(st.lists(st.floats(0.001, 1), min_size=3, max_size=3), st.floats(0, 20))
def test_whatever_goals_are_expected_the_margins_are_the_three_numbers(weights, total):
    home, draw, away = (0.997 * weight / sum(weights) + 0.001 for weight in weights)
    grid = score_grid(Probabilities(home, draw, away), total)
    assert grid.margins().as_tuple() == pytest.approx((home, draw, away), abs=1e-6)
    assert grid.chances.min() >= 0 and grid.chances.sum() == pytest.approx(1)
    assert 0 <= grid.both_score <= 1 and grid.over(1.5) >= grid.over(2.5) >= grid.over(3.5)


def test_more_goals_expected_are_more_goals_in_the_grid():
    totals = [sum(score_grid(Probabilities(0.45, 0.26, 0.29), total).expected_goals) for total in (1.0, 2.0, 3.0, 4.0, 6.0)]
    assert totals == sorted(totals) and totals[2] == pytest.approx(3.0, abs=0.25)
