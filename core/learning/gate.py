"""The gate that a new model passes before it may become the champion: what was checked, what came out, and in one sentence why."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from core.football.evidence import perfect_calibration
from core.football.promotion import ENOUGH, Checks, checks, hindrances, passes
from core.football.scoring import Interval, expected_calibration_error
from core.learning.comparison import CHANCES, difference, plain
from core.learning.models import Floats, Model, Part

FIRST = "It is the first version of all, so there was no champion to compare it with."


def verdict(
    evaluation: pd.DataFrame,
    candidate: str,
    champion: str,
    leak: Mapping[str, Any],
    latency: Mapping[str, float],
    against: int | None = None,
    is_first: bool = False,
) -> dict[str, Any]:
    """What the walk-forward, the leak test and the clock say of a candidate recipe against the champion's, ready for JSON.

    It opens when every check holds (core.football.promotion); `latency` is what `latency` measured, whose largest counts. `against`
    is the champion's version: with the number and the days of the matches it tells of what the verdict speaks, and when it is out of date.
    `is_first`: there is no champion yet.
    """
    refit = candidate == champion
    own = evaluation[evaluation["recipe"] == candidate]
    found: dict[str, Any] = {"n": len(own)} if refit else difference(evaluation, candidate, champion)
    gap = found.get("log_loss")
    ece, luck = _calibration(own)
    slowest = max(latency, key=lambda name: latency[name])
    made = checks(_interval(gap), found["n"], ece, luck, bool(leak["ok"]) if leak.get("matches") else None, latency[slowest])
    return {
        "candidate": candidate,
        "champion": champion,
        "champion_version": against,
        "n": found["n"],
        **_span(own),
        "log_loss": gap,
        "ece": ece,
        "ece_luck": luck,
        "leak": dict(leak),
        "latency_ms": round(latency[slowest], 3),
        "latency_of": slowest,
        "checks": made,
        "promote": passes(made),
        "reason": FIRST if is_first and made["no_leak"] is not False else _reason(refit, found["n"], made),
    }


def _interval(gap: Mapping[str, float | None] | None) -> Interval | None:
    return None if gap is None else Interval(**{name: math.nan if value is None else value for name, value in gap.items()})


def _span(own: pd.DataFrame) -> dict[str, str | None]:
    """The first and the last day that was judged."""
    days = (own["date"].min(), own["date"].max())
    return dict(zip(("from", "to"), (f"{day:%Y-%m-%d}" if len(own) else None for day in days), strict=True))


def _calibration(part: pd.DataFrame) -> tuple[float | None, float | None]:
    """The calibration error, and what luck alone would give."""
    chances, outcomes = part[CHANCES].to_numpy(np.float64), part["outcome"].to_numpy(np.int64)
    if not len(part):
        return None, None
    return plain(expected_calibration_error(chances, outcomes)), plain(perfect_calibration(chances))


def _reason(refit: bool, n: int, made: Checks) -> str:
    """The first thing that stands in the way, as a sentence."""
    if made["no_leak"] is False:
        return "It knew the future: a changed later result moved an earlier feature. It must not serve."
    if refit:
        return "It is the champion’s own recipe, fitted anew: walking forward judges recipes and cannot tell the two apart."
    if not made["enough"]:
        return f"Too few: {n:,} common matches, and a promotion is decided on at least {ENOUGH:,}."
    if not made["better"]:
        return "It is not shown to be better: the interval of the difference reaches zero."
    stands = hindrances(made)
    return f"It is better, but {' and '.join(stands)}." if stands else "It is better, and the whole interval says so."


def latency(model: Model, times: int = 200) -> dict[str, float]:
    """By part of the model, the milliseconds that one forecast of a typical match of its kind takes: the median of so many."""
    return {part.name: _taken(model, _typical(model, part), times) for part in model.parts}


def _typical(model: Model, part: Part) -> Floats:
    """A row with the means of what this part was fitted on, shape (1, k): the part that is its own forecasts it."""
    row = np.zeros((1, len(model.features)))
    known = {**dict(zip(part.takes, part.means.tolist(), strict=True)), **part.where}
    for place, feature in enumerate(model.features):
        row[0, place] = known.get(feature.name, 0.0)
    return row


def _taken(model: Model, row: Floats, times: int) -> float:
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        model.predict(row)
        taken.append(time.perf_counter() - started)
    return float(np.median(taken)) * 1000
