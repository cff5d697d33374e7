"""Matches between nations, men's since 1872 and women's since 1956: the tables of Mart Jürisoo, as CSV.

Their scores include extra time and leave shoot-outs out. Where the goals are listed, those after minute 90 are taken off;
elsewhere a match that may have gone into extra time is marked `aet_or_90`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache

from core.football.matches import code_of, slug, tidy
from core.football.places import INTERNATIONAL
from core.football.raw import RawMatch, Refused, ScoreBasis
from core.sources.checks import checked, goals, sides
from core.sources.documents import NOTHING_SCORED, Parsed, Part, RawDocument, Scored
from core.sources.text import table

BASE = "https://raw.githubusercontent.com/martj42"
REPOSITORIES = {0: "international_results", 1: "womens-international-results"}
NAMES = {0: "international_men", 1: "international_women"}
FILES = {"results": "results.csv", "goals": "goalscorers.csv", "shootouts": "shootouts.csv", "former": "former_names.csv"}
# But for a few play-offs of qualifiers, one match in two hundred; the invitation cups end in shoot-outs without extra time.
NO_EXTRA_TIME = re.compile(
    r"friendl|qualif|nations league|algarve|cyprus cup|shebelieves|istria cup|baltic cup|four nations|island games", re.IGNORECASE
)
CLOSE = 2  # extra time decides by more goals than that once in twenty times

_RESULTS = ("date", "home_team", "away_team", "home_score", "away_score", "tournament", "neutral")
_GOALS = ("date", "home_team", "away_team", "team", "minute")
_SHOOTOUTS = ("date", "home_team", "away_team")
_FORMER = ("current", "former", "start_date", "end_date")

Key = tuple[str, str, str]  # day, home, away, as the tables write them
Line = dict[str, str]
slug_of, code_named = cache(slug), cache(code_of)


@dataclass(frozen=True)
class International:
    """The source for one sex at its address."""

    sex: int
    base: str = BASE

    @property
    def name(self) -> str:
        return NAMES[self.sex]

    def parts(self, now: datetime) -> tuple[Part, ...]:
        """One part: all matches ever."""
        folder = f"{self.base}/{REPOSITORIES[self.sex]}/master"
        urls = {role: f"{folder}/{file}" for role, file in FILES.items()}
        return (Part("all", urls, frozenset({"goals", "shootouts", "former"})),)

    def parse(self, part: Part, documents: Mapping[str, RawDocument], scored: Scored = NOTHING_SCORED) -> Parsed:
        return parse(self.sex, {role: document.content for role, document in documents.items()}, scored)


def parse(sex: int, files: Mapping[str, bytes], scored: Scored = NOTHING_SCORED) -> Parsed:
    """The matches of `results`, with what `goals`, `shootouts` and `former` say about them where they are there."""
    what = f"The table of {'women' if sex else 'men'}'s internationals"
    lines = table(what, files["results"], _RESULTS)
    known = _Known(
        sex,
        _goals(table(f"{what}, its goals,", files["goals"], _GOALS) if "goals" in files else []),
        {_key(line) for line in table(f"{what}, its shoot-outs,", files["shootouts"], _SHOOTOUTS)} if "shootouts" in files else set(),
        _last_days(lines),
        _former(table(f"{what}, its names,", files["former"], _FORMER) if "former" in files else []),
    )
    rows: list[RawMatch] = []
    refused: list[Refused] = []
    for place, line in enumerate(lines, start=2):
        try:
            rows.append(known.row(line))
        except ValueError as error:
            refused.append(Refused(NAMES[sex], f"line {place}", f"line {place}: {error}", str(line)[:500]))
    return checked(what, rows, refused, None, scored)


def _key(line: Line) -> Key:
    return line["date"], line["home_team"], line["away_team"]


def _goals(lines: list[Line]) -> dict[Key, list[Line]]:
    found: dict[Key, list[Line]] = defaultdict(list)
    for line in lines:
        found[_key(line)].append(line)
    return found


def _last_days(lines: list[Line]) -> dict[tuple[str, str, str], list[str]]:
    """The days on which a team plays in a year's tournament, in order."""
    found: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for line in lines:
        for side in ("home_team", "away_team"):
            found[line["tournament"], line["date"][:4], line[side]].append(line["date"])
    return {edition: sorted(days) for edition, days in found.items()}


