"""Scores against values worked out by hand, and intervals against what they promise."""

import numpy as np
import pytest

from core.football import scoring

CHANCES = np.array([[0.5, 0.3, 0.2], [0.2, 0.2, 0.6]])
OUTCOMES = np.array([0, 1])


def test_the_ranked_probability_score_knows_that_a_draw_lies_between():
    # first: ((0.5-1)^2 + (0.8-1)^2)/2; second: ((0.2-0)^2 + (0.4-1)^2)/2
    assert scoring.rps(CHANCES, OUTCOMES) == pytest.approx([0.145, 0.2])


def test_log_loss_brier_and_accuracy_by_hand():
    assert scoring.log_loss(CHANCES, OUTCOMES) == pytest.approx([-np.log(0.5), -np.log(0.2)])
    assert scoring.brier(CHANCES, OUTCOMES) == pytest.approx([0.25 + 0.09 + 0.04, 0.04 + 0.64 + 0.36])
    assert scoring.accuracy(CHANCES, OUTCOMES) == pytest.approx([1, 0])


def test_an_interval_by_match_day_is_wider_when_the_matches_of_a_day_move_together():
    random = np.random.default_rng(5)
    by_day = np.repeat(random.normal(size=60), 10)
    days = np.repeat(np.arange(60), 10)
    together = scoring.block_interval(by_day, days)
    alone = scoring.block_interval(by_day, np.arange(600))
    assert together.low < together.point < together.high
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_an_interval_covers_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(11)
    covered = 0
    for seed in range(100):
        interval = scoring.block_interval(random.normal(size=200), np.arange(200), draws=400, seed=seed)
        covered += interval.low <= 0 <= interval.high
    assert 88 <= covered <= 100


def test_no_matches_give_no_number():
    assert np.isnan(scoring.block_interval(np.array([]), np.array([], dtype=int)).point)


def test_calibration_error_is_small_for_a_forecaster_who_knows_the_odds_and_large_for_one_who_boasts():
    random = np.random.default_rng(3)
    true = random.dirichlet([3, 2, 2], size=20_000)
    outcomes = np.array([random.choice(3, p=row) for row in true])
    boasting = np.eye(3)[true.argmax(axis=1)] * 0.94 + 0.02
    assert scoring.expected_calibration_error(true, outcomes) < 0.01
    assert scoring.expected_calibration_error(boasting, outcomes) > 0.2


def test_the_interval_of_the_calibration_error_is_tight_where_every_day_is_alike_and_holds_the_point():
    random = np.random.default_rng(4)
    chances = random.dirichlet([3, 2, 2], 2000)
    outcomes = (random.random((2000, 1)) > np.cumsum(chances, axis=1)[:, :2]).sum(axis=1)
    found = scoring.calibration_interval(chances, outcomes, np.arange(2000) // 10)
    assert found.point == scoring.expected_calibration_error(chances, outcomes) and found.low < found.point < found.high < 0.05
    alike = scoring.calibration_interval(np.tile(chances[:10], (50, 1)), np.tile(outcomes[:10], 50), np.arange(500) // 10)
    assert alike.low == pytest.approx(alike.point) == pytest.approx(alike.high)
    assert np.isnan(scoring.calibration_interval(chances[:0], outcomes[:0], outcomes[:0]).point)
