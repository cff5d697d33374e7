"""`match_features.parquet` in memory: each match's features as one row of an array, found by its id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import TableInvalid
from core.serving.parsing import Floats, Ints, Row, by_match_id, place, plain, read_parquet, refusing
from core.tables import MATCH_FEATURES_LEAD
from core.vocabulary import FEATURES_FILE

_LISTED = {
    "homeTeamName": "home_team",
    "awayTeamName": "away_team",
    "startTimeUtc": "kickoff_utc",
    "match_date": "match_date",
    "competition": "competition",
    "competition_code": "competition_code",
    "country": "country",
    "season": "season",
    "round": "round",
    "sex": "sex",
    "home_team_id": "home_team_id",
    "away_team_id": "away_team_id",
}


@dataclass(frozen=True)
class FeatureTable:
    """`ids` ascending, shape (n,); `values` shape (n, k), columns as `names`; `incomplete` marks rows with a missing value.

    `frame` is all of it, labels too, for views; `upcoming` are the matches to come, by kick-off.
    """

    ids: Ints
    names: tuple[str, ...]
    values: Floats
    sex: Ints
    incomplete: NDArray[np.bool_]
    frame: pd.DataFrame
    upcoming: list[dict[str, Any]]

    @classmethod
    def read(cls, data: bytes) -> FeatureTable:
        """The table in a Parquet file; TableInvalid says what is wrong with it."""
        with refusing(FEATURES_FILE):
            given = by_match_id(FEATURES_FILE, read_parquet(data))
            if given.index.has_duplicates:
                raise TableInvalid(f"{FEATURES_FILE} holds a match twice. Run the pipeline again to make it anew.")
            lead = MATCH_FEATURES_LEAD.check(given)
            names = tuple(column for column in given.columns if column not in lead.columns)
            values = np.ascontiguousarray(given[list(names)].to_numpy(dtype=np.float64, na_value=np.nan))
            if np.isinf(values).any():
                raise TableInvalid(f"{FEATURES_FILE} holds a feature that is infinite. Run the pipeline again to make it anew.")
            # The frame's numbers are the array's own memory, not a copy of it.
            features = pd.DataFrame(values, index=given.index, columns=pd.Index(names), copy=False)
            frame = pd.concat([lead, features], axis=1)
            incomplete = np.isnan(values.sum(axis=1))
            return cls(given.index.to_numpy(), names, values, lead["sex"].to_numpy(), incomplete, frame, _upcoming(lead))

    def row(self, match_id: object) -> Row | None:
        """The features of a match, `sex` among them, never a label; None for a match that is not here."""
        at = place(self.ids, match_id)
        if at is None:
            return None
        numbers = self.values[at]
        row = Row(zip(self.names, numbers.tolist(), strict=True))
        row["sex"] = int(self.sex[at])
        if self.incomplete[at]:
            row.update({self.names[column]: None for column in np.flatnonzero(np.isnan(numbers))})
        return row

    def average(self, match_id: object) -> Row | None:
        """What the matches of the same competition have in each feature, in the mean, as a row; None for a match that is not here."""
        at = place(self.ids, match_id)
        if at is None:
            return None
        codes = self.frame["competition_code"].to_numpy()
        league = (codes == codes[at]) & (self.sex == self.sex[at])
        there = ~np.isnan(self.values[league])
        means = np.where(there, self.values[league], 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
        return Row(zip(self.names, means.tolist(), strict=True), sex=int(self.sex[at]))


def _upcoming(lead: pd.DataFrame) -> list[dict[str, Any]]:
    """The matches to come, by kick-off, or by day where that is all that is known: who, when, where."""
    frame = lead[lead["is_future"]]
    # A day without a kick-off counts as its noon: a sensible place among those with one.
    noon = (frame["match_date"] + pd.Timedelta(hours=12)).dt.tz_localize("UTC")
    order = frame["startTimeUtc"].fillna(noon).argsort(kind="stable")
    shown = frame[list(_LISTED)].rename(columns=_LISTED).iloc[order]
    rows = shown.reset_index().to_dict("records")
    return [{str(name): plain(value) for name, value in row.items()} for row in rows]
