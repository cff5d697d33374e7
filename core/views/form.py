"""What two teams did before: the form of each, and their meetings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from core.football.outcomes import Outcome
from core.views.words import count

LAST = 6
MEETINGS_SHOWN = 5
LETTERS = {1: "W", 0: "D", -1: "L"}
SPOKEN = {"W": "won", "D": "drew", "L": "lost"}


class Played(NamedTuple):
    """One match of a team, from its side: `letter` W, D or L, and `words` such as `won 2–1 at Everton, 3 May 2025`."""

    letter: str
    words: str


class Form(NamedTuple):
    """A team's last matches, the latest last, and its goals in them."""

    team: str
    last: tuple[Played, ...]
    goals: str


class Meeting(NamedTuple):
    day: str
    home: str
    score: str
    away: str


@dataclass(frozen=True)
class Past:
    forms: tuple[Form, ...]
    meetings: tuple[Meeting, ...]
    words: str


def past(match: Mapping[str, Any], history: pd.DataFrame) -> Past:
    """The form of both teams of `match` and their meetings, all before its day. `history` as `core.tables.MATCHES`."""
    home, away = (match["home_team_id"], match["home_team"]), (match["away_team_id"], match["away_team"])
    at_home, on_the_road = (history[side].isin([home[0], away[0]]) for side in ("home_team_id", "away_team_id"))
    own = history[at_home | on_the_road]
    known = (own["date"] < pd.Timestamp(match["date"])) & own["home_score"].notna() & (own["status"] == "finished")
    before = own[known].sort_values(["date", "kickoff_utc"], kind="stable")
    met = before[(at_home & on_the_road)[before.index]]  # a team never plays itself
    return Past(
        (_form(before, *home), _form(before, *away)),
        tuple(_meeting(row) for row in met.tail(MEETINGS_SHOWN)[::-1].to_dict("records")),
        _met(met, home, away),
    )


def _form(before: pd.DataFrame, team_id: str, name: str) -> Form:
    own = before[(before["home_team_id"] == team_id) | (before["away_team_id"] == team_id)].tail(LAST)
    last, scored, let_in = [], 0, 0
    for row in own.to_dict("records"):
        at_home = row["home_team_id"] == team_id
        ours, theirs = (int(row["home_score"]), int(row["away_score"]))[:: 1 if at_home else -1]
        letter = LETTERS[(ours > theirs) - (ours < theirs)]
        other = f"{'against' if at_home else 'at'} {row['away_team' if at_home else 'home_team']}"
        last.append(Played(letter, f"{SPOKEN[letter]} {ours}–{theirs} {other}, {_day(row)}"))
        scored, let_in = scored + ours, let_in + theirs
    return Form(name, tuple(last), f"{scored}–{let_in}" if last else "–")


def _meeting(row: Mapping[Any, Any]) -> Meeting:
    return Meeting(_day(row), str(row["home_team"]), f"{int(row['home_score'])}–{int(row['away_score'])}", str(row["away_team"]))


def _day(row: Mapping[Any, Any]) -> str:
    return f"{row['date'].day} {row['date']:%b %Y}"


def _met(met: pd.DataFrame, home: tuple[str, str], away: tuple[str, str]) -> str:
    """`64 earlier meetings in the data: United won 24, Chelsea 19; 21 drawn.`"""
    if met.empty:
        return "The data hold no earlier meeting."
    won = {home[0]: 0, away[0]: 0}
    drawn = 0
    for row in met.to_dict("records"):
        outcome = Outcome.of(row["home_score"], row["away_score"])
        if outcome is Outcome.DRAW:
            drawn += 1
        else:
            won[row["home_team_id" if outcome is Outcome.HOME else "away_team_id"]] += 1
    ended = f"{home[1]} won {won[home[0]]}, {away[1]} {won[away[0]]}; {drawn} drawn"
    return f"{count(len(met), 'earlier meeting')} in the data: {ended}."
