"""Live scores in real time: while matches are in play their source is asked, and nobody when there are none."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from core.clock import real_now
from core.errors import SourceError
from core.football.live import OVER, LiveRow
from core.sources.documents import Get, RawDocument
from core.sources.openligadb import LEAGUES, SOURCE, OpenLigaDB
from core.sources.openligadb_live import live
from core.storage import live_scores
from core.storage.database import Database
from core.storage.fixture_list import Fixture, begun

Matchday = tuple[str, int, int]

# A match is asked about from shortly before its kick-off until it is over; one of which that is never told, for so long.
BEFORE, AT_MOST = timedelta(minutes=2), timedelta(hours=4)


@dataclass(frozen=True)
class Seen:
    """What a matchday last said: when it last changed, in the source's words, and its matches."""

    changed: bytes
    document: RawDocument


class Poller:
    """`get` fetches a document; `interval` is in seconds; `over` is called when the last match in play has ended."""

    def __init__(
        self,
        database: Database,
        source: OpenLigaDB,
        get: Get,
        interval: float,
        over: Callable[[], object],
        clock: Callable[[], datetime] = real_now,
    ) -> None:
        self.database, self.source = database, source
        self._get, self._interval, self._over, self._clock = get, interval, over, clock
        self._codes = {LEAGUES[league]: league for league in source.leagues}
        self._seen: dict[Matchday, Seen] = {}
        self._next = float("-inf")
        self._playing = False

    def wanted(self) -> bool:
        """Whether it is time to look again."""
        return time.monotonic() >= self._next

    def once(self) -> None:
        """Ask for each matchday of which a match is in play. One that cannot be had leaves the others alone; SourceError then says why."""
        self._next = time.monotonic() + self._interval
        now = self._clock()
        playing = self._in_play(now)
        days = sorted(self._matchdays(playing))
        self._seen = {day: self._seen[day] for day in days if day in self._seen}  # a worker lives for many matchdays
        problems = [problem for day in days if (problem := self._ask(day, now)) is not None]
        still = bool(self._in_play(now))
        if self._playing and not still:
            self._over()
        self._playing = still
        if problems:
            raise problems[0]

    def _in_play(self, now: datetime) -> list[Fixture]:
        fixtures = begun(self.database, now - AT_MOST, now + BEFORE)
        with self.database.read() as connection:
            over = {match.row.match_id for match in live_scores.current(connection, now) if match.row.phase in OVER}
        return [fixture for fixture in fixtures if fixture.competition_code in self._codes and fixture.match_id not in over]

    def _matchdays(self, playing: list[Fixture]) -> set[Matchday]:
        rounds = {(self._codes[fixture.competition_code], int(fixture.season[:4]), _number(fixture.round)) for fixture in playing}
        return {(league, year, number) for league, year, number in rounds if number is not None}

    def _ask(self, day: Matchday, now: datetime) -> SourceError | None:
        try:
            rows = live(day[0], replace(self._document(day), fetched_at=now), now)
        except SourceError as error:
            return error
        with self.database.read() as connection:
            known = live_scores.identified(connection, rows)
        live_scores.write(self.database, filter(_of_today(now), known))
        return None

    def _document(self, day: Matchday) -> RawDocument:
        """The matchday, fetched anew only when it has changed."""
        changed = self._fetched(self.source.last_change(*day)).content
        seen = self._seen.get(day)
        if seen is None or seen.changed != changed:
            seen = self._seen[day] = Seen(changed, self._fetched(self.source.matchday(*day)))
        return seen.document

    def _fetched(self, address: str) -> RawDocument:
        document = self._get(SOURCE, address, None)
        if document is None:
            raise SourceError(f"{SOURCE} says that nothing changed, though it was not asked that. It is asked again soon.")
        return document


def _number(round: str) -> int | None:
    """`30` of `30. Spieltag` and of `Matchday 30`; None for a round with a name."""
    found = re.search(r"\d+", round)
    return int(found[0]) if found else None


def _of_today(now: datetime) -> Callable[[LiveRow], bool]:
    """A matchday is several days long: those that are long over, or far away, are no live scores."""
    return lambda row: row.kickoff_utc is not None and now - AT_MOST <= row.kickoff_utc <= now + BEFORE
