"""openfootball: seasons of leagues and cups, and tournaments, as JSON; public domain, mostly kept by a robot."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from core.errors import DocumentRefused
from core.football.competitions import COMPETITIONS, Competition
from core.football.matches import code_of, folded, slug
from core.football.places import INTERNATIONAL
from core.football.raw import RawMatch, Refused, ScoreBasis
from core.football.seasons import season_name, window
from core.sources.checks import checked, goals, sides
from core.sources.documents import NOTHING_SCORED, UNREADABLE, Parsed, Part, RawDocument, Scored
from core.sources.openfootball_files import LEAGUES, MISFILED, TOURNAMENTS, Host, Tournament

SOURCE = "openfootball"
BASE = "https://raw.githubusercontent.com/openfootball"
NEUTRAL_FINALS = frozenset({"uefa.cl", "copa.libertadores", "ger.cup", "aut.cup"})
LISBON = date(2020, 8, 12)  # from here on the Champions League of 2019-20 was played to its end on one ground
FIRST_WEEKS = timedelta(days=42)

# Files that call a round `7. Round` tell all times an hour early, in summer and winter: found in all twelve of them by comparing
# hundreds of kick-offs with another source's.
HOUR_EARLY = timedelta(hours=1)
_NUMBER_FIRST = re.compile(r"^\d+\. Round$")
_TIME = re.compile(r"^(?P<hour>\d{1,2}):(?P<minute>\d{2})(?:\s*UTC(?P<offset>[+-]\d{1,2}))?$")
_ROUND = re.compile(r"^(?:Matchday (\d+)|(\d+)\. Round)$")
_NOBODY_YET = re.compile(r"^(N\.N\.|TBD|Sieger .*|Winner .*|Loser .*|[WL]\d+|\d[A-L](/[A-L])*)$")
_BASES: dict[str | None, ScoreBasis] = {"awarded": "awarded", "abandoned": "unknown"}


@dataclass(frozen=True)
class OpenFootball:
    """The source at its address, or at a mirror's; `since` leaves out seasons that begin before that year."""

    base: str = BASE
    since: int = 2010
    name: str = SOURCE

    def parts(self, now: datetime) -> tuple[Part, ...]:
        """A part for each season of each league and for each tournament. A season may not be published yet."""
        seasons = [f"{season}/{key}" for key, league in LEAGUES.items() for season in league.seasons(self.since, now.year)]
        addresses = {name: f"{self.base}/football.json/master/{name}.json" for name in seasons if name not in MISFILED}
        addresses |= {path: f"{self.base}/{path}" for path, cup in TOURNAMENTS.items() if self.since <= int(cup.season) <= now.year}
        return tuple(Part(name, {"matches": url}, frozenset({"matches"})) for name, url in addresses.items())

    def parse(self, part: Part, documents: Mapping[str, RawDocument], scored: Scored = NOTHING_SCORED) -> Parsed:
        return parse(part.name, documents["matches"].content, scored)


def parse(name: str, content: bytes, scored: Scored = NOTHING_SCORED) -> Parsed:
    """The matches of a file: `2025-26/en.1`, or a tournament's path. DocumentRefused when it cannot be trusted as a whole."""
    if name in MISFILED:
        raise DocumentRefused(f"{name} of openfootball was refused whole: {MISFILED[name]}. Nothing needs to be done.")
    reader = _of_tournament(TOURNAMENTS[name]) if name in TOURNAMENTS else _of_league(*name.split("/", 1))
    rows, refused = reader.read(_matches(name, content))
    return checked(f"{name} of openfootball", rows, refused, reader.rules, scored)


def _of_league(season: str, key: str = "") -> _Reader:
    if key not in LEAGUES:
        raise DocumentRefused(f"{key!r} is no league of openfootball that is known here. core/sources/openfootball_files.py lists them.")
    rules = COMPETITIONS[LEAGUES[key].code]
    return _Reader(season_name(season), rules.code, rules.name, rules.country, ZoneInfo(rules.timezone), rules)


