import numpy as np
import pytest

from core.football.evidence import false_discovery, matches_needed, p_value, perfect_calibration, reliability, wilson
from core.football.outcomes import Outcome
from core.football.scoring import Interval


def test_wilson_agrees_with_the_published_example_and_never_leaves_zero_to_one():
    # Newcombe 1998, Statistics in Medicine 17: 857, table I: 81 of 263 gives 0.2553 to 0.3662; 0 of 20 gives 0 to 0.1611
    assert (wilson(81, 263).low, wilson(81, 263).high) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert (wilson(0, 20).low, wilson(0, 20).high) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(5, 5).high == pytest.approx(1.0)
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0.0, 1.0)


def test_false_discovery_rates_are_those_of_benjamini_and_hochberg():
    # their table 1 (1995): 15 p values, of which the first four are found at q = 0.05
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    q = false_discovery(p)
    assert [value <= 0.05 for value in q] == [True] * 4 + [False] * 11
    assert false_discovery(p[::-1]) == q[::-1]
    assert false_discovery([]) == []


def test_a_difference_two_standard_errors_from_zero_has_p_near_five_per_cent():
    assert p_value(Interval(1.959964, 0.0, 2 * 1.959964)) == pytest.approx(0.05, abs=1e-6)
    assert p_value(Interval(0.0, 0.0, 0.0)) == 1.0


def test_half_the_difference_needs_four_times_the_matches():
    one, half = matches_needed(Interval(-0.004, -0.008, 0.0), 1000), matches_needed(Interval(-0.002, -0.006, 0.002), 1000)
    assert half == pytest.approx(4 * one, rel=0.01)
    assert matches_needed(Interval(0.0, -0.004, 0.004), 1000) is None


def test_bins_hold_every_forecast_once():
    random = np.random.default_rng(1)
    chances = random.dirichlet([3, 2, 2], size=500)
    bins = reliability(chances, random.integers(0, 3, 500), Outcome.AWAY)
    assert sum(found.n for found in bins) == 500
    assert all(found.happened.low <= found.happened.point <= found.happened.high for found in bins)
    assert [found.said for found in bins] == sorted(found.said for found in bins)


def test_a_perfect_forecaster_is_never_perfectly_calibrated_on_few_matches():
    chances = np.random.default_rng(1).dirichlet([3, 2, 2], size=2000)
    assert 0.005 < perfect_calibration(chances) < perfect_calibration(chances[:200])
