"""Shares: the axioms by which they are the only fair ones, and a sum worked out by hand."""

import numpy as np
import pytest

from core.learning.shapley import shares

ROW, AVERAGE = np.array([2.0, 3.0, 5.0, 1.0]), np.array([1.0, 1.0, 1.0, 1.0])


def test_the_shares_of_a_product_worked_out_by_hand():
    # x y from (1, 1) to (2, 3): x first gives 1 then 4, y first gives 2 then 3; the means are 2 and 3.
    found = shares(lambda rows: rows[:, 0] * rows[:, 1], ROW, AVERAGE, ["x", "y", "z", "w"])
    assert found == pytest.approx({"x": 2.0, "y": 3.0, "z": 0.0, "w": 0.0})


def test_they_sum_to_the_difference_and_groups_go_together():
    random = np.random.default_rng(1)
    curves = random.normal(size=(4, 8))

    def value(rows):
        return np.tanh(rows @ curves).sum(axis=1)

    for groups in (list("abcd"), list("abab"), list("aaaa")):
        found = shares(value, ROW, AVERAGE, groups)
        assert sum(found.values()) == pytest.approx(value(ROW[None])[0] - value(AVERAGE[None])[0], abs=1e-12)
        assert list(found) == list(dict.fromkeys(groups))


def test_what_changes_nothing_gets_nothing_and_twins_get_the_same():
    found = shares(lambda rows: np.exp(rows[:, 0] + rows[:, 1]), np.array([2.0, 2.0, 9.0]), np.zeros(3), ["one", "two", "none"])
    assert found["none"] == 0 and found["one"] == pytest.approx(found["two"])


def test_the_average_itself_has_no_shares():
    assert set(shares(lambda rows: rows.sum(axis=1), AVERAGE, AVERAGE, list("abcd")).values()) == {0.0}
