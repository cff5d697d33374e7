"""Any recipe, walked forward through time: each forecast by a model fitted on matches before the first of its month."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.football.outcomes import floored
from core.learning.features import labelled
from core.learning.training import fit, inputs
from core.tables import EVALUATION

Floats = NDArray[np.float64]
Progress = Callable[[int, int], None]

BASE_RATE = "base_rate"
ENOUGH_OF_A_LEAGUE = 100


def walk_forward(
    features: pd.DataFrame, recipe: str, since: date, until: date | None = None, progress: Progress | None = None
) -> pd.DataFrame:
    """EVALUATION rows for the labelled matches from day `since` up to, not with, day `until`.

    `progress` is told how many of how many months are done. LearningError when there is too little to begin with.
    """
    parts = []
    for done, months, part, before in _months(features, since, until):
        model = fit(recipe, before)
        parts.append(_evaluated(part, recipe, model.predict(inputs(part, model.features))))
        if progress:
            progress(done, months)
    return _joined(parts)


def base_rates(features: pd.DataFrame, since: date, until: date | None = None) -> pd.DataFrame:
    """The yardstick that knows no team, as EVALUATION rows: how often each outcome came in the competition's matches
    before the first of the month, or in those of all competitions where it has fewer than a hundred.
    """
    parts = []
    for _, _, part, before in _months(features, since, until):
        for code, matches in part.groupby("competition_code"):
            own = before[before["competition_code"] == code]
            known = own if len(own) >= ENOUGH_OF_A_LEAGUE else before
            counts = np.bincount(known["outcome"].to_numpy(np.int64), minlength=3) + 1.0
            parts.append(_evaluated(matches, BASE_RATE, floored(np.tile(counts / counts.sum(), (len(matches), 1)))))
    return _joined(parts)


def _months(features: pd.DataFrame, since: date, until: date | None) -> Iterator[tuple[int, int, pd.DataFrame, pd.DataFrame]]:
    """Month by month: its place from 1, how many there are, its matches, and all that were played before its first day."""
    rows = labelled(features).sort_values(["date", "match_id"])
    last = rows["date"].max() + pd.Timedelta(days=1) if until is None else pd.Timestamp(until)
    wanted = rows[(rows["date"] >= pd.Timestamp(since)) & (rows["date"] < last)]
    months = wanted.groupby(wanted["date"].dt.to_period("M"))
    for done, (month, part) in enumerate(months, start=1):
        yield done, len(months), part, rows[rows["date"] < month.start_time]


def _evaluated(part: pd.DataFrame, recipe: str, chances: Floats) -> pd.DataFrame:
    said = {name: chances[:, place] for place, name in enumerate(("proba_home", "proba_draw", "proba_away"))}
    return EVALUATION.check(part.assign(recipe=recipe, **said).reset_index(drop=True))


def _joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True).sort_values(["date", "match_id"], ignore_index=True) if parts else EVALUATION.empty()
