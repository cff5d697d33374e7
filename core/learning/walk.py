"""The backtest: a table of anybody's matches, walked forward through time by one recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import LearningError
from core.football.outcomes import floored
from core.learning.kinds import YEARS_BACK, by_kind, games, outcomes
from core.learning.recipe import Kind, Recipe, columns, numbers, recipe
from core.learning.streams import Floats, Ints

RECIPES = ("champion", "challenger", "baseline")
FORECAST = ["p_home", "p_draw", "p_away"]
FEWEST = 300  # matches of its kind below which no recipe is fitted
# Home, draw, away on a home ground and on a neutral one, as football is anywhere; they stand for so many matches.
ANYWHERE, STANDS_FOR = np.array([[0.385, 0.23, 0.385], [0.45, 0.26, 0.29]]), 30
Progress = Callable[[float, str], None]
TITLES: dict[str, str] = {"clubs": "men's clubs", "women_clubs": "women's clubs", "men": "men's nations", "women": "women's nations"}


def forecast(
    matches: pd.DataFrame, name: str, since: date, until: date | None = None, progress: Progress = lambda share, words: None
) -> pd.DataFrame:
    """The checked matches from day `since` up to, not with, day `until`, ordered by day, with FORECAST, `kind`, `outcome`
    (-1 without a score) and `fresh` (a side plays its first match that is known, so the forecast is a wide one).

    Each day is forecast from earlier days, by a model fitted on matches before the first of its month. `progress` is told
    the share that is done, and of what. LearningError when there is no such recipe or nothing to forecast.
    """
    if name not in RECIPES:
        raise LearningError(f"There is no recipe {name!r}. Choose one of {', '.join(RECIPES)}.")
    first, last = pd.Timestamp(since), pd.Timestamp.max if until is None else pd.Timestamp(until)
    wanted = (matches["date"] >= first) & (matches["date"] < last)
    if not wanted.any():
        latest = f"{matches['date'].max():%Y-%m-%d}"
        raise LearningError(f"No match lies between --since and --until; the last is of {latest}. Choose an earlier --since.")
    kept = matches[(matches["date"] < last) & (matches["date"] >= first - pd.DateOffset(years=YEARS_BACK))]
    parts, done = [], 0
    for kind, part in by_kind(kept):
        parts.append(_of_kind(part, kind, name, first, _within(progress, done / len(kept), len(part) / len(kept))))
        done += len(part)
    return pd.concat(parts).sort_values(["date", "competition", "home_team", "away_team"], kind="stable").drop(columns="season")


def _within(progress: Progress, start: float, share: float) -> Progress:
    """Progress of a part that begins at `start` and is this share of the whole."""
    return lambda inner, words: progress(start + share * inner, words)


def _of_kind(matches: pd.DataFrame, kind: Kind, name: str, since: pd.Timestamp, progress: Progress) -> pd.DataFrame:
    progress(0.0, f"{TITLES[kind]}: ratings of {len(matches):,} matches")
    made, known = games(matches, kind), outcomes(matches)
    chances, fresh = np.full((len(matches), 3), np.nan), np.zeros(len(matches), bool)
    if (matches["date"] >= since).any():
        found = recipe(name, kind)
        seen = numbers(made, kind)
        fresh = np.minimum(seen["known_home"], seen["known_away"]) == 0
        rows = found.rows(columns(seen, kind))
        for share, asked, said in _months(found, rows, known, made.day, made.ground, since):
            chances[asked] = said
            progress(0.3 + 0.7 * share, f"{TITLES[kind]}: {matches['date'].iloc[asked[0]]:%B %Y}")
    told = matches.assign(kind=kind, outcome=known, fresh=fresh, **dict(zip(FORECAST, chances.T, strict=True)))
    return told[told["date"] >= since]


def _months(
    found: Recipe, rows: Floats, known: Ints, days: Ints, ground: Floats, since: pd.Timestamp
) -> Iterator[tuple[float, Ints, Floats]]:
    """Month by month the share done, the places of its matches, and their chances."""
    first = since.to_datetime64().astype("datetime64[D]").astype(np.int64)
    month = days.astype("datetime64[D]").astype("datetime64[M]")
    asked_months = np.unique(month[days >= first])
    for number, here in enumerate(asked_months, start=1):
        cut = int(here.astype("datetime64[D]").astype(np.int64))
        asked = np.flatnonzero((month == here) & (days >= first))
        before = (days < cut) & (days >= found.since(cut)) & (known >= 0)
        yield number / len(asked_months), asked, _said(found, rows, known, days, ground, before, asked, cut)


def _said(found: Recipe, rows: Floats, known: Ints, days: Ints, ground: Floats, before: NDArray[np.bool_], asked: Ints, cut: int) -> Floats:
    if before.sum() < FEWEST or len(np.unique(known[before])) < 3:
        return _wide(known[before], ground[asked])
    return found.learn(rows[before], known[before], days[before], cut).predict(rows[asked])


def _wide(seen: Ints, ground: Floats) -> Floats:
    """What football is like, bent by the few matches seen: for a kind of football that is hardly known."""
    counts = np.bincount(seen, minlength=3).astype(np.float64)
    mixed = STANDS_FOR * ANYWHERE[(ground > 0).astype(np.int64)] + counts
    return floored(mixed / mixed.sum(axis=1, keepdims=True))
