"""What was known of a match before its day: ratings, form, ground. A feature uses matches of strictly earlier days only."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.football.outcomes import Outcome
from core.learning.ratings import Elo, EloPace, Game, Pi, Rating, stream
from core.tables import FEATURES_LEAD

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WINDOWS = (5,)
METRICS = ("goals_for", "goals_against", "goal_difference", "points", "wins", "draws", "losses")
FORM = tuple(f"diff_{metric}_w{window}" for window in WINDOWS for metric in METRICS)


def ratings() -> list[Rating]:
    """Fresh ratings with the project's paces: a slow and a fast Elo, and pi-ratings."""
    slow = Elo("elo_diff", club=EloPace(18), men=EloPace(40, 1.15), women=EloPace(90, 1.3))
    fast = Elo("elo_fast_diff", club=EloPace(40), men=EloPace(75, 1.15), women=EloPace(160, 1.3))
    return [slow, fast, Pi("pi_diff")]


RATINGS = tuple(name for rating in ratings() for name in rating.names)
FEATURES = (*RATINGS, "home_ground", *FORM)


def build_features(matches: pd.DataFrame) -> pd.DataFrame:
    """A row for each match of a MATCHES frame, played or not, ordered by day and match id.

    The columns of FEATURES_LEAD, then those of FEATURES as float64. Form is missing where a side has no earlier match.
    Only matches that were really played are learnt from: an awarded or abandoned one moves nothing.
    """
    ordered = matches.sort_values(["date", "match_id"], kind="stable").reset_index(drop=True)
    table = _Table(ordered)
    lead = ordered.assign(outcome=table.outcomes())[list(FEATURES_LEAD)]
    columns = {**table.rated(), "home_ground": 1.0 - ordered["neutral"].to_numpy(np.float64), **table.form()}
    return pd.concat([lead, pd.DataFrame(columns, columns=list(FEATURES), dtype=np.float64)], axis=1)


def labelled(features: pd.DataFrame) -> pd.DataFrame:
    """The rows that a model may be fitted on or judged by: played, and decided on the pitch within 90 minutes."""
    return features[features["label_ok"] & features["outcome"].notna()]


