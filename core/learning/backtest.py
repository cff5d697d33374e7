"""The backtest: a table of anybody's matches, walked forward through time by one recipe, with Elo beside it."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from core import vocabulary
from core.errors import LearningError
from core.learning import dixon_coles
from core.learning.features import hardly_known
from core.learning.kinds import of_file, outcomes
from core.learning.memory import known_before
from core.learning.recipe import SERVED, TITLES, WHERE
from core.learning.walk import Progress, walk
from core.vocabulary import recipe_id

FORECAST = ["p_home", "p_draw", "p_away"]
ELO = ["elo_home", "elo_draw", "elo_away"]
DIXON_COLES = "dixon-coles"
ASKED_FOR = (*SERVED, vocabulary.ELO, DIXON_COLES)
YEARS_BACK = 45  # further back than that no kind of football is streamed


def forecast(
    matches: pd.DataFrame, name: str, since: date, until: date | None = None, progress: Progress = lambda share, words: None
) -> pd.DataFrame:
    """The checked matches from day `since` up to, not with, day `until`, ordered by day, with FORECAST, ELO, `kind`, `outcome`
    (-1 without a score) and `fresh` (a side plays its first match that is known, so the forecast is a wide one).

    Each day is forecast from earlier days, by a model fitted on matches before the first of its month. `progress` is told
    the share that is done, and of what. LearningError when there is no such recipe or nothing to forecast.
    """
    name = recipe_id(name)
    if name not in ASKED_FOR:
        raise LearningError(f"There is no recipe {name!r}. Choose one of {', '.join(ASKED_FOR)}.")
    first, last = pd.Timestamp(since), pd.Timestamp.max if until is None else pd.Timestamp(until)
    wanted = (matches["date"] >= first) & (matches["date"] < last)
    if not wanted.any():
        latest = f"{matches['date'].max():%Y-%m-%d}"
        raise LearningError(f"No match lies between --since and --until; the last is of {latest}. Choose an earlier --since.")
    kept = matches[(matches["date"] < last) & (matches["date"] >= first - pd.DateOffset(years=YEARS_BACK))]
    progress(0.0, f"ratings of {len(kept):,} matches")
    meetings = of_file(kept)
    table = _table(meetings)
    later: Progress = lambda share, words: progress(0.3 + 0.6 * share, words)  # noqa: E731
    said = dixon_coles.forecasts(meetings, since, later) if name == DIXON_COLES else walk(table, name, since, until, later)
    elo = walk(table, vocabulary.ELO, since, until, lambda share, words: progress(0.9 + 0.1 * share, words))
    columns = {**dict(zip(FORECAST, said.T, strict=True)), **dict(zip(ELO, elo.T, strict=True))}
    told = matches.loc[table.index].assign(kind=table["kind"], outcome=table["outcome"].fillna(-1).astype("int64"), **columns)
    told["fresh"] = hardly_known(table)
    return told[told["date"] >= first].drop(columns="season")


def _table(meetings: pd.DataFrame) -> pd.DataFrame:
    """Features of the meetings, with what a walk needs, ordered by day; the index is kept."""
    outcome = outcomes(meetings).astype(np.float64)
    kinds = {(where["national"], where["sex"]): TITLES[kind] for kind, where in WHERE.items()}
    kind = [kinds[bool(national), sex] for national, sex in zip(meetings["national"], meetings["sex"], strict=True)]
    lead = meetings[["date", "sex"]].assign(outcome=np.where(outcome < 0, np.nan, outcome), label_ok=True, kind=kind)
    return pd.concat([lead, known_before(meetings)[0]], axis=1)
