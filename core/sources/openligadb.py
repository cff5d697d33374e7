"""OpenLigaDB: German leagues, men's and women's, kept by volunteers within minutes; ODbL 1.0. Results, and matches in play."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from core.clock import from_iso
from core.errors import DocumentRefused
from core.football.competitions import COMPETITIONS
from core.football.matches import tidy
from core.football.raw import RawMatch, Refused
from core.football.seasons import split_season
from core.sources.checks import checked, goals
from core.sources.documents import NOTHING_SCORED, UNREADABLE, Parsed, Part, RawDocument, Scored
from core.sources.text import decoded

SOURCE = "openligadb"
BASE = "https://api.openligadb.de"
LEAGUES = {"bl1": "ger.1", "bl2": "ger.2", "bl3": "ger.3", "dfb": "ger.cup", "ffb1": "ger.w.1"}
WOMEN = frozenset({"ffb1"})
BERLIN = ZoneInfo("Europe/Berlin")

# Clubs by their number, since the names that are told drift: `FC Bayern`, later `FC Bayern München`.
CLUBS = {
    "6": "Bayer Leverkusen", "7": "Borussia Dortmund", "9": "FC Schalke 04", "16": "VfB Stuttgart", "40": "FC Bayern München",
    "54": "Hertha BSC", "55": "Hannover 96", "65": "1. FC Köln", "79": "1. FC Nürnberg", "80": "1. FC Union Berlin",
    "81": "1. FSV Mainz 05", "83": "Arminia Bielefeld", "87": "Borussia Mönchengladbach", "91": "Eintracht Frankfurt",
    "95": "FC Augsburg", "98": "FC St. Pauli", "112": "SC Freiburg", "118": "SV Darmstadt 98", "123": "TSG Hoffenheim",
    "129": "VfL Bochum", "131": "VfL Wolfsburg", "134": "Werder Bremen", "175": "TSG Hoffenheim", "185": "Fortuna Düsseldorf",
    "199": "1. FC Heidenheim", "1635": "RB Leipzig",
}  # fmt: skip

HALF_TIME, FULL_TIME, EXTRA_TIME, SHOOT_OUT = 1, 2, 3, 4
# Old seasons number their results 0, and tell them by name.
_NAMED = {"halbzeit": HALF_TIME, "endergebnis": FULL_TIME, "verlängerung": EXTRA_TIME, "elfmeterschießen": SHOOT_OUT}

Score = tuple[int, int]


@dataclass(frozen=True)
class OpenLigaDB:
    """The source at its address. `names` gives a club's number the one name to use."""

    base: str = BASE
    leagues: tuple[str, ...] = ("bl1", "bl2", "ffb1")
    since: int = 2025
    names: Mapping[str, str] = field(default_factory=lambda: CLUBS)
    name: str = SOURCE

    def parts(self, now: datetime) -> tuple[Part, ...]:
        """A part for each season of each league, to the one that is being played or comes next in summer."""
        last = now.year if now.month >= 7 else now.year - 1
        return tuple(
            Part(f"{league}/{year}", {"matches": f"{self.base}/getmatchdata/{league}/{year}"})
            for league in self.leagues
            for year in range(self.since, last + 1)
        )

    def parse(self, part: Part, documents: Mapping[str, RawDocument], scored: Scored = NOTHING_SCORED) -> Parsed:
        return parse(part.name, documents["matches"], scored, self.names)

    def current_group(self, league: str) -> str:
        """The address of the matchday that is being played, as `groupOrderID`; it moves on half-way between two."""
        return f"{self.base}/getcurrentgroup/{league}"

    def last_change(self, league: str, year: int, group: int) -> str:
        """The address of when a matchday last changed: small, to be asked before the matchday itself."""
        return f"{self.base}/getlastchangedate/{league}/{year}/{group}"

    def matchday(self, league: str, year: int, group: int) -> str:
        """The address of a matchday's matches."""
        return f"{self.base}/getmatchdata/{league}/{year}/{group}"


def parse(name: str, document: RawDocument, scored: Scored = NOTHING_SCORED, names: Mapping[str, str] | None = None) -> Parsed:
    """The matches of `bl1/2025`. A match whose day is not known yet is left out; one that is over without its result has none."""
    league, _, year = name.partition("/")
    if league not in LEAGUES or not year.isdigit():
        raise DocumentRefused(f"{name!r} is no league and year of OpenLigaDB that are known here. Choose of {', '.join(LEAGUES)}.")
    reader = _Reader(league, split_season(int(year)), names or {})
    rows: list[RawMatch] = []
    refused: list[Refused] = []
    for place, told in enumerate(matches(name, document.content), start=1):
        try:
            match = Told.of(told)
            if match.kickoff is not None:
                rows.append(reader.row(match, match.kickoff))
        except UNREADABLE as error:
            ref = str(told.get("matchID") or f"{name}/row {place}")
            refused.append(Refused(SOURCE, ref, f"match {place} cannot be read: {error!r}", json.dumps(told, ensure_ascii=False)[:500]))
    return checked(f"{name} of OpenLigaDB", rows, refused, COMPETITIONS[LEAGUES[league]], scored)


