"""Whose doing a forecast is: its difference from another, shared out among groups of columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import factorial

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def shares(value: Callable[[Floats], Floats], row: Floats, average: Floats, groups: Sequence[str]) -> dict[str, float]:
    """Each group's part of value(row) - value(average); `groups` names each column's, and the parts sum to the difference.

    Baseline Shapley values (L. Shapley 1953, "A value for n-person games"; M. Sundararajan and A. Najmi 2020, "The many
    Shapley values for model explanation"): a group's part is what its columns change when they go from the average to the
    row, averaged over every order in which the groups may go. Exact: all 2^groups rows are valued, in one call.
    """
    found = dict.fromkeys(groups, 0.0)
    moving = [group for group in found if any(name == group and row[place] != average[place] for place, name in enumerate(groups))]
    number = len(moving)
    gone = (np.arange(2**number)[:, None] >> np.arange(number)) & 1
    place = np.array([moving.index(group) if group in moving else number for group in groups], dtype=np.int64)
    there = np.column_stack([gone, np.zeros(len(gone), np.int64)])[:, place]
    values = value(np.where(there == 1, row, average))
    others = gone.sum(axis=1)
    weight = np.array([factorial(size) * factorial(max(number - size - 1, 0)) for size in range(number + 1)]) / factorial(number)
    for at, group in enumerate(moving):
        before = np.flatnonzero(gone[:, at] == 0)
        found[group] = float(weight[others[before]] @ (values[before | (1 << at)] - values[before]))
    return found
