"""The leak test on the data at hand: later results are scrambled, and no feature of an earlier day may move by a bit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from core.football.raw import SHOTS
from core.learning.features import build_features
from core.learning.kinds import by_kind, of_table, outcomes
from core.learning.recipe import FEATURES, Kind

MOST = 1500  # of the latest matches of each kind of football
SHARE = 0.8  # of a kind's matches lie before the day from which all is scrambled


def leak_test(matches: pd.DataFrame, seed: int = 1) -> dict[str, Any]:
    """{ok, matches, moved, kinds} of the latest played matches of a MATCHES frame.

    `moved` names the features that knew more; `kinds` has for each kind of football {matches, day}: from its day on its results
    were changed.
    """
    moved: set[str] = set()
    kinds: dict[str, dict[str, Any]] = {}
    for kind, recent in _recent(matches):
        day = pd.Timestamp(recent["date"].iloc[int(SHARE * len(recent))])
        moved |= _moved(recent, day, seed)
        kinds[kind] = {"matches": len(recent), "day": f"{day:%Y-%m-%d}"}
    number = sum(one["matches"] for one in kinds.values())
    return {"ok": bool(number) and not moved, "matches": number, "moved": [name for name in FEATURES if name in moved], "kinds": kinds}


def covers(leak: Mapping[str, Any], matches: pd.DataFrame) -> bool:
    """Whether this test passed, and of every kind of football there is now saw half of what a new one would see."""
    seen: Mapping[str, Any] = leak.get("kinds", {})
    return bool(leak["ok"]) and all(2 * seen.get(kind, {"matches": 0})["matches"] >= len(recent) for kind, recent in _recent(matches))


def _recent(matches: pd.DataFrame) -> Iterator[tuple[Kind, pd.DataFrame]]:
    """The latest played matches of each kind, ordered by day."""
    played = matches[matches["status"] == "finished"].reset_index(drop=True)
    for kind, part in by_kind(of_table(played)):
        yield kind, played.loc[part.index[-MOST:]].reset_index(drop=True)


def _moved(recent: pd.DataFrame, day: pd.Timestamp, seed: int) -> set[str]:
    """The features of matches up to this day that other results from it on move."""
    before, after = build_features(recent), build_features(_scrambled(recent, day, seed))
    known = (before["date"] <= day).to_numpy()
    return {name for name in FEATURES if before[name].to_numpy()[known].tobytes() != after[name].to_numpy()[known].tobytes()}


def _scrambled(matches: pd.DataFrame, day: pd.Timestamp, seed: int) -> pd.DataFrame:
    """The same matches with other scores and shots from this day on; none has the outcome that it had."""
    random, later = np.random.default_rng(seed), matches.index[matches["date"] >= day]
    other = (outcomes(matches.loc[later]) + random.integers(1, 3, len(later))) % 3
    goals, margin = random.integers(0, 6, len(later)), random.integers(1, 4, len(later))
    told = {"home_score": goals + margin * (other == 0), "away_score": goals + margin * (other == 2)}
    told |= {name: random.integers(0, 30, len(later)) for name in SHOTS}
    changed = matches.copy()
    changed.loc[later, list(told)] = np.column_stack(list(told.values())).astype(np.float64)
    return changed
