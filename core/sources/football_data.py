"""football-data.co.uk: results, half times, shots and odds of European leagues as CSV, and fixtures some days ahead.

Free to download, under no open licence: whoever runs this project downloads for himself, and nothing of it is bundled.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.errors import DocumentRefused
from core.football.competitions import COMPETITIONS, Competition
from core.football.matches import slug
from core.football.outcomes import Outcome
from core.football.raw import RawMatch, Refused, pair_of
from core.football.seasons import season_name, season_of, split_season
from core.sources.checks import checked, goals, refusal, shots, sides, with_legs
from core.sources.documents import NOTHING_SCORED, Parsed, Part, RawDocument, Scored
from core.sources.text import table

SOURCE = "football_data"
BASE = "https://www.football-data.co.uk"
LONDON = ZoneInfo("Europe/London")  # all its times are on this clock, in whatever country the match is played

DIVISIONS = {
    "E0": "eng.1", "E1": "eng.2", "E2": "eng.3", "E3": "eng.4", "EC": "eng.5", "SC0": "sco.1", "SC1": "sco.2", "SC2": "sco.3",
    "SC3": "sco.4", "D1": "ger.1", "D2": "ger.2", "I1": "ita.1", "I2": "ita.2", "SP1": "esp.1", "SP2": "esp.2", "F1": "fra.1",
    "F2": "fra.2", "N1": "ned.1", "B1": "bel.1", "P1": "por.1", "T1": "tur.1", "G1": "gre.1",
}  # fmt: skip
# The extra leagues: one file with all seasons, under names of their own.
EXTRA = {"FIN": "fin.1", "NOR": "nor.1", "ROU": "rou.1", "RUS": "rus.1", "SWZ": "sui.1", "USA": "usa.1"}
_EXTRA_LEAGUES = {
    ("Finland", "Veikkausliiga"): "fin.1", ("Norway", "Eliteserien"): "nor.1", ("Romania", "Superliga"): "rou.1",
    ("Russia", "Premier League"): "rus.1", ("Switzerland", "Super League"): "sui.1", ("USA", "MLS"): "usa.1",
}  # fmt: skip
FIXTURES, EXTRA_FIXTURES = "fixtures", "new_league_fixtures"
SAME_MATCH = timedelta(days=3)  # a fixture so soon after a result on that ground is that match, moved at short notice
PIVOT = 93  # two-digit years from here on are of the 1900s: the first season is 1993-94

_MAIN = ("Div", "Date", "HomeTeam", "AwayTeam")
_RESULT = ("FTHG", "FTAG", "FTR")
_NEW = ("Country", "League", "Season", "Date", "Home", "Away")
_NAMES = {"Home": "HomeTeam", "Away": "AwayTeam", "HG": "FTHG", "AG": "FTAG", "Res": "FTR"}
_DAY = re.compile(r"^(\d{1,2})/(\d{1,2})/(\d{2}|\d{4})$")
# The yardstick: odds for home, draw and away of those bookmakers that were there longest, first and closing.
_KEPT = re.compile(r"^(?:B365|PS|P|WH|IW|GB|Avg|BbAv|Max|BbMx)C?[HDA]$")


@dataclass(frozen=True)
class FootballData:
    """The source at its address. `since`: the year in which the first season begins that is wanted."""

    base: str = BASE
    since: int = 2019
    name: str = SOURCE

    def parts(self, now: datetime) -> tuple[Part, ...]:
        """A part for each season of each division, for each extra league, and for the fixtures of all."""
        last = now.year if now.month >= 7 else now.year - 1
        seasons = {split_season(year): f"{year % 100:02d}{(year + 1) % 100:02d}" for year in range(self.since, last + 1)}
        urls = {f"{season}/{division}": f"mmz4281/{short}/{division}.csv" for season, short in seasons.items() for division in DIVISIONS}
        urls |= {f"new/{country}": f"new/{country}.csv" for country in EXTRA}
        urls |= {name: f"{name}.csv" for name in (FIXTURES, EXTRA_FIXTURES)}
        fixtures = (FIXTURES, EXTRA_FIXTURES)
        return tuple(
            Part(name, {"matches": f"{self.base}/{path}"}, frozenset({"matches"}), name in fixtures) for name, path in urls.items()
        )

    def parse(self, part: Part, documents: Mapping[str, RawDocument], scored: Scored = NOTHING_SCORED) -> Parsed:
        return parse(part.name, documents["matches"].content, scored)


def parse(name: str, content: bytes, scored: Scored = NOTHING_SCORED) -> Parsed:
    """The matches of `2025-26/E0`, `new/USA` or the fixtures.

    `scored`: for a season the matches of it that had a score; for fixtures those of the whole source, since a fixture between
    sides that have met on this ground already is their next meeting, or that very match, which is listed still.
    """
    what = f"{name} of football-data.co.uk"
    rows, refused = _read(name, what, content)
    if name in (FIXTURES, EXTRA_FIXTURES):
        return _fixtures(rows, refused, scored)
    by_code: dict[str, list[RawMatch]] = defaultdict(list)
    for row in rows:
        by_code[row.competition_code].append(row)
    if len(by_code) > 1:
        raise DocumentRefused(f"{what} mixes {', '.join(sorted(by_code))}. The rows from before are kept; check the source's address.")
    return checked(what, rows, refused, next((COMPETITIONS[code] for code in by_code), None), scored)


def _read(name: str, what: str, content: bytes) -> tuple[list[RawMatch], list[Refused]]:
    extra = name.startswith("new")
    needed = _NEW if extra else _MAIN if name == FIXTURES else _MAIN + _RESULT
    told = [_renamed(line) for line in table(what, content, needed)]
    season = None if extra or name == FIXTURES else _season(name)
    rows: list[RawMatch] = []
    refused: list[Refused] = []
    for place, line in enumerate(told, start=2):
        if not line["Date"] or not (line.get("Div") or line.get("Country")):
            continue  # what is left of an empty line
        try:
            rules = _competition(line)
            if rules is not None:
                rows.append(_match(line, rules, season))
        except ValueError as error:
            refused.append(Refused(SOURCE, f"{name}/line {place}", f"line {place}: {error}", json.dumps(line, ensure_ascii=False)[:500]))
    return rows, refused


def _season(name: str) -> str:
    """`2025-26` from `2025-26/E0`, or from the `2526/E0` of an address."""
    season = name.partition("/")[0]
    if "-" not in season:
        season = f"{'19' if int(season[:2]) >= PIVOT else '20'}{season[:2]}-{season[2:]}"
    return season_name(season)


def _renamed(line: dict[str, str]) -> dict[str, str]:
    """The extra leagues' columns under the names of the others."""
    return {_NAMES.get(name, name): cell for name, cell in line.items()}


