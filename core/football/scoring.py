"""How good forecasts were: RPS, log loss, Brier, accuracy, calibration, and intervals by match day.

Throughout, `chances` has shape (n, 3), columns home, draw, away, rows summing to one; `outcomes` has shape (n,), 0, 1 or 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def happened(outcomes: Ints) -> Floats:
    """Outcomes as rows of 0 and 1, shape (n, 3)."""
    return np.eye(3)[outcomes]


def rps(chances: Floats, outcomes: Ints) -> Floats:
    """Ranked probability score of each match, 0 (best) to 1 (Epstein 1969; Constantinou and Fenton 2012)."""
    gaps = np.cumsum(chances - happened(outcomes), axis=1)[:, :2]
    scores: Floats = (gaps**2).sum(axis=1) / 2
    return scores


def log_loss(chances: Floats, outcomes: Ints) -> Floats:
    """Minus the natural logarithm of the chance given to what happened, for each match; nats."""
    scores: Floats = -np.log(np.clip(chances[np.arange(len(outcomes)), outcomes], 1e-15, 1))
    return scores


def brier(chances: Floats, outcomes: Ints) -> Floats:
    """Sum over the three outcomes of the squared gap, for each match, 0 to 2 (Brier 1950)."""
    scores: Floats = ((chances - happened(outcomes)) ** 2).sum(axis=1)
    return scores


def accuracy(chances: Floats, outcomes: Ints) -> Floats:
    """1 where the likeliest outcome happened, else 0."""
    hits: Floats = (chances.argmax(axis=1) == outcomes).astype(np.float64)
    return hits


MEASURES = {"log_loss": log_loss, "rps": rps, "brier": brier, "accuracy": accuracy}


@dataclass(frozen=True)
class Interval:
    """A mean with its interval: point, low, high."""

    point: float
    low: float
    high: float


def block_interval(values: Floats, blocks: Ints, level: float = 0.95, draws: int = 2000, seed: int = 1) -> Interval:
    """The mean of `values` with a percentile bootstrap interval over whole blocks (match days), since the matches of
    one day share news and weather. `blocks`, shape (n,), names each value's block.
    """
    if len(values) == 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    _, member = np.unique(blocks, return_inverse=True)
    sums = np.bincount(member, weights=values)
    sizes = np.bincount(member).astype(np.float64)
    random = np.random.default_rng(seed)
    picks = random.integers(0, len(sums), size=(draws, len(sums)))
    means = sums[picks].sum(axis=1) / sizes[picks].sum(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(values.mean()), float(low), float(high))


def expected_calibration_error(chances: Floats, outcomes: Ints, bins: int = 10) -> float:
    """Mean gap between said and happened over equal-width bins, all three outcomes together, weighted by count."""
    said, seen = chances.ravel(), happened(outcomes).ravel()
    place = np.minimum((said * bins).astype(int), bins - 1)
    counts = np.bincount(place, minlength=bins)
    gaps = np.abs(np.bincount(place, weights=said, minlength=bins) - np.bincount(place, weights=seen, minlength=bins))
    return float(gaps.sum() / max(counts.sum(), 1))


def calibration_interval(chances: Floats, outcomes: Ints, blocks: Ints, bins: int = 10, draws: int = 1000, seed: int = 1) -> Interval:
    """The calibration error with a percentile bootstrap interval over whole blocks (match days).

    A resample is rougher than the sample, so the interval leans upwards: judge the point against what luck alone gives.
    """
    if len(outcomes) == 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    point = expected_calibration_error(chances, outcomes, bins)
    _, member = np.unique(blocks, return_inverse=True)
    number = int(member.max()) + 1
    place = np.minimum((chances * bins).astype(int), bins - 1) + bins * member[:, None]
    gaps = np.bincount(place.ravel(), weights=(chances - happened(outcomes)).ravel(), minlength=bins * number).reshape(number, bins)
    sizes = np.bincount(member).astype(np.float64)
    picks = np.random.default_rng(seed).multinomial(number, np.full(number, 1 / number), size=draws).astype(np.float64)
    errors = np.abs(picks @ gaps).sum(axis=1) / (3 * (picks @ sizes))
    low, high = np.quantile(errors, [0.025, 0.975])
    return Interval(point, float(low), float(high))
