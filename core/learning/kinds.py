"""A table of matches as the kinds of football that have ratings and models of their own, and as columns of numbers for these."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd

from core.football.nations import is_nation
from core.learning.recipe import Kind
from core.learning.streams import Floats, Games, Ints

ON_TARGET, OFF_TARGET = 0.25, 0.04  # what a shot is worth in goals
YEARS_BACK = 45  # further back than that no kind of football is streamed
_FINALS = re.compile(
    r"uefa euro|copa am|african cup|africa cup|afc asian cup|gold cup|nations cup|confederations|oceania nations|euro$|championship",
    re.IGNORECASE,
)
_DIVISION = re.compile(r"\.(\d)\w?$|^(\d)\. |\b(?:ligue|liga|serie|division|league) (\d)$", re.IGNORECASE)
_COUNTRY = re.compile(r"^([a-z]{2,4})\.[a-z0-9]+$")
_ABROAD = frozenset({"uefa", "copa", "conmebol", "concacaf", "afc", "caf", "ofc", "fifa", "int"})


def by_kind(matches: pd.DataFrame) -> Iterator[tuple[Kind, pd.DataFrame]]:
    """The matches of each kind, in an order that does not depend on the table's; the index is kept."""
    ordered = matches.sort_values(["date", "competition", "home_team", "away_team"], kind="stable")
    national = ordered["competition"].isin(of_nations(ordered))
    kinds: dict[Kind, tuple[bool, int]] = {"clubs": (False, 0), "women_clubs": (False, 1), "men": (True, 0), "women": (True, 1)}
    for kind, (nations, sex) in kinds.items():
        part = ordered[(national == nations) & (ordered["sex"] == sex)]
        if len(part):
            yield kind, part


def of_nations(matches: pd.DataFrame) -> set[str]:
    """The competitions in which at least half of the sides bear the name of a nation, or play in such a competition."""
    sides = pd.concat([matches[["competition", side]].set_axis(["competition", "team"], axis=1) for side in ("home_team", "away_team")])
    named = _mostly(sides, {team for team in sides["team"].unique() if is_nation(team)})
    return named | _mostly(sides, set(sides.loc[sides["competition"].isin(named), "team"]))


def _mostly(sides: pd.DataFrame, teams: set[str]) -> set[str]:
    """The competitions at least half of whose sides are among these."""
    share = sides["team"].isin(teams).groupby(sides["competition"]).mean()
    return set(share.index[share >= 0.5])


def games(matches: pd.DataFrame, kind: Kind) -> Games:
    """The matches of one kind, ordered by day, as columns; nations share one league, whose matches weigh differently."""
    clubs, number = kind in ("clubs", "women_clubs"), len(matches)
    country = matches["competition"].map({code: _country(code) for code in matches["competition"].unique()}) if clubs else None
    teams = pd.factorize(_names(matches, country))[0].astype(np.int64)
    competition = matches["competition"]
    league, tier, weight = np.zeros(number, np.int64), np.ones(number, np.int64), np.ones(number)
    if clubs:
        league = pd.factorize(competition)[0].astype(np.int64)
        tier = competition.map({name: division(name) for name in competition.unique()}).to_numpy(np.int64)
    else:
        weight = competition.map({name: importance(name) for name in competition.unique()}).to_numpy(np.float64)
    return Games(
        day=matches["date"].to_numpy().astype("datetime64[D]").astype(np.int64),
        home=teams[:number],
        away=teams[number:],
        league=league,
        tier=tier,
        season=pd.factorize(matches["season"])[0].astype(np.int64),
        ground=1.0 - matches["neutral"].to_numpy(np.float64),
        weight=weight,
        goals=matches[["home_score", "away_score"]].to_numpy(np.float64),
        chances=np.column_stack([_chances(matches, side) for side in ("home", "away")]),
    )


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
    name = competition.lower()
    if "friendly" in name:
        return 0.5
    if "qualif" in name or "nations league" in name:
        return 1.0
    if "fifa world cup" in name:
        return 1.5
    return 1.25 if _FINALS.search(name) else 0.75


def _country(competition: str) -> str:
    """The country in a code such as `eng.1`; empty where the name is no such code, or is played across countries."""
    found = _COUNTRY.match(competition)
    return "" if found is None or found[1] in _ABROAD else found[1]


def _names(matches: pd.DataFrame, country: pd.Series | None) -> pd.Series:
    """Home teams, then away teams, each with its country where one is known: two Arsenals are two teams.

    In a competition across countries a name that only one country has is that country's.
    """
    names = pd.concat([matches["home_team"], matches["away_team"]], ignore_index=True)
    if country is None:
        return names
    where = pd.concat([country, country], ignore_index=True)
    home = names[where != ""].to_frame("team").assign(country=where[where != ""]).drop_duplicates()
    only = home.drop_duplicates("team", keep=False).set_index("team")["country"].to_dict()
    return names + "@" + where.where(where != "", pd.Series([only.get(name, "") for name in names], names.index, dtype=object))


def _chances(matches: pd.DataFrame, side: str) -> Floats:
    shots, on_target = (matches[f"{side}_{name}"].to_numpy(np.float64) for name in ("shots", "shots_on_target"))
    worth: Floats = ON_TARGET * on_target + OFF_TARGET * np.maximum(shots - on_target, 0.0)
    return worth
