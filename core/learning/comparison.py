"""Recipes and versions judged on the same matches."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.football.evidence import perfect_calibration
from core.football.scoring import MEASURES, block_interval, expected_calibration_error

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CHANCES = ["proba_home", "proba_draw", "proba_away"]


def scores(evaluation: pd.DataFrame) -> dict[str, Any]:
    """Every recipe of an EVALUATION frame on the matches that all of them forecast.

    By recipe: n; log_loss, rps, brier and accuracy as {point, low, high}; ece, and ece_luck, which an exactly right
    forecaster stays below in 95 of 100 cases.
    """
    return {recipe: _scores(part) for recipe, part in _common(evaluation).items()}


def difference(evaluation: pd.DataFrame, first: str, second: str) -> dict[str, Any]:
    """`first` minus `second`, match by match: {n, log_loss, rps, brier, accuracy}, each measure as {point, low, high}."""
    parts = _common(evaluation[evaluation["recipe"].isin([first, second])])
    if set(parts) != {first, second}:
        return {"n": 0}
    outcomes, days = _facts(parts[first])
    gaps = {
        name: measure(_chances(parts[first]), outcomes) - measure(_chances(parts[second]), outcomes) for name, measure in MEASURES.items()
    }
    return {"n": len(outcomes), **{name: _interval(values, days) for name, values in gaps.items()}}


def _common(evaluation: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """By recipe, the rows of the matches that all recipes forecast, in one order."""
    parts = {str(recipe): part.set_index("match_id") for recipe, part in evaluation.groupby("recipe", sort=False)}
    shared = None
    for part in parts.values():
        shared = part.index if shared is None else shared.intersection(part.index)
    if shared is None:
        return {}
    return {recipe: part.loc[shared].sort_values("date", kind="stable") for recipe, part in parts.items()}


def _scores(part: pd.DataFrame) -> dict[str, Any]:
    chances, (outcomes, days) = _chances(part), _facts(part)
    return {
        "n": len(outcomes),
        **{name: _interval(measure(chances, outcomes), days) for name, measure in MEASURES.items()},
        "ece": plain(expected_calibration_error(chances, outcomes)) if len(outcomes) else None,
        "ece_luck": plain(perfect_calibration(chances)) if len(outcomes) else None,
    }


def _chances(part: pd.DataFrame) -> Floats:
    return part[CHANCES].to_numpy(np.float64)


def _facts(part: pd.DataFrame) -> tuple[Ints, Ints]:
    """Outcomes, and match days as numbers."""
    days = part["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    return part["outcome"].to_numpy(np.int64), days


def _interval(values: Floats, days: Ints) -> dict[str, float | None]:
    return {name: plain(value) for name, value in asdict(block_interval(values, days)).items()}


def plain(value: float) -> float | None:
    """A number for JSON: a missing one is null."""
    return float(value) if np.isfinite(value) else None
