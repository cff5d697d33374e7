"""Dixon and Coles 1997, "Modelling association football scores and inefficiencies in the football betting market".

Attack and defence of the teams that meet one another, fitted anew every so often by penalised maximum likelihood on the matches
of the last years, of which older ones weigh less; nil-nil, one-nil, nil-one and one-one are corrected for their dependence. It
stands beside the recipes as a yardstick that others use too: the champion has nothing to learn from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd

from core.football.outcomes import floored
from core.learning.design import log_odds
from core.learning.kinds import by_kind, games
from core.learning.recipe import TITLES, Kind
from core.learning.streams import Floats, Games, Ints, stream
from core.learning.threads import one_thread

GROUND, MEAN, LOW = 0.25, 0.3, -0.05  # where a league begins: advantage of the ground, log of the goals of a side, low-score term
COMMON = 3  # numbers that all teams share, in front of their attacks and defences
LEAST = 0.05  # the smallest factor by which a low score is made rarer


@dataclass(frozen=True)
class Span:
    """Matches of the last `years` are fitted every `every` days (weeks begin on Fridays), each weighing exp(-`decay` x age in
    days); strengths are shrunk to the mean by `ridge`, the inverse of their variance."""

    years: float
    decay: float
    ridge: float
    every: int = 7


SPANS: dict[Kind, Span] = {
    "clubs": Span(3, 0.0025, 10),
    "women_clubs": Span(3, 0.0025, 10),
    "men": Span(12, 0.0005, 0.2, 30),
    "women": Span(16, 0.0003, 0.3, 30),
}


class Seen(NamedTuple):
    """Played matches as columns; `home` and `away` number the teams from 0 to `teams` - 1."""

    home: Ints
    away: Ints
    ground: Floats
    goals: Floats
    weights: Floats
    teams: int


def loss(free: Floats, seen: Seen, ridge: float) -> tuple[float, Floats]:
    """Penalised minus log-likelihood and its gradient.

    `free` holds the log of the goals of a side, the advantage of the ground, the low-score term, attacks, defences.
    """
    attack, defence = free[COMMON:].reshape(2, -1)
    first = free[0] + free[1] * seen.ground + attack[seen.home] - defence[seen.away]
    second = free[0] + attack[seen.away] - defence[seen.home]
    none = seen.goals == 0
    low = (seen.goals <= 1).all(axis=1) * np.where(none[:, 0] == none[:, 1], -1.0, 1.0)
    lift = low * np.exp(none[:, 0] * first + none[:, 1] * second)
    factor = np.maximum(1 + free[2] * lift, LEAST)
    slope = np.where(factor > LEAST, lift / factor, 0.0)
    rates = np.exp(first), np.exp(second)
    told = seen.goals[:, 0] * first - rates[0] + seen.goals[:, 1] * second - rates[1] + np.log(factor)
    errors = [seen.weights * (seen.goals[:, side] - rates[side] + free[2] * slope * none[:, side]) for side in (0, 1)]
    gained = np.bincount(seen.home, errors[0], seen.teams) + np.bincount(seen.away, errors[1], seen.teams)
    kept = np.bincount(seen.away, errors[0], seen.teams) + np.bincount(seen.home, errors[1], seen.teams)
    common = [errors[0].sum() + errors[1].sum(), errors[0] @ seen.ground, seen.weights @ slope]
    shrunk = ridge * np.concatenate([np.zeros(COMMON), free[COMMON:]])
    return float(ridge / 2 * free[COMMON:] @ free[COMMON:] - seen.weights @ told), shrunk - np.concatenate([common, gained, -kept])


class Fit(NamedTuple):
    """What was found: the numbers in common, and attack and defence of each of `teams`, which are ordered; shape (2, n)."""

    common: Floats
    teams: Ints
    strengths: Floats

    def of(self, team: Ints) -> Floats:
        """Attack and defence, shape (2, n); the mean of all for a team that is not known."""
        if not len(self.teams):
            return np.zeros((2, len(team)))
        at = np.minimum(np.searchsorted(self.teams, team), len(self.teams) - 1)
        return np.where(self.teams[at] == team, self.strengths[:, at], 0.0)


START = Fit(np.array([MEAN, GROUND, LOW]), np.zeros(0, np.int64), np.zeros((2, 0)))


def fit(seen: Games, day: int, span: Span, start: Fit = START) -> Fit:
    """Fitted for the morning of `day` on played matches, all earlier, from where another fit ended."""
    from scipy.optimize import minimize

    teams, places = np.unique(np.concatenate([seen.home, seen.away]), return_inverse=True)
    home, away = places.reshape(2, -1)
    known = Seen(home, away, seen.ground, seen.goals, np.exp(-span.decay * (day - seen.day)), len(teams))
    free = np.concatenate([start.common, start.of(teams).ravel()])
    bounds = [(None, None), (None, None), (-0.3, 0.3), *[(None, None)] * (2 * len(teams))]
    with one_thread():
        found = minimize(loss, free, (known, span.ridge), "L-BFGS-B", True, bounds=bounds, options={"ftol": 1e-9, "maxiter": 200})
    return Fit(found.x[:COMMON], teams, found.x[COMMON:].reshape(2, -1))


class DixonColes:
    """The latest fit of each league (of all nations together) as a rating: log goals of both sides, and the low-score term.

    A fit for a week is made from matches before its first day, starting from the fit of the last week in which the league
    played: so it does not matter which fixtures are asked about.
    """

    def __init__(self, name: str, span: Span) -> None:
        self.names: tuple[str, ...] = (f"{name}_home", f"{name}_away", f"{name}_low")
        self._span = span
        self.leagues: dict[int, League] = {}

    def before(self, games: Games) -> Floats:
        found = np.empty((len(games.day), 3))
        for code in np.unique(games.league).tolist():
            rows = np.flatnonzero(games.league == code)
            held = self.leagues.get(code)
            known = START if held is None else held.fit(int(games.day[rows[0]]), self._span)
            found[rows] = expected(known, games.take(rows))
        return found

    def learn(self, games: Games) -> None:
        for code in np.unique(games.league).tolist():
            self.leagues.setdefault(code, League()).learn(games.take(games.league == code), self._span)


class League:
    """The matches of one league that still count, and its fits."""

    def __init__(self) -> None:
        self.days: list[Games] = []
        self.kept: tuple[int | None, Fit] = (None, START)  # of the last week with a match
        self.asked: tuple[int | None, Fit] = (None, START)  # of the last week that was asked about

    def fit(self, day: int, span: Span) -> Fit:
        """For the week of that day."""
        week = (day - 1) // span.every
        if week == self.kept[0]:
            return self.kept[1]
        if week != self.asked[0]:
            self.asked = week, self._fitted(week * span.every + 1, span)
        return self.asked[1]

    def learn(self, games: Games, span: Span) -> None:
        day = int(games.day[0])
        self.kept, self.asked = ((day - 1) // span.every, self.fit(day, span)), (None, START)
        self.days.append(games)
        oldest = day - span.years * 365.25
        self.days = [played for played in self.days if played.day[0] >= oldest]

    def _fitted(self, day: int, span: Span) -> Fit:
        return fit(joined(self.days), day, span, self.kept[1]) if self.days else START


def joined(parts: list[Games]) -> Games:
    """The matches of several days, one behind the other."""
    return Games(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def expected(known: Fit, games: Games) -> Floats:
    """Log goals of both sides and the low-score term, a row a match."""
    home, away = known.of(games.home), known.of(games.away)
    first = known.common[0] + known.common[1] * games.ground + home[0] - away[1]
    return np.column_stack([first, known.common[0] + away[0] - home[1], np.full(len(first), known.common[2])])


def chances(numbers: Floats) -> Floats:
    """Home, draw and away from log goals of both sides and the low-score term, shape (n, 3).

    The corrections of the four low scores are equal in size: two draws lose what one home win and one away win gain each.
    """
    to_home, to_away = log_odds(numbers[:, 0], numbers[:, 1])
    odds = np.column_stack([np.exp(to_home), np.ones(len(to_home)), np.exp(to_away)])
    shift = numbers[:, 2] * np.exp(numbers[:, 0] + numbers[:, 1] - np.exp(numbers[:, 0]) - np.exp(numbers[:, 1]))
    corrected = np.maximum(odds / odds.sum(axis=1, keepdims=True) + shift[:, None] * [1, -2, 1], 0.0)
    return floored(corrected / corrected.sum(axis=1, keepdims=True))


def forecasts(meetings: pd.DataFrame, since: date, progress: Callable[[float, str], None] = lambda share, words: None) -> Floats:
    """Home, draw and away of the meetings, ordered by day, from the day `since` on, shape (n, 3); missing for earlier ones."""
    found = np.full((len(meetings), 3), np.nan)
    for number, (kind, part) in enumerate(by_kind(meetings)):
        progress(number / len(SPANS), f"{TITLES[kind]}: Dixon and Coles")
        recent = part[part["date"] >= pd.Timestamp(since) - pd.DateOffset(years=round(SPANS[kind].years))]
        said = chances(stream(games(recent, kind), [DixonColes("dixon_coles", SPANS[kind])]))
        found[meetings.index.get_indexer(recent.index)] = said
    found[(meetings["date"] < pd.Timestamp(since)).to_numpy()] = np.nan
    return found
