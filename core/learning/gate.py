"""The gate that a new model passes before it may become the champion: what was checked, what came out, and in one sentence why."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from core.football.evidence import perfect_calibration
from core.football.scoring import expected_calibration_error
from core.learning.comparison import CHANCES, difference, plain
from core.learning.models import Model

ENOUGH = 3000  # common matches below which nothing is promoted
FAST = 0.5  # milliseconds that one forecast may take


def verdict(evaluation: pd.DataFrame, candidate: str, champion: str, leak: Mapping[str, Any], latency: float) -> dict[str, Any]:
    """What the walk-forward, the leak test and the clock say of a candidate recipe against the champion's, ready for JSON.

    It opens when every check holds: the whole interval of the paired log loss lies below zero, on enough matches; calibration
    is within what an exactly right forecaster would show; no forecast knew the future; one forecast takes `latency`
    milliseconds or less than FAST. A check that could not be made is null, and does not hold.
    """
    refit = candidate == champion
    found: dict[str, Any] = {"n": _number(evaluation, candidate)} if refit else difference(evaluation, candidate, champion)
    gap = found.get("log_loss")
    ece, luck = _calibration(evaluation[evaluation["recipe"] == candidate])
    checks = {
        "enough": found["n"] >= ENOUGH,
        "better": None if gap is None or gap["high"] is None else gap["high"] < 0,
        "calibrated": None if ece is None or luck is None else ece <= luck,
        "no_leak": bool(leak["ok"]) if leak.get("matches") else None,
        "fast": latency <= FAST,
    }
    return {
        "candidate": candidate,
        "champion": champion,
        "n": found["n"],
        "log_loss": gap,
        "ece": ece,
        "ece_luck": luck,
        "leak": dict(leak),
        "latency_ms": round(latency, 3),
        "checks": checks,
        "promote": all(value is True for value in checks.values()),
        "reason": _reason(refit, found["n"], checks),
    }


def _number(evaluation: pd.DataFrame, recipe: str) -> int:
    return int((evaluation["recipe"] == recipe).sum())


def _calibration(part: pd.DataFrame) -> tuple[float | None, float | None]:
    """The calibration error, and what luck alone would give."""
    chances, outcomes = part[CHANCES].to_numpy(np.float64), part["outcome"].to_numpy(np.int64)
    if not len(part):
        return None, None
    return plain(expected_calibration_error(chances, outcomes)), plain(perfect_calibration(chances))


def _reason(refit: bool, n: int, checks: Mapping[str, bool | None]) -> str:
    """The first thing that stands in the way, as a sentence."""
    if checks["no_leak"] is False:
        return "It knew the future: a changed later result moved an earlier feature. It must not serve."
    if refit:
        return "It is the champion’s own recipe, fitted anew: walking forward judges recipes and cannot tell the two apart."
    if not checks["enough"]:
        return f"Too few: {n:,} common matches, and a promotion is decided on at least {ENOUGH:,}."
    if not checks["better"]:
        return "It is not shown to be better: the interval of the difference reaches zero."
    broken = {
        "calibrated": "its calibration is worse than luck explains",
        "no_leak": "the leak test was not made",
        "fast": "it is too slow",
    }
    stands = [words for name, words in broken.items() if not checks[name]]
    return f"It is better, but {' and '.join(stands)}." if stands else "It is better, and the whole interval says so."


def latency(model: Model, times: int = 200) -> float:
    """Milliseconds that one forecast takes, the median of so many."""
    row, taken = np.zeros((1, len(model.features))), []
    for _ in range(times):
        started = time.perf_counter()
        model.predict(row)
        taken.append(time.perf_counter() - started)
    return float(np.median(taken)) * 1000
