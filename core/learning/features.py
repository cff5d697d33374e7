"""What was known of a match before its day: strengths, stakes, form, rest. A feature uses matches of strictly earlier days only."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.learning.kinds import of_table, outcomes
from core.learning.memory import Checkpoint, Memory, known_before
from core.tables import FEATURES_LEAD

Floats = NDArray[np.float64]

FIRST_DAY = pd.Timestamp(1980, 1, 1)  # what lies further back tells nothing of today's teams, and costs time


def build_features(matches: pd.DataFrame) -> pd.DataFrame:
    """A row for each match of a MATCHES frame since 1980, played or not, ordered by day and match id.

    The columns of FEATURES_LEAD, then those of FEATURES as float64. Form is missing where a side has no earlier match.
    Only matches that were really played are learnt from: an awarded or abandoned one moves nothing.
    """
    return build_on(matches, None, None)[0]


def build_on(matches: pd.DataFrame, today: date | None, memory: Memory | None) -> tuple[pd.DataFrame, list[Checkpoint]]:
    """The same, going on from the `memory` of an earlier run, whose features are indexed by match id; and the checkpoints
    that the next run may go on from."""
    recent = matches[matches["date"] >= FIRST_DAY].sort_values(["date", "match_id"], kind="stable")
    meetings = of_table(recent.set_index("match_id", drop=False).rename_axis("id"))
    outcome = outcomes(meetings).astype(np.float64)
    lead = recent.assign(outcome=np.where(outcome < 0, np.nan, outcome))[list(FEATURES_LEAD)].reset_index(drop=True)
    found, points = known_before(meetings, None if today is None else int(np.datetime64(today, "D").astype(np.int64)), memory)
    return pd.concat([lead, found.reset_index(drop=True)], axis=1), points


def labelled(features: pd.DataFrame) -> pd.DataFrame:
    """The rows that a model may be fitted on or judged by: played, and decided on the pitch within 90 minutes."""
    return features[features["label_ok"] & features["outcome"].notna()]


def hardly_known(features: pd.DataFrame) -> NDArray[np.bool_]:
    """Where a side plays the first of its matches that is known, or a league has its first day: what is said is marked."""
    first = features[["known_home", "known_away"]].min(axis=1) == 0
    found: NDArray[np.bool_] = (first | (features["new_league"] > 0)).to_numpy(bool)
    return found


def expected_total(features: pd.DataFrame) -> Floats:
    """The goals of both sides that the joint ratings expect of each match."""
    total: Floats = np.exp(features[["joint_home", "joint_away"]].to_numpy(np.float64)).sum(axis=1)
    return total