class _Table:
    """The matches as arrays, in order of day."""

    def __init__(self, ordered: pd.DataFrame) -> None:
        self.frame = ordered
        self.days: Ints = ordered["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
        goals = ordered[["home_score", "away_score"]].to_numpy(np.float64)
        self.played: NDArray[np.bool_] = (ordered["status"] == "finished").to_numpy(bool) & ~np.isnan(goals).any(axis=1)
        self.goals: Floats = np.where(self.played[:, None], goals, 0.0)
        self.home, self.away = self._teams()

    def _teams(self) -> tuple[Ints, Ints]:
        """The two sides as numbers; the sex is part of a team."""
        sex = self.frame["sex"].astype(str)
        names = pd.concat([sex + self.frame["home_team_id"], sex + self.frame["away_team_id"]])
        codes: Ints = pd.factorize(names)[0].astype(np.int64)
        return codes[: len(sex)], codes[len(sex) :]

    def outcomes(self) -> Floats:
        """0, 1 or 2, missing until played."""
        margin = self.goals[:, 0] - self.goals[:, 1]
        found = np.where(margin > 0, Outcome.HOME, np.where(margin == 0, Outcome.DRAW, Outcome.AWAY)).astype(np.float64)
        return np.where(self.played, found, np.nan)

    def rated(self) -> dict[str, Floats]:
        rows = np.array(list(stream(self._games(), ratings())), dtype=np.float64).reshape(len(self.frame), len(RATINGS))
        return dict(zip(RATINGS, rows.T, strict=True))

    def _games(self) -> list[Game]:
        codes = self.frame["competition_code"]
        known = {code: (_tier(code), _weight(code)) for code in codes.unique()}
        margin = (self.goals[:, 0] - self.goals[:, 1]).astype(np.int64)
        columns: tuple[Iterable[object], ...] = (
            self.days.tolist(),
            self.home.tolist(),
            self.away.tolist(),
            pd.factorize(self.frame["sex"].astype(str) + codes)[0].tolist(),
            [known[code][0] for code in codes],
            self.frame["sex"].tolist(),
            [_is_nation(team) for team in self.frame["home_team_id"]],
            self.frame["neutral"].tolist(),
            [known[code][1] for code in codes],
            [value if there else None for value, there in zip(margin.tolist(), self.played.tolist(), strict=True)],
        )
        return [Game(*row) for row in zip(*columns, strict=True)]

    def form(self) -> dict[str, Floats]:
        """Home minus away, each the mean over the side's last matches, at most as many as the window."""
        diary = _Diary(self)
        found = {}
        for window in WINDOWS:
            gaps = diary.means(self.home, self.days, window) - diary.means(self.away, self.days, window)
            found.update({f"diff_{metric}_w{window}": gaps[:, place] for place, metric in enumerate(METRICS)})
        return found


class _Diary:
    """Every played match twice, once for each side, ordered by team and day, with running totals.

    All numbers are whole, so that the difference of two totals is exact, whatever stands before and behind.
    """

    def __init__(self, table: _Table) -> None:
        there = table.played
        teams = np.concatenate([table.home[there], table.away[there]])
        self._span = int(np.ptp(table.days)) + 2 if len(table.days) else 1
        self._first = int(table.days.min()) if len(table.days) else 0
        keys = self._keys(teams, np.tile(table.days[there], 2))
        order = np.argsort(keys, kind="stable")
        goals_for = np.concatenate([table.goals[there, 0], table.goals[there, 1]])[order]
        against = np.concatenate([table.goals[there, 1], table.goals[there, 0]])[order]
        self._sorted = keys[order]
        self._totals = np.vstack([np.zeros(len(METRICS)), np.cumsum(_tally(goals_for, against), axis=0)])

    def _keys(self, teams: Ints, days: Ints) -> Ints:
        keys: Ints = teams * self._span + (days - self._first)
        return keys

    def means(self, teams: Ints, days: Ints, window: int) -> Floats:
        """For each team and day the mean of METRICS over its last `window` matches before that day, shape (n, 7)."""
        stop = np.searchsorted(self._sorted, self._keys(teams, days), side="left")
        start = np.maximum(np.searchsorted(self._sorted, teams * self._span, side="left"), stop - window)
        number = (stop - start)[:, None]
        with np.errstate(invalid="ignore"):
            found: Floats = (self._totals[stop] - self._totals[start]) / number
        return found


def _tally(goals_for: Floats, against: Floats) -> Floats:
    """METRICS of each match for one side, shape (n, 7)."""
    win, draw, loss = goals_for > against, goals_for == against, goals_for < against
    columns = [goals_for, against, goals_for - against, 3.0 * win + draw, win, draw, loss]
    return np.column_stack([column.astype(np.float64) for column in columns])


def _tier(code: str) -> int:
    """The division at the end of a league's code, `eng.2`: 1 where there is none."""
    found = re.search(r"\.([1-9])$", code)
    return int(found.group(1)) if found else 1


def _is_nation(team_id: str) -> bool:
    """A national team is one whose name is its country: `germany-germany`, `germany-germany-w`."""
    body = team_id.removesuffix("-w")
    half = len(body) // 2
    return len(body) % 2 == 1 and body[half] == "-" and body[:half] == body[half + 1 :]


_WORLD_CUP = re.compile(r"(fifa-)?world-cup(-women)?")
_CONTINENT = re.compile(
    r"(uefa-)?euro|copa-america.*|africa[n]?-cup-of-nations|(afc-)?asian-cup|(concacaf-)?gold-cup|concacaf-championship"
    r"|(oceania|ofc)-nations-cup|confederations-cup"
)


def _weight(code: str) -> float:
    """What an international match is worth for a rating, by its competition: a friendly half, a World Cup one and a half."""
    if "friendly" in code:
        return 0.5
    if "qualif" in code or "nations-league" in code:
        return 1.0
    if _WORLD_CUP.fullmatch(code):
        return 1.5
    return 1.25 if _CONTINENT.fullmatch(code) else 0.75
