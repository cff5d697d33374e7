"""A table of matches as the kinds of football that have ratings and models of their own, and as columns of numbers for these."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd

from core.learning import sides
from core.learning.recipe import WHERE, Kind
from core.learning.streams import Floats, Games, Ints

ON_TARGET, OFF_TARGET = 0.18, 0.08  # what a shot is worth in goals
LEAD, LARGEST_LEAD = 0.07, 3  # who leads shoots less: by so much, in logarithms, a goal of the final margin
_FINALS = re.compile(
    r"uefa euro|copa am|african cup|africa cup|afc asian cup|gold cup|nations cup|confederations|oceania nations|euro$|championship",
    re.IGNORECASE,
)
_DIVISION = re.compile(r"\.(\d)\w?$|^(\d)\. |\b(?:ligue|liga|serie|division|league) (\d)$", re.IGNORECASE)


# A meeting: a match as the ratings see it. `home` and `away` name a side once and for all; scores are missing until played; the
# worth of a side's shots, in goals, is missing where they were not counted.
MEETING = (
    "date", "competition", "sex", "national", "neutral", "season", "home", "away", "home_score", "away_score", "home_worth", "away_worth"
)  # fmt: skip


def of_file(matches: pd.DataFrame) -> pd.DataFrame:
    """The meetings in a checked file of anybody's matches; two Arsenals are told apart by their country. The index is kept."""
    ordered = matches.sort_values(["date", "competition", "home_team", "away_team"], kind="stable")
    rows = sides.rows(ordered)
    national = pd.Series(sides.of_nations(rows), ordered.index)
    home, away = ordered["home_team"].astype(object), ordered["away_team"].astype(object)
    for sex in (0, 1):
        clubs = np.flatnonzero(~national & (ordered["sex"] == sex))
        told = sides.clubs([rows[place] for place in clubs])
        home.iloc[clubs], away.iloc[clubs] = [one for one, _ in told], [other for _, other in told]
    worth = {f"{side}_worth": _worth(ordered, side) for side in ("home", "away")}
    return ordered.assign(national=national, home=home, away=away, **worth)[list(MEETING)]


def of_table(matches: pd.DataFrame) -> pd.DataFrame:
    """The meetings in a MATCHES table. Only what was really played is learnt from: an awarded match has no score here.

    The index is kept; the order is by day and match.
    """
    ordered = matches.sort_values(["date", "match_id"], kind="stable")
    played = ordered["status"] == "finished"
    scores = {name: ordered[name].where(played) for name in ("home_score", "away_score")}
    nations = {team: _is_nation(team) for team in pd.unique(ordered[["home_team_id", "away_team_id"]].to_numpy(object).ravel())}
    national = ordered["home_team_id"].map(nations).astype(bool) & ordered["away_team_id"].map(nations).astype(bool)
    renamed = ordered.assign(competition=ordered["competition_code"], home=ordered["home_team_id"], away=ordered["away_team_id"])
    worth = {f"{side}_worth": _worth(ordered.assign(**scores), side) for side in ("home", "away")}
    return renamed.assign(national=national, **worth, **scores)[list(MEETING)]


def _is_nation(team_id: str) -> bool:
    """A national team is one whose name is its country: `germany-germany`, `germany-germany-w`."""
    body = team_id.removesuffix("-w")
    half = len(body) // 2
    return len(body) % 2 == 1 and body[half] == "-" and body[:half] == body[half + 1 :]


def by_kind(meetings: pd.DataFrame) -> Iterator[tuple[Kind, pd.DataFrame]]:
    """The meetings of each kind there is, in their order."""
    for kind, where in WHERE.items():
        part = meetings[(meetings["national"] == where["national"]) & (meetings["sex"] == where["sex"])]
        if len(part):
            yield kind, part


def games(meetings: pd.DataFrame, kind: Kind) -> Games:
    """The meetings of one kind, ordered by day, as columns; nations share one league, whose matches weigh differently.

    Numbers are given in the order of appearance, so that later meetings change none of them.
    """
    number, competition = len(meetings), meetings["competition"]
    league, tier, weight = np.zeros(number, np.int64), np.ones(number, np.int64), np.ones(number)
    if WHERE[kind]["national"]:
        weight = competition.map({name: importance(name) for name in competition.unique()}).to_numpy(np.float64)
    else:
        league = pd.factorize(competition)[0].astype(np.int64)
        tier = competition.map({name: division(name) for name in competition.unique()}).to_numpy(np.int64)
    teams = pd.factorize(meetings[["home", "away"]].to_numpy(object).ravel())[0].reshape(number, 2).astype(np.int64)
    return Games(
        day=days(meetings["date"]),
        home=teams[:, 0],
        away=teams[:, 1],
        league=league,
        tier=tier,
        season=pd.factorize(meetings["season"].replace("", np.nan))[0].astype(np.int64),
        ground=1.0 - meetings["neutral"].to_numpy(np.float64),
        weight=weight,
        goals=meetings[["home_score", "away_score"]].to_numpy(np.float64),
        chances=meetings[["home_worth", "away_worth"]].to_numpy(np.float64),
    )


def days(dates: pd.Series) -> Ints:
    """Days as numbers, 0 for 1 January 1970."""
    found: Ints = dates.to_numpy().astype("datetime64[D]").astype(np.int64)
    return found


def outcomes(matches: pd.DataFrame) -> Ints:
    """0, 1, 2 for home, draw, away; -1 where there is no score."""
    margin = (matches["home_score"] - matches["away_score"]).to_numpy(np.float64)
    return np.where(np.isnan(margin), -1, np.where(margin > 0, 0, np.where(margin == 0, 1, 2))).astype(np.int64)


def division(competition: str) -> int:
    """1 for a first division, and where the name does not tell."""
    found = _DIVISION.search(competition)
    return max(1, int(next(filter(None, found.groups()), "1"))) if found else 1


def importance(competition: str) -> float:
    """How much an international match counts: a friendly half, a World Cup one and a half."""
    name = competition.lower().replace("-", " ")
    if "friendly" in name:
        return 0.5
    if "qualif" in name or "nations league" in name:
        return 1.0
    if name.removeprefix("fifa ").startswith(("world cup", "women's world cup", "women s world cup")):
        return 1.5
    return 1.25 if _FINALS.search(name) else 0.75


def _worth(matches: pd.DataFrame, side: str) -> Floats:
    shots, on_target = (matches[f"{side}_{name}"].to_numpy(np.float64) for name in ("shots", "shots_on_target"))
    scored, conceded = (matches[f"{one}_score"].to_numpy(np.float64) for one in (side, "away" if side == "home" else "home"))
    margin = np.clip(scored - conceded, -LARGEST_LEAD, LARGEST_LEAD)
    worth: Floats = (ON_TARGET * on_target + OFF_TARGET * np.maximum(shots - on_target, 0.0)) * np.exp(LEAD * margin)
    return worth
