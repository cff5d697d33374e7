"""What a number of matches can show: intervals of shares, corrections for many looks, how many more are needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, erfc, isfinite, sqrt

import numpy as np
from numpy.typing import NDArray

from core.football.outcomes import Outcome
from core.football.scoring import Interval, expected_calibration_error

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TWO_SIDED = 1.959964  # standard errors on either side of a 95% interval
EIGHTY_POWER = 0.841621  # and those more for a power of 80%


def wilson(hits: int, n: int) -> Interval:
    """A share with its 95% interval (Wilson 1927), which stays within 0 and 1 however few there are."""
    if n == 0:
        return Interval(float("nan"), 0.0, 1.0)
    share, z2 = hits / n, TWO_SIDED**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    reach = TWO_SIDED / (1 + z2 / n) * sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return Interval(share, max(0.0, centre - reach), min(1.0, centre + reach))


def p_value(difference: Interval) -> float:
    """Two-sided p of a difference of zero, from the width of its 95% interval, as if it were normal."""
    error = (difference.high - difference.low) / (2 * TWO_SIDED)
    if not isfinite(error) or error <= 0:
        return 1.0
    return erfc(abs(difference.point) / error / sqrt(2))


def false_discovery(p_values: Sequence[float]) -> list[float]:
    """Each p as a q: the false discovery rate at which it would count (Benjamini and Hochberg 1995), same order."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(-p)
    ranks = np.arange(len(p), 0, -1)
    q = np.empty(len(p))
    q[order] = np.minimum.accumulate(np.minimum(p[order] * len(p) / ranks, 1.0))
    return [float(value) for value in q]


def matches_needed(difference: Interval, n: int) -> int | None:
    """How many matches would show a difference of this size with 80% power; None when there is no difference to show."""
    error = (difference.high - difference.low) / (2 * TWO_SIDED)
    if not isfinite(error) or abs(difference.point) < 1e-9:
        return None
    return ceil(n * ((TWO_SIDED + EIGHTY_POWER) * error / difference.point) ** 2)


@dataclass(frozen=True)
class Bin:
    """Forecasts of about the same chance: their mean, the share that happened with its interval, and their number."""

    said: float
    happened: Interval
    n: int


def reliability(chances: Floats, outcomes: Ints, outcome: Outcome, bins: int = 10) -> list[Bin]:
    """What was said of one outcome against what happened, in equal-width bins; empty bins are left out.

    `chances` has shape (n, 3), `outcomes` shape (n,).
    """
    said, seen = chances[:, outcome], outcomes == outcome
    place = np.minimum((said * bins).astype(int), bins - 1)
    found = []
    for number in np.unique(place):
        member = place == number
        found.append(Bin(float(said[member].mean()), wilson(int(seen[member].sum()), int(member.sum())), int(member.sum())))
    return found


def perfect_calibration(chances: Floats, draws: int = 100, level: float = 0.95, seed: int = 1) -> float:
    """The calibration error that a forecaster who is exactly right stays below with this probability, on as many matches.

    Outcomes are drawn from the forecasts themselves; an error above this is more than luck.
    """
    random = np.random.default_rng(seed)
    steps = np.cumsum(chances, axis=1)[:, :2]
    errors = [expected_calibration_error(chances, (random.random((len(chances), 1)) > steps).sum(axis=1)) for _ in range(draws)]
    return float(np.quantile(errors, level)) if len(chances) else float("nan")
