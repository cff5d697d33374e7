"""The bundled snapshot: real matches that need no network (data/snapshot/README.md says where they come from)."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from core.clock import from_iso
from core.errors import DocumentRefused
from core.football.matches import Teams
from core.football.raw import RawMatch, Refused, ScoreBasis
from core.football.replayed import Goal

SOURCE = "snapshot"
MATCHES_FILE = "matches.csv.gz"
ALIASES_FILE = "team_aliases.csv"
GOALS_FILE = "goal_minutes.csv.gz"
BROKEN_AT_MOST = 0.01  # above this share of unreadable rows it is the file that is broken, not a row
MOST_GOALS = 40

_NEEDED = frozenset(
    ("match_id", "date", "kickoff_utc", "competition_code", "competition", "country", "season", "round", "sex", "neutral",
     "home_team", "away_team", "home_score", "away_score", "status", "leg")
)  # fmt: skip


@dataclass(frozen=True)
class Alias:
    """One spelling of one team."""

    country: str
    sex: int
    canonical: str
    alias: str
    source: str


@dataclass(frozen=True)
class SnapshotRows:
    """`formerly`: ids that matches had before their leg was mended, and those they have now."""

    matches: tuple[RawMatch, ...]
    aliases: tuple[Alias, ...]
    refused: tuple[Refused, ...]
    formerly: Mapping[int, int] = field(default_factory=dict)

    def teams(self) -> Teams:
        """Every team of the snapshot under all its spellings."""
        teams = Teams()
        for alias in self.aliases:
            teams.add(alias.country, alias.sex, alias.canonical, alias.alias, alias.source)
        return teams


def read(folder: Path) -> SnapshotRows:
    """All rows of the snapshot in `folder`. A row that cannot be read is refused with its line and reason; a file that
    cannot be read, or with more than one broken row in a hundred, is a DocumentRefused.
    """
    text = _text(folder / MATCHES_FILE)
    matches, refused = parse_matches(text)
    return SnapshotRows(matches, read_aliases(folder / ALIASES_FILE), refused, _formerly(text))


def read_aliases(path: Path) -> tuple[Alias, ...]:
    """The spellings that a file lists; DocumentRefused when a line cannot be read."""
    return parse_aliases(_text(path), path.name)


def read_goals(folder: Path) -> dict[int, tuple[Goal, ...]]:
    """The goals of each match for which their minutes are known, by match id; DocumentRefused when the file cannot be read."""
    goals: dict[int, list[Goal]] = {}
    for line, row in enumerate(_rows(_text(folder / GOALS_FILE), GOALS_FILE, frozenset(("match_id", "minute", "side"))), start=2):
        try:
            # A few goals stand in minute 0, which no match has.
            goal = Goal(max(1, _whole("minute", row["minute"], 130, least=0)), {"home": True, "away": False}[row["side"]])
            goals.setdefault(int(row["match_id"]), []).append(goal)
        except (KeyError, ValueError) as error:
            raise DocumentRefused(f"Line {line} of {GOALS_FILE} cannot be read ({error}). Take the file from the release again.") from error
    return {match_id: tuple(sorted(fallen)) for match_id, fallen in goals.items()}


def parse_matches(text: str) -> tuple[tuple[RawMatch, ...], tuple[Refused, ...]]:
    """The matches of a snapshot file's text, and the rows that were refused."""
    rows = _rows(text, MATCHES_FILE, _NEEDED)
    good: list[RawMatch] = []
    bad: list[Refused] = []
    for line, row in enumerate(rows, start=2):
        try:
            good.append(_match(row))
        except ValueError as error:
            bad.append(Refused(SOURCE, f"{MATCHES_FILE}:{line}", f"line {line}: {error}", str(row)))
    if len(bad) > max(1, BROKEN_AT_MOST * len(rows)):
        raise DocumentRefused(
            f"{MATCHES_FILE} has {len(bad)} broken rows of {len(rows)}; {bad[0].reason}. Take the file from the release again."
        )
    return tuple(good), tuple(bad)


def _formerly(text: str) -> dict[int, int]:
    """The old id of each match that has one, and its id."""
    told = [(row.get("formerly") or "", row["match_id"]) for row in _rows(text, MATCHES_FILE, _NEEDED)]
    return {int(old): int(new) for old, new in told if old.isdecimal() and new.isdecimal()}


def parse_aliases(text: str, name: str = ALIASES_FILE) -> tuple[Alias, ...]:
    rows = _rows(text, name, frozenset(("country", "canonical", "alias", "source")))
    return tuple(_alias(name, line, row) for line, row in enumerate(rows, start=2))


def _alias(name: str, line: int, row: dict[str, str]) -> Alias:
    """A spelling less would make matches vanish, so that a broken row is the whole file's fault."""
    sex, named = row.get("sex") or "0", [row[column] for column in ("country", "canonical", "alias", "source")]
    if sex not in ("0", "1") or not all(named):
        raise DocumentRefused(f"Line {line} of {name} cannot be read. Take the file from the release again.")
    country, canonical, alias, source = named
    return Alias(country, int(sex), canonical, alias, source)


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        return (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise DocumentRefused(f"{path.name} cannot be read ({error}). Take the file from the release again.") from error


def _rows(text: str, name: str, needed: frozenset[str]) -> list[dict[str, str]]:
    reader = csv.DictReader(io.StringIO(text))
    missing = needed - set(reader.fieldnames or ())
    if missing:
        raise DocumentRefused(f"{name} lacks the columns {', '.join(sorted(missing))}. Take the file from the release again.")
    try:
        return list(reader)
    except csv.Error as error:
        raise DocumentRefused(
            f"{name} is no CSV file from line {reader.line_num} on ({error}). Take the file from the release again."
        ) from error


def _match(row: dict[str, str]) -> RawMatch:
    if any(row[column] is None for column in _NEEDED):
        raise ValueError("the row is cut short")
    home, away = row["home_team"].strip(), row["away_team"].strip()
    if not home or not away or home == away:
        raise ValueError(f"{home or 'nobody'} plays {away or 'nobody'}")
    if row["sex"] not in ("0", "1"):
        raise ValueError(f"sex is {row['sex']!r}, not 0 or 1")
    kickoff = from_iso(row["kickoff_utc"]) if row["kickoff_utc"] else None
    basis: ScoreBasis = "awarded" if row["status"] == "awarded" else "90"
    return RawMatch(
        source=SOURCE,
        source_ref=str(_whole("match_id", row["match_id"], 2**53)),
        sex=int(row["sex"]),
        competition_code=row["competition_code"],
        competition_raw=row["competition"],
        country=row["country"],
        season_raw=row["season"],
        date_local=date.fromisoformat(row["date"]),
        home_raw=home,
        away_raw=away,
        round_raw=row["round"] or None,
        tz="UTC" if kickoff else None,
        kickoff_utc=kickoff,
        kickoff_precision="minute" if kickoff else "day",
        neutral=row["neutral"] == "1",
        leg=_whole("leg", row["leg"], 99),
        status_raw=row["status"],
        ft_home=_goals("home_score", row["home_score"]),
        ft_away=_goals("away_score", row["away_score"]),
        score_basis=basis,
    )


def _goals(column: str, text: str) -> int | None:
    return _whole(column, text, MOST_GOALS, least=0) if text else None


def _whole(column: str, text: str, most: int, least: int = 1) -> int:
    try:
        value = int(text)
    except ValueError:
        raise ValueError(f"{column} is {text!r}, not a whole number") from None
    if not least <= value <= most:
        raise ValueError(f"{column} is {value}, not between {least} and {most}")
    return value