def matches(name: str, content: bytes) -> list[dict[str, Any]]:
    """The matches of an answer, one or many, with the keys of today's interface."""
    try:
        told = _modern(json.loads(decoded(content)))
    except ValueError as error:
        raise DocumentRefused(f"{name} of OpenLigaDB is no JSON ({error}). What was loaded before is kept; try again later.") from error
    found = told if isinstance(told, list) else [told]
    if not all(isinstance(match, dict) for match in found):
        raise DocumentRefused(f"{name} of OpenLigaDB holds no matches. What was loaded before is kept; try again later.")
    return found


def _modern(told: Any) -> Any:
    """The old interface wrote its keys with a capital letter."""
    if isinstance(told, dict):
        return {key[:1].lower() + key[1:]: _modern(value) for key, value in told.items()}
    return [_modern(value) for value in told] if isinstance(told, list) else told


@dataclass(frozen=True)
class Told:
    """A match as the answer tells it. `results` by kind, whatever their order; `kickoff` None while the day is not known."""

    match_id: str
    kickoff: datetime | None
    updated: datetime | None
    home: tuple[str, str]
    away: tuple[str, str]
    round: str
    over: bool
    results: dict[int, Score]
    goals: tuple[Score, ...]
    latest: int  # the minute of the last goal that has one, else 0

    @classmethod
    def of(cls, told: dict[str, Any]) -> Told:
        return cls(
            str(told["matchID"]),
            _known(told["matchDateTimeUTC"]),
            _local(told.get("lastUpdateDateTime")),
            _side(told["team1"]),
            _side(told["team2"]),
            str((told.get("group") or {}).get("groupName") or ""),
            bool(told["matchIsFinished"]),
            {_kind(result): (goals(result["pointsTeam1"]), goals(result["pointsTeam2"])) for result in told.get("matchResults") or ()},
            tuple(_running(goal) for goal in told.get("goals") or () if _in_play(goal)),
            max((goal.get("matchMinute") or 0 for goal in told.get("goals") or () if _in_play(goal)), default=0),
        )

    @property
    def finished(self) -> bool:
        """Over, and with its result: the flag alone may come before it."""
        return self.over and FULL_TIME in self.results


@dataclass(frozen=True)
class _Reader:
    league: str
    season: str
    names: Mapping[str, str]

    def row(self, match: Told, kickoff: datetime) -> RawMatch:
        rules, local = COMPETITIONS[LEAGUES[self.league]], kickoff.astimezone(BERLIN)
        full, half, extra, shootout = (match.results.get(kind, (None, None)) for kind in (FULL_TIME, HALF_TIME, EXTRA_TIME, SHOOT_OUT))
        if not match.finished:
            full = half = extra = shootout = (None, None)
        return RawMatch(
            source=SOURCE,
            source_ref=match.match_id,
            sex=int(self.league in WOMEN),
            competition_code=rules.code,
            competition_raw=rules.name,
            country=rules.country,
            season_raw=self.season,
            date_local=local.date(),
            home_raw=self.names.get(match.home[0], match.home[1]),
            away_raw=self.names.get(match.away[0], match.away[1]),
            round_raw=match.round or None,
            time_local=f"{local:%H:%M}",
            tz=BERLIN.key,
            kickoff_utc=kickoff,
            kickoff_precision="minute",
            home_source_id=match.home[0],
            away_source_id=match.away[0],
            neutral=rules.code == "ger.cup" and match.round == "Finale",
            status_raw="finished" if match.finished else None,
            ft_home=full[0],
            ft_away=full[1],
            ht_home=half[0],
            ht_away=half[1],
            et_home=extra[0],
            et_away=extra[1],
            pen_home=shootout[0],
            pen_away=shootout[1],
        )


def _known(text: str | None) -> datetime | None:
    """Nothing, or 1970, stands for a day that nobody has named yet."""
    moment = from_iso(text) if text else None
    return moment if moment and moment.year > 1970 else None


def _local(text: str | None) -> datetime | None:
    """German time without a zone, as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC) if text else None


def _side(told: dict[str, Any]) -> tuple[str, str]:
    """A club's number and its name."""
    name = tidy(str(told["teamName"] or ""))
    if not name:
        raise ValueError("a club has no name")
    return str(told["teamId"]), name


def _kind(result: dict[str, Any]) -> int:
    number = int(result.get("resultTypeID") or 0)
    name = str(result.get("resultName") or "").casefold()
    return number or next((kind for word, kind in _NAMED.items() if word.casefold() in name), 0)


def _running(goal: dict[str, Any]) -> Score:
    return goals(goal["scoreTeam1"]), goals(goal["scoreTeam2"])


def _in_play(goal: dict[str, Any]) -> bool:
    """Goals of a shoot-out stand among the others, and only a comment tells them."""
    return "elfmeterschie" not in str(goal.get("comment") or "").casefold()
