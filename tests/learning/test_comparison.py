"""Comparison on the same matches, and the gate that opens on the interval only."""

import json

import numpy as np
import pandas as pd
import pytest

from core.learning.comparison import difference, scores, verdict
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
    found = scores(said("champion", chances, np.array([0, 1, 2, 0])))["champion"]
    assert found["n"] == 4
    assert found["log_loss"]["point"] == pytest.approx((2 * np.log(2) + 2 * np.log(4)) / 4)
    # RPS: home ((0.5)^2 + 0.25^2) / 2, draw (0.5^2 + 0.25^2) / 2, away (0.5^2 + 0.75^2) / 2
    assert found["rps"]["point"] == pytest.approx((2 * 0.15625 + 0.15625 + 0.40625) / 4)
    assert found["accuracy"]["point"] == 0.5
    assert found["rps"]["low"] <= found["rps"]["point"] <= found["rps"]["high"]


def test_only_matches_that_all_have_forecast_count():
    true, outcomes = draws(40)
    both = pd.concat([said("champion", true, outcomes), said("challenger", true[10:], outcomes[10:], first=10)])
    found = scores(both)
    assert found["champion"]["n"] == found["challenger"]["n"] == found["difference"]["n"] == 30
    assert found["difference"]["log_loss"] == {"point": 0.0, "low": 0.0, "high": 0.0}


def test_the_difference_is_the_first_minus_the_second_match_by_match():
    true, outcomes = draws(400)
    worse = 0.5 * true + 0.5 / 3
    both = pd.concat([said("champion", true, outcomes), said("challenger", worse, outcomes)])
    found = scores(both)
    assert found["difference"]["log_loss"]["point"] == pytest.approx(
        found["challenger"]["log_loss"]["point"] - found["champion"]["log_loss"]["point"]
    )
    assert difference(both, "champion", "challenger")["log_loss"]["point"] == pytest.approx(-found["difference"]["log_loss"]["point"])


@pytest.mark.parametrize(("n", "opens"), [(2900, False), (3600, True)])
def test_the_gate_opens_on_the_whole_interval_and_enough_matches_only(n, opens):
    true, outcomes = draws(n)
    both = pd.concat([said("challenger", true, outcomes), said("champion", 0.4 * true + 0.2, outcomes)])
    found = verdict(both, "challenger", "champion")
    assert found["log_loss"]["high"] < 0
    assert found["promote"] is opens


def test_the_gate_stays_shut_for_a_better_point_whose_interval_reaches_zero():
    true, outcomes = draws(3600)
    random = np.random.default_rng(5)
    noisy = [true * np.exp(random.normal(0, 0.05, true.shape)) for _ in range(2)]
    one, other = (chances / chances.sum(axis=1, keepdims=True) for chances in noisy)
    both = pd.concat([said("challenger", one, outcomes), said("champion", other, outcomes)])
    better, worse = sorted(("challenger", "champion"), key=lambda name: scores(both)[name]["log_loss"]["point"])
    found = verdict(both, better, worse)
    assert found["log_loss"]["point"] < 0 < found["log_loss"]["high"] and not found["promote"]


def test_the_gate_stays_shut_for_the_same_forecasts_and_for_nobody():
    true, outcomes = draws(3600)
    both = pd.concat([said("challenger", true, outcomes), said("champion", true, outcomes)])
    assert not verdict(both, "challenger", "champion")["promote"]
    assert verdict(both, "oracle", "champion") == {
        "candidate": "oracle",
        "champion": "champion",
        "n": 0,
        "log_loss": None,
        "promote": False,
    }


def test_a_right_forecaster_lies_within_the_luck_of_calibration_and_a_wrong_one_does_not():
    true, outcomes = draws(3000)
    found = scores(
        pd.concat([said("champion", true, outcomes), said("challenger", 0.3 * true + 0.7 * np.eye(3)[true.argmax(axis=1)], outcomes)])
    )
    assert found["champion"]["ece"] < found["champion"]["ece_luck"]
    assert found["challenger"]["ece"] > found["challenger"]["ece_luck"]


def test_scores_are_json_even_of_nothing():
    true, outcomes = draws(5)
    json.dumps(scores(said("champion", true, outcomes)), allow_nan=False)
    assert scores(EVALUATION.empty()) == {}
    disjoint = scores(pd.concat([said("champion", true, outcomes), said("challenger", true, outcomes, first=100)]))
    assert json.dumps(disjoint, allow_nan=False) and disjoint["champion"]["n"] == 0