def _of_tournament(cup: Tournament) -> _Reader:
    code, country = (cup.code, COMPETITIONS[cup.code].country) if cup.code else (code_of(cup.name), INTERNATIONAL)
    return _Reader(cup.season, code, cup.name, country, ZoneInfo(cup.timezone), None, cup.hosts, neutral=True)


def _matches(name: str, content: bytes) -> list[dict[str, Any]]:
    """The matches of any of the layouts, each with its round."""
    try:
        told = json.loads(content)
        if "rounds" in told:
            return [{"round": group["name"], **match} for group in told["rounds"] for match in group["matches"]]
        return list(told["matches"])
    except (ValueError, TypeError, KeyError) as error:
        raise DocumentRefused(
            f"{name} of openfootball cannot be read ({error!r}). The rows from before are kept; the next document may be better."
        ) from error


@dataclass(frozen=True)
class _Course:
    """A season's first day, and the number of its last round."""

    start: date
    last: int

    def too_early(self, day: date, told: str) -> bool:
        """Whether a round of this name cannot be played on this day: before the first one, or late rounds in the first weeks."""
        found = _ROUND.match(told)
        late = found is not None and 2 * int(found[1] or found[2]) > self.last
        return day < self.start + (FIRST_WEEKS if late else timedelta())


@dataclass(frozen=True)
class _Reader:
    """How the matches of one file are read."""

    season: str
    code: str
    competition: str
    country: str
    zone: ZoneInfo
    rules: Competition | None
    hosts: tuple[Host, ...] = ()
    neutral: bool = False

    def read(self, matches: list[dict[str, Any]]) -> tuple[list[RawMatch], list[Refused]]:
        """The matches between known sides, and those that cannot be read. Pairings that are still open are left out."""
        course = self._course(matches)
        rows: list[RawMatch] = []
        refused: list[Refused] = []
        for place, match in enumerate(matches, start=1):
            try:
                home, away = _team(match["team1"]), _team(match["team2"])
                if not _NOBODY_YET.match(home) and not _NOBODY_YET.match(away):
                    rows.append(self._row(match, home, away, course))
            except UNREADABLE as error:
                ref = f"{self.season}/{self.code}/row {place}"
                refused.append(Refused(SOURCE, ref, f"row {place} cannot be read: {error}", json.dumps(match)[:500]))
        return rows, refused

    def _course(self, matches: list[dict[str, Any]]) -> _Course | None:
        """When the rounds of a season that goes over a new year began, and how many there are."""
        rounds = [
            (int(found[1] or found[2]), str(match.get("date"))) for match in matches if (found := _ROUND.match(str(match.get("round"))))
        ]
        days = [day for number, day in rounds if number == 1]
        return _Course(date.fromisoformat(min(days)), max(rounds)[0]) if days and "-" in self.season else None

    def _day(self, text: str, told: str, course: _Course | None) -> date:
        """The day; a year later where it lies in the season's first weeks, but belongs to its end, and the season may have gone
        on for so long: July 2020 is written as July 2019.
        """
        day = date.fromisoformat(text)
        first, last = window(self.season)
        if course is None or day < first or not course.too_early(day, told):
            return day
        later = day + (date(day.year + 1, 3, 1) - date(day.year, 3, 1))
        return later if later <= last else day

    def _row(self, match: dict[str, Any], home: str, away: str, course: _Course | None) -> RawMatch:
        sides(home, away)
        day = self._day(match["date"], str(match.get("round")), course)
        early = HOUR_EARLY if _NUMBER_FIRST.match(str(match.get("round"))) else timedelta()
        clock, kickoff = self._kickoff(day, match.get("time"), early)
        told = ", ".join(filter(None, (match.get("stage"), match.get("round"))))
        row = RawMatch(
            source=SOURCE,
            source_ref=f"{self.season}/{self.code}/{slug(folded(home))}/{slug(folded(away))}/{{leg}}",
            sex=0,
            competition_code=self.code,
            competition_raw=self.competition,
            country=self.country,
            season_raw=self.season,
            date_local=day,
            home_raw=home,
            away_raw=away,
            round_raw=told or None,
            time_local=clock,
            tz=self.zone.key,
            kickoff_utc=kickoff,
            kickoff_precision="minute" if kickoff else "day",
            neutral=self._on_neutral_ground(told, day),
            status_raw=_status(match),
            score_basis=_basis(match),
            **_scores(match),
        )
        return self._hosted(row, str(match.get("ground") or "")) if self.hosts else row

    def _kickoff(self, day: date, text: str | None, early: timedelta) -> tuple[str | None, datetime | None]:
        """The time and the moment it means: on the clock of the league unless it names another, and `early` by so much."""
        found = _TIME.match(text or "")
        if found is None:
            return None, None
        zone: tzinfo = self.zone if found["offset"] is None else timezone(timedelta(hours=int(found["offset"])))
        local = datetime.combine(day, time(int(found["hour"]), int(found["minute"])), zone) + early
        return f"{local:%H:%M}", local.astimezone(UTC)

    def _on_neutral_ground(self, told: str, day: date) -> bool:
        if self.code == "uefa.cl" and self.season == "2019-20" and day >= LISBON:
            return True
        return self.neutral or (self.code in NEUTRAL_FINALS and told == "Final")

    def _hosted(self, row: RawMatch, ground: str) -> RawMatch:
        """A tournament's host comes first at home, as in the tables of internationals, whichever side the file names first."""
        places = ((row.round_raw or "").casefold(), ground.casefold())
        hosts = [host.team for host in self.hosts if any(place.startswith(word.casefold()) for word in host.where for place in places)]
        if row.home_raw in hosts:
            return replace(row, neutral=False)
        return replace(_turned(row), neutral=False) if row.away_raw in hosts else row


