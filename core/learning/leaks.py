"""The leak test on the data at hand: later results are scrambled, and no feature of an earlier day may move by a bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from core.football.places import INTERNATIONAL
from core.learning.features import build_features
from core.learning.recipe import FEATURES

MOST = 1500  # of each sex's latest matches of clubs and of nations
SHARE = 0.8  # of the matches lie before the day from which all is scrambled


def leak_test(matches: pd.DataFrame, seed: int = 1) -> dict[str, Any]:
    """{ok, matches, day, moved} of the latest played matches of a MATCHES frame; `moved` names the features that knew more."""
    played = matches[matches["status"] == "finished"].sort_values(["date", "match_id"])
    recent = played.groupby([played["sex"], played["country"] == INTERNATIONAL]).tail(MOST).reset_index(drop=True)
    if recent.empty:
        return {"ok": False, "matches": 0, "day": None, "moved": []}
    day = pd.Timestamp(recent["date"].iloc[int(SHARE * len(recent))])
    before, after = build_features(recent), build_features(_scrambled(recent, day, seed))
    known = (before["date"] <= day).to_numpy()
    moved = [name for name in FEATURES if before[name].to_numpy()[known].tobytes() != after[name].to_numpy()[known].tobytes()]
    return {"ok": not moved, "matches": len(recent), "day": f"{day:%Y-%m-%d}", "moved": moved}


def _scrambled(matches: pd.DataFrame, day: pd.Timestamp, seed: int) -> pd.DataFrame:
    """The same matches with other scores from this day on."""
    random, later = np.random.default_rng(seed), (matches["date"] >= day).to_numpy()
    changed = matches.copy()
    changed.loc[later, ["home_score", "away_score"]] = random.integers(0, 9, (int(later.sum()), 2)).astype(np.float64)
    return changed
