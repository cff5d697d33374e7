"""Any recipe, walked forward through time: each forecast by a model fitted on matches before the first of its month."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.football.outcomes import floored
from core.learning.features import labelled
from core.learning.kinds import days
from core.learning.recipe import Part
from core.learning.training import known_recipe, learn
from core.tables import EVALUATION

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Progress = Callable[[float, str], None]

BASE_RATE = "base_rate"
ENOUGH_OF_A_LEAGUE = 100


def walk(table: pd.DataFrame, name: str, since: date, until: date | None = None, progress: Progress = lambda share, words: None) -> Floats:
    """What the recipe said of the rows of a features table from day `since` up to, not with, day `until`, shape (n, 3);
    missing for all other rows. `progress` is told the share that is done, and of what.
    """
    found = known_recipe(name)
    chances = np.full((len(table), 3), np.nan)
    parts = [(part, np.flatnonzero(part.own(table))) for part in found.parts]
    done, total = 0, max(sum(len(own) for _, own in parts), 1)
    for part, own in parts:
        for share, asked, said in _months(part, table.iloc[own], since, until):
            chances[own[asked]] = said
            progress((done + share * len(own)) / total, f"{part.name}: {table['date'].iloc[own[asked[0]]]:%B %Y}")
        done += len(own)
    return chances


def _months(part: Part, table: pd.DataFrame, since: date, until: date | None) -> Iterator[tuple[float, Ints, Floats]]:
    """Month by month the share done, the places of its matches in the table, and their chances."""
    played, rows = days(table["date"]), part.rows(table)
    known = (table["label_ok"] & table["outcome"].notna()).to_numpy(bool)
    outcomes = table["outcome"].fillna(-1).to_numpy(np.int64)
    last = np.inf if until is None else _day(until)
    wanted = (played >= _day(since)) & (played < last)
    month = played.astype("datetime64[D]").astype("datetime64[M]")
    months = np.unique(month[wanted])
    for number, here in enumerate(months, start=1):
        first = int(here.astype("datetime64[D]").astype(np.int64))
        before, asked = known & (played < first), np.flatnonzero((month == here) & wanted)
        learner = learn(part, rows[before], outcomes[before], played[before], first)
        yield number / len(months), asked, learner.predict(rows[asked])


def _day(day: date) -> int:
    return int(np.datetime64(day, "D").astype(np.int64))


def evaluated(features: pd.DataFrame, names: tuple[str, ...], since: date, until: date | None = None) -> pd.DataFrame:
    """EVALUATION rows of these recipes for the labelled matches from day `since` up to, not with, day `until`."""
    rows = labelled(features).sort_values(["date", "match_id"], ignore_index=True)
    parts = [_rows(rows, name, walk(rows, name, since, until)) for name in names]
    return pd.concat(parts, ignore_index=True) if parts else EVALUATION.empty()


def base_rates(features: pd.DataFrame, since: date, until: date | None = None) -> pd.DataFrame:
    """The yardstick that knows no team, as EVALUATION rows: how often each outcome came in the competition's matches
    before the first of the month, or in all matches of its kind of football where it has fewer than a hundred.
    """
    rows = labelled(features).sort_values(["date", "match_id"], ignore_index=True)
    last = pd.Timestamp.max if until is None else pd.Timestamp(until)
    wanted = rows[(rows["date"] >= pd.Timestamp(since)) & (rows["date"] < last)]
    chances = np.full((len(rows), 3), np.nan)
    for month, part in wanted.groupby(wanted["date"].dt.to_period("M")):
        before = rows[rows["date"] < month.start_time]
        for (sex, national, code), matches in part.groupby(["sex", "national", "competition_code"]):
            kind = before[(before["sex"] == sex) & (before["national"] == national)]
            own = kind[kind["competition_code"] == code]
            known = own if len(own) >= ENOUGH_OF_A_LEAGUE else kind
            counts = np.bincount(known["outcome"].to_numpy(np.int64), minlength=3) + 1.0
            chances[matches.index] = floored((counts / counts.sum())[None, :])
    return _rows(rows, BASE_RATE, chances)


def _rows(rows: pd.DataFrame, name: str, chances: Floats) -> pd.DataFrame:
    there = ~np.isnan(chances[:, 0])
    said = {f"proba_{side}": chances[there, place] for place, side in enumerate(("home", "draw", "away"))}
    return EVALUATION.check(rows[there].assign(recipe=name, **said).reset_index(drop=True))