def _former(lines: list[Line]) -> dict[str, list[tuple[str, str, str]]]:
    """For each old name the spans of days in which it stood for today's."""
    found: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for line in lines:
        found[line["former"]].append((line["start_date"], line["end_date"], line["current"]))
    return found


@dataclass(frozen=True)
class _Known:
    """All that the tables beside the results say, by match, by team and by name."""

    sex: int
    goals: dict[Key, list[Line]]
    shootouts: set[Key]
    days: dict[tuple[str, str, str], list[str]]
    former: dict[str, list[tuple[str, str, str]]]

    def row(self, line: Line) -> RawMatch:
        day, tournament = date.fromisoformat(line["date"]), tidy(line["tournament"])
        if line["date"] != day.isoformat():
            raise ValueError(f"{line['date']!r} is no day such as 2025-08-16")
        home, away = self._today(line["home_team"], line["date"]), self._today(line["away_team"], line["date"])
        sides(home, away)
        if not tournament or line["neutral"].upper() not in ("TRUE", "FALSE"):
            raise ValueError("the tournament or the ground is not told")
        final = _score(line)
        score: tuple[int, int] | None = None
        basis: ScoreBasis = "90"
        if final:
            score, basis = self._after_ninety(line, final)
        longer = final if final and (score != final or _key(line) in self.shootouts) else None
        return RawMatch(
            source=NAMES[self.sex],
            source_ref=f"{line['date']}/{slug_of(home)}/{slug_of(away)}",
            sex=self.sex,
            competition_code=code_named(tournament),
            competition_raw=tournament,
            country=INTERNATIONAL,
            season_raw=line["date"][:4],
            date_local=day,
            home_raw=home,
            away_raw=away,
            neutral=line["neutral"].upper() == "TRUE",
            ft_home=score[0] if score else None,
            ft_away=score[1] if score else None,
            et_home=longer[0] if longer else None,
            et_away=longer[1] if longer else None,
            score_basis=basis,
        )

    def _today(self, name: str, day: str) -> str:
        """The name that is used today for a team of this name on that day."""
        return tidy(next((current for start, end, current in self.former.get(name, ()) if start <= day <= end), name))

    def _after_ninety(self, line: Line, final: tuple[int, int]) -> tuple[tuple[int, int], ScoreBasis]:
        """The score without goals of extra time, and whether that is certain."""
        told = self.goals.get(_key(line), [])
        home = sum(goal["team"] == line["home_team"] for goal in told)
        if told and (home, len(told) - home) == final and all(goal["minute"].isdecimal() for goal in told):
            late = [goal["team"] == line["home_team"] for goal in told if int(goal["minute"]) > 90]
            return (final[0] - sum(late), final[1] - (len(late) - sum(late))), "90"
        return final, "aet_or_90" if final != (0, 0) and self._may_have_gone_on(line, final) else "90"

    def _may_have_gone_on(self, line: Line, final: tuple[int, int]) -> bool:
        """Whether this may have been a match with extra time. No round is told: it is one with a shoot-out, or a close one after
        which the losers play no more in that tournament, or both sides once more, as after a semi-final.
        """
        if _key(line) in self.shootouts:
            return True
        margin = final[0] - final[1]
        if margin == 0 or abs(margin) > CLOSE or NO_EXTRA_TIME.search(line["tournament"]):
            return False
        winner, loser = (line["home_team"], line["away_team"]) if margin > 0 else (line["away_team"], line["home_team"])
        left = self._left(line, loser)
        return left == 0 or left == self._left(line, winner) == 1

    def _left(self, line: Line, team: str) -> int:
        """How many matches a team still has to play in this year's tournament."""
        days = self.days[line["tournament"], line["date"][:4], team]
        return sum(day > line["date"] for day in days)


def _score(line: Line) -> tuple[int, int] | None:
    """NA stands for a match that is still to be played."""
    told = [line["home_score"], line["away_score"]]
    if all(number in ("", "NA") for number in told):
        return None
    return goals(told[0]), goals(told[1])
