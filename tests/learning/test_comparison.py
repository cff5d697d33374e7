"""Comparison on the same matches."""

import json

import numpy as np
import pandas as pd
import pytest

from core.learning.comparison import difference, scores
from core.tables import EVALUATION


def said(recipe, chances, outcomes, first=0):
    n = len(outcomes)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(n) // 4, "D")
    rows = {"match_id": np.arange(first + 1, first + n + 1), "recipe": recipe, "date": days, "outcome": outcomes}
    rows |= {"season": "2023-24", "competition_code": "ned.1", "sex": 0}
    return EVALUATION.check(pd.DataFrame(rows).assign(**dict(zip(("proba_home", "proba_draw", "proba_away"), chances.T, strict=True))))


def draws(n, seed=1):
    random = np.random.default_rng(seed)
    true = random.dirichlet([4, 2.5, 3], n)
    outcomes = (random.random((n, 1)) > np.cumsum(true, axis=1)[:, :2]).sum(axis=1)
    return true, outcomes


def test_scores_of_four_matches_by_hand():
    chances = np.array([[0.5, 0.25, 0.25]] * 4)
    found = scores(said("joint_boosted", chances, np.array([0, 1, 2, 0])))["joint_boosted"]
    assert found["n"] == 4
    assert found["log_loss"]["point"] == pytest.approx((2 * np.log(2) + 2 * np.log(4)) / 4)
    # RPS: home ((0.5)^2 + 0.25^2) / 2, draw (0.5^2 + 0.25^2) / 2, away (0.5^2 + 0.75^2) / 2
    assert found["rps"]["point"] == pytest.approx((2 * 0.15625 + 0.15625 + 0.40625) / 4)
    assert found["accuracy"]["point"] == 0.5
    assert found["rps"]["low"] <= found["rps"]["point"] <= found["rps"]["high"]


def test_only_matches_that_all_have_forecast_count():
    true, outcomes = draws(40)
    both = pd.concat([said("joint_boosted", true, outcomes), said("six_ratings", true[10:], outcomes[10:], first=10)])
    found, apart = scores(both), difference(both, "six_ratings", "joint_boosted")
    assert found["joint_boosted"]["n"] == found["six_ratings"]["n"] == apart["n"] == 30
    assert apart["log_loss"] == {"point": 0.0, "low": 0.0, "high": 0.0}


def test_the_difference_is_the_first_minus_the_second_match_by_match():
    true, outcomes = draws(400)
    worse = 0.5 * true + 0.5 / 3
    both = pd.concat([said("joint_boosted", true, outcomes), said("six_ratings", worse, outcomes)])
    found, apart = scores(both), difference(both, "six_ratings", "joint_boosted")
    assert apart["log_loss"]["point"] == pytest.approx(
        found["six_ratings"]["log_loss"]["point"] - found["joint_boosted"]["log_loss"]["point"]
    )
    assert difference(both, "joint_boosted", "six_ratings")["log_loss"]["point"] == pytest.approx(-apart["log_loss"]["point"])


def test_a_right_forecaster_lies_within_the_luck_of_calibration_and_a_wrong_one_does_not():
    true, outcomes = draws(3000)
    found = scores(
        pd.concat([said("joint_boosted", true, outcomes), said("six_ratings", 0.3 * true + 0.7 * np.eye(3)[true.argmax(axis=1)], outcomes)])
    )
    assert found["joint_boosted"]["ece"] < found["joint_boosted"]["ece_luck"]
    assert found["six_ratings"]["ece"] > found["six_ratings"]["ece_luck"]


def test_scores_are_json_even_of_nothing():
    true, outcomes = draws(5)
    json.dumps(scores(said("joint_boosted", true, outcomes)), allow_nan=False)
    assert scores(EVALUATION.empty()) == {}
    disjoint = scores(pd.concat([said("joint_boosted", true, outcomes), said("six_ratings", true, outcomes, first=100)]))
    assert json.dumps(disjoint, allow_nan=False) and disjoint["joint_boosted"]["n"] == 0
