"""My league's CSV: anybody's own matches, a file or an address, in the columns of the backtest command.

`date, competition, sex, neutral, home_team, away_team, home_score, away_score`, and where they are known a `season` and shots.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from core.clock import real_now
from core.errors import DocumentMissing, DocumentRefused, SourceError
from core.football.competitions import COMPETITIONS
from core.football.matches import code_of, slug, tidy
from core.football.nations import is_nation
from core.football.places import INTERNATIONAL
from core.football.raw import RawMatch, Refused
from core.football.seasons import season_name, season_of
from core.sources.checks import MOST_SHOTS, goals, shots, sides, with_legs
from core.sources.documents import NOTHING_SCORED, Parsed, Part, RawDocument, Scored
from core.sources.text import table

SOURCE = "my_league"
NEEDED = ("date", "competition", "sex", "neutral", "home_team", "away_team", "home_score", "away_score")
SEXES = {"men": 0, "man": 0, "male": 0, "m": 0, "0": 0, "women": 1, "woman": 1, "female": 1, "w": 1, "f": 1, "1": 1}
TRUTHS = {"true": True, "t": True, "yes": True, "1": True, "false": False, "f": False, "no": False, "0": False}
MOST_BYTES = 32 * 1024 * 1024

Choice = TypeVar("Choice", int, bool)


@dataclass(frozen=True)
class MyLeague:
    """The source at a path or an http address."""

    location: str
    name: str = SOURCE

    @property
    def is_file(self) -> bool:
        """Whether it is read with `read_file`, not fetched."""
        return urlsplit(self.location).scheme not in ("http", "https")

    def parts(self, now: datetime) -> tuple[Part, ...]:
        return (Part("matches", {"matches": self.location}),)

    def parse(self, part: Part, documents: Mapping[str, RawDocument], scored: Scored = NOTHING_SCORED) -> Parsed:
        """The rows are the owner's: a score that is gone was taken back, and whatever is wrong is told row by row."""
        return parse(documents["matches"].content)


def read_file(path: Path, earlier: RawDocument | None = None) -> RawDocument | None:
    """The file's bytes, or None when it has not changed since `earlier`. DocumentMissing or SourceError when it cannot be read."""
    try:
        changed = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat()
        if earlier is not None and earlier.last_modified == changed:
            return None
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise DocumentMissing(f"{path} does not exist. Put the file of matches there, or name another one.") from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror}). Make it readable, or name another file.") from error
    if len(content) > MOST_BYTES:
        raise SourceError(f"{path} is larger than {MOST_BYTES // 2**20} MB. Split it by seasons.")
    return RawDocument(SOURCE, str(path), content, real_now(), last_modified=changed)


def parse(content: bytes) -> Parsed:
    """The matches of the file; a row that cannot be is refused by its number, counted from 1 below the header, and the reason."""
    lines = table("The file of my league", content, ())
    lines = [{name.lower(): cell for name, cell in line.items()} for line in lines]
    missing = [name for name in NEEDED if lines and name not in lines[0]]
    if not lines or missing:
        lacks = f"lacks {', '.join(missing)}" if missing else "holds no match"
        raise DocumentRefused(f"The file of my league {lacks}. Give it the columns {', '.join(NEEDED)}, and a row for each match.")
    rows: list[RawMatch] = []
    refused: list[Refused] = []
    for place, line in enumerate(lines, start=1):
        try:
            rows.append(_match(line))
        except ValueError as error:
            refused.append(Refused(SOURCE, f"row {place}", f"row {place}: {error}", str(line)[:500]))
    if not rows:
        raise DocumentRefused(f"No row of the file of my league can be read; {refused[0].reason}. Correct it and give it again.")
    kept, twice = with_legs(rows)
    return Parsed(tuple(kept), (*refused, *twice))


def _match(line: dict[str, str]) -> RawMatch:
    home, away, competition = (tidy(line[name]) for name in ("home_team", "away_team", "competition"))
    if not competition:
        raise ValueError("competition is empty")
    sides(home, away)
    day = _day(line["date"])
    code, name, country = _where(competition, home, away)
    season = season_name(line["season"]) if line.get("season") else str(day.year) if country == INTERNATIONAL else season_of(day)
    if not 0 <= day.year - int(season[:4]) <= 1:
        raise ValueError(f"{day} lies outside the season {season}")
    score = _score(line["home_score"], line["away_score"])
    sex = _chosen("sex", line["sex"], SEXES, "men or women")
    return RawMatch(
        source=SOURCE,
        source_ref=f"{season}/{code}/{slug(home)}/{slug(away)}/{sex}/{{leg}}",
        sex=sex,
        competition_code=code,
        competition_raw=name,
        country=country,
        season_raw=season,
        date_local=day,
        home_raw=home,
        away_raw=away,
        neutral=_chosen("neutral", line["neutral"], TRUTHS, "true or false"),
        ft_home=score[0] if score else None,
        ft_away=score[1] if score else None,
        home_shots=_shots(line, "home_shots"),
        away_shots=_shots(line, "away_shots"),
        home_shots_on_target=_shots(line, "home_shots_on_target"),
        away_shots_on_target=_shots(line, "away_shots_on_target"),
    )


def _where(competition: str, home: str, away: str) -> tuple[str, str, str]:
    """The code, the name and the country: of a known league, of matches between nations, or of a league of its own."""
    known = COMPETITIONS.get(competition.lower())
    if known is not None:
        return known.code, known.name, known.country
    return code_of(competition), competition, INTERNATIONAL if is_nation(home) and is_nation(away) else competition


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise ValueError(f"date {text!r} is no day such as 2025-08-16") from None


def _chosen(column: str, text: str, known: Mapping[str, Choice], choices: str) -> Choice:
    found = known.get(text.lower().removesuffix(".0"))
    if found is None:
        raise ValueError(f"{column} {text!r} is neither {choices}")
    return found


def _score(home: str, away: str) -> tuple[int, int] | None:
    told = [text.removesuffix(".0") for text in (home, away)]
    if not any(told):
        return None
    if not all(told):
        raise ValueError("only one side has a score")
    return goals(told[0]), goals(told[1])


def _shots(line: dict[str, str], column: str) -> int | None:
    """None where the file has no such column, or says nothing in it."""
    told = line.get(column, "").removesuffix(".0")
    found = shots(told)
    if told and found is None:
        raise ValueError(f"{column} {told!r} is no whole number from 0 to {MOST_SHOTS}")
    return found