def _competition(line: dict[str, str]) -> Competition | None:
    """The competition of a line; None for a play-off that an extra league's file files under another league."""
    if "Div" not in line:
        code = _EXTRA_LEAGUES.get((line["Country"], line["League"]))
        return COMPETITIONS[code] if code else None
    if line["Div"] not in DIVISIONS:
        raise ValueError(f"the division {line['Div']!r} is not known")
    return COMPETITIONS[DIVISIONS[line["Div"]]]


def _match(line: dict[str, str], rules: Competition, season: str | None) -> RawMatch:
    home, away = line["HomeTeam"], line["AwayTeam"]
    sides(home, away)
    day, kickoff = _when(line["Date"], line.get("Time", ""))
    local = kickoff.astimezone(ZoneInfo(rules.timezone)) if kickoff else None
    season = season or (season_name(line["Season"]) if line.get("Season") else season_of(day))
    full, half = _score(line, "FTHG", "FTAG"), _score(line, "HTHG", "HTAG")
    if full and line.get("FTR") and "HDA"[Outcome.of(*full)] != line["FTR"]:
        raise ValueError(f"{full[0]}-{full[1]} is no {line['FTR']!r}")
    return RawMatch(
        source=SOURCE,
        source_ref=f"{season}/{rules.code}/{slug(home)}/{slug(away)}/{{leg}}",
        sex=0,
        competition_code=rules.code,
        competition_raw=rules.name,
        country=rules.country,
        season_raw=season,
        date_local=local.date() if local else day,
        home_raw=home,
        away_raw=away,
        time_local=f"{local:%H:%M}" if local else None,
        tz=rules.timezone,
        kickoff_utc=kickoff,
        kickoff_precision="minute" if kickoff else "day",
        ft_home=full[0] if full else None,
        ft_away=full[1] if full else None,
        ht_home=half[0] if half and full else None,
        ht_away=half[1] if half and full else None,
        home_shots=_shots(line, "HS"),
        away_shots=_shots(line, "AS"),
        home_shots_on_target=_shots(line, "HST"),
        away_shots_on_target=_shots(line, "AST"),
        odds_json=_yardstick(line),
    )


def _when(text: str, clock: str) -> tuple[date, datetime | None]:
    """The day as it is written, with two or four digits of its year, and the kick-off where there is a time."""
    found = _DAY.match(text)
    if found is None:
        raise ValueError(f"{text!r} is no day such as 16/08/2025")
    year = int(found[3])
    if len(found[3]) == 2:
        year += 1900 if year >= PIVOT else 2000
    day = date(year, int(found[2]), int(found[1]))
    return day, datetime.combine(day, time.fromisoformat(clock.zfill(5)), LONDON).astimezone(UTC) if clock else None


def _score(line: dict[str, str], home: str, away: str) -> tuple[int, int] | None:
    if not line.get(home) and not line.get(away):
        return None
    return goals(_whole(line.get(home))), goals(_whole(line.get(away)))


def _whole(text: str | None) -> str | None:
    """Copies that went through other programs write 2 as 2.0."""
    return text.removesuffix(".0") if text else text


def _shots(line: dict[str, str], column: str) -> int | None:
    """A number that cannot be one counts as not told: the result beside it may be right."""
    return shots(_whole(line.get(column)))


def _yardstick(line: dict[str, str]) -> str | None:
    kept = {name: number for name, cell in line.items() if _KEPT.match(name) and (number := _number(cell)) is not None}
    return json.dumps(kept) if kept else None


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _fixtures(rows: list[RawMatch], refused: list[Refused], scored: Scored) -> Parsed:
    """Fixtures of all divisions; they stay in the document until they are played, and often longer."""
    met: dict[str, list[date]] = defaultdict(list)
    for ref, day in scored.items():
        met[pair_of(ref)].append(day)
    waiting = [row for row in rows if all(day + SAME_MATCH < row.date_local for day in met[pair_of(row.source_ref)])]
    too_many = [row for row in waiting if len(met[pair_of(row.source_ref)]) >= COMPETITIONS[row.competition_code].home_meetings]
    refused += [refusal(row, "the two have met on this ground as often as the league lets them") for row in too_many]
    to_come = [row for row in waiting if row not in too_many]
    numbered, twice = with_legs(to_come, {pair: len(days) for pair, days in met.items()})
    return Parsed(tuple(numbered), (*refused, *twice))