def _turned(row: RawMatch) -> RawMatch:
    """The same match with its sides exchanged."""
    *lead, home, away, leg = row.source_ref.split("/")
    return replace(
        row,
        source_ref="/".join([*lead, away, home, leg]),
        home_raw=row.away_raw,
        away_raw=row.home_raw,
        ft_home=row.ft_away,
        ft_away=row.ft_home,
        ht_home=row.ht_away,
        ht_away=row.ht_home,
        et_home=row.et_away,
        et_away=row.et_home,
        pen_home=row.pen_away,
        pen_away=row.pen_home,
    )


def _team(told: str | dict[str, str]) -> str:
    """The name, which some layouts put beside a code."""
    return (told["name"] if isinstance(told, dict) else told).strip()


def _status(match: dict[str, Any]) -> str | None:
    return str(match["status"]).strip().lower() if match.get("status") else None


def _basis(match: dict[str, Any]) -> ScoreBasis:
    """Whether the score is that after 90 minutes: not surely so where a later goal is listed and no extra time is told."""
    scorers = [*(match.get("goals1") or ()), *(match.get("goals2") or ())]
    late = any(int(str(goal.get("minute") or 0).partition("+")[0]) > 90 for goal in scorers)
    return "aet_or_90" if late and "et" not in (match.get("score") or {}) else _BASES.get(_status(match), "90")


def _scores(match: dict[str, Any]) -> dict[str, Any]:
    """After 90 minutes, at half time, after extra time and of the shoot-out; the oldest layout has the first alone."""
    told = match.get("score")
    if told is None:
        told = {"ft": [match["score1"], match["score2"]]} if match.get("score1") is not None else {}
    scores: dict[str, Any] = {}
    for key, name in (("ft", "ft"), ("ht", "ht"), ("et", "et"), ("p", "pen")):
        if told.get(key):
            home, away = told[key]
            scores[f"{name}_home"], scores[f"{name}_away"] = goals(home), goals(away)
    return scores
