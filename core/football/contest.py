"""A contest: the same matches, forecast by each contestant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.football.scoring import MEASURES, Interval, block_interval, log_loss
from core.vocabulary import BASE_RATE, ELO

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


# The facts of no match at all.
_NOTHING = pd.DataFrame(
    {
        "date": pd.Series(dtype="datetime64[us]"),
        "season": pd.Series(dtype="str"),
        "competition_code": pd.Series(dtype="str"),
        "sex": pd.Series(dtype="int64"),
    }
)


@dataclass(frozen=True)
class Contest:
    """The same matches, forecast by each contestant. `facts` has date, season, competition_code, sex; all in one order."""

    facts: pd.DataFrame
    outcomes: Ints
    chances: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.outcomes)

    def where(self, wanted: NDArray[np.bool_]) -> Contest:
        return Contest(self.facts[wanted], self.outcomes[wanted], {name: rows[wanted] for name, rows in self.chances.items()})

    @property
    def days(self) -> Ints:
        days: Ints = self.facts["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
        return days

    def interval(self, name: str, measure: str) -> Interval:
        return block_interval(MEASURES[measure](self.chances[name], self.outcomes), self.days)

    def difference(self, first: str, second: str) -> Interval:
        """Mean log loss of the first less that of the second, match by match."""
        losses = [log_loss(self.chances[name], self.outcomes) for name in (first, second)]
        return block_interval(losses[0] - losses[1], self.days)


def contest(entrants: Mapping[str, pd.DataFrame]) -> Contest:
    """The matches that every entrant forecast, from EVALUATION rows by entrant; entrants without a row are left out.

    `elo` and `base_rate` are references: they make no contest alone, and the base rate is worked out from these matches where its rows
    are not given.
    """
    parts = {name: rows.set_index("match_id") for name, rows in entrants.items() if len(rows)}
    if not set(parts) - {BASE_RATE, ELO}:
        return Contest(next(iter(entrants.values()), _NOTHING).iloc[:0], np.zeros(0, dtype=np.int64), {})
    common = next(iter(parts.values())).index
    for part in parts.values():
        common = common.intersection(part.index)
    facts = next(iter(parts.values())).loc[common].sort_values("date", kind="stable")
    outcomes = facts["outcome"].to_numpy(np.int64)
    columns = ["proba_home", "proba_draw", "proba_away"]
    chances = {name: part.loc[facts.index, columns].to_numpy(np.float64) for name, part in parts.items()}
    shares = np.bincount(outcomes, minlength=3) / max(len(outcomes), 1)
    return Contest(facts, outcomes, {**chances, BASE_RATE: chances.get(BASE_RATE, np.tile(shares, (len(outcomes), 1)))})


def choices(whole: Contest) -> tuple[list[str], list[str]]:
    """Competition codes by number of matches, and seasons, the latest first."""
    facts = whole.facts
    return list(facts["competition_code"].value_counts().index), sorted(facts["season"].unique(), reverse=True)


def chosen(whole: Contest, league: str | None, season: str | None) -> Contest:
    """The matches of one league, of one season, or of both."""
    wanted = np.ones(len(whole), dtype=bool)
    if league is not None:
        wanted &= (whole.facts["competition_code"] == league).to_numpy()
    if season is not None:
        wanted &= (whole.facts["season"] == season).to_numpy()
    return whole.where(wanted)
