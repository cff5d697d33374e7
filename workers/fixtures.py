"""The matches to come, found by league, team, day and sex."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from core.clock import iso
from core.football.matches import plain
from core.serving.feature_table import FeatureTable
from core.serving.snapshot import Held

Words = list[str]


@dataclass(frozen=True)
class Wanted:
    """What is asked for; None, or an empty text, means any. Days are inclusive."""

    league: str | None = None
    team: str | None = None
    first: date | None = None
    last: date | None = None
    sex: int | None = None


@dataclass(frozen=True)
class Fixture:
    row: dict[str, Any]
    teams: tuple[Words, Words]
    league: Words

    def is_to_come(self, moment: str) -> bool:
        """Whether it begins after this moment, or on its day or later while only the day is known. ISO texts sort as times do."""
        kickoff: str | None = self.row["kickoff_utc"]
        return kickoff > moment if kickoff else bool(self.row["match_date"] >= moment[:10])

    def fits(self, wanted: Wanted) -> bool:
        day = self.row["match_date"]
        return (
            (wanted.sex is None or self.row["sex"] == wanted.sex)
            and (wanted.first is None or day >= wanted.first.isoformat())
            and (wanted.last is None or day <= wanted.last.isoformat())
            and (not wanted.team or any(begin(wanted.team, team) for team in self.teams))
            and (not wanted.league or wanted.league == self.row["competition_code"] or begin(wanted.league, self.league))
        )


class Fixtures:
    """Each batch is made ready to be searched once; two requests at once may both do it, to the same end."""

    def __init__(self) -> None:
        self._ready: tuple[str, list[Fixture]] = ("", [])

    def among(self, held: Held[FeatureTable], wanted: Wanted, now: datetime) -> list[dict[str, Any]]:
        """The rows that fit, by kick-off, without those that have begun since the batch was made."""
        moment = iso(now.replace(microsecond=0))
        stamp, fixtures = self._ready
        if stamp != held.stamp:
            fixtures = [_fixture(row) for row in held.value.upcoming]
            self._ready = (held.stamp, fixtures)
        return [fixture.row for fixture in fixtures if fixture.is_to_come(moment) and fixture.fits(wanted)]


def begin(asked: str, words: Words) -> bool:
    """Whether every word that was asked for begins one of these; a text without any letter or digit fits nothing."""
    asked_for = plain(asked).split()
    return bool(asked_for) and all(any(word.startswith(begun) for word in words) for begun in asked_for)


def _fixture(row: dict[str, Any]) -> Fixture:
    home, away, league = (plain(str(row[name])).split() for name in ("home_team", "away_team", "competition"))
    return Fixture(row, (home, away), league)
