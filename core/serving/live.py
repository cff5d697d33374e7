"""Scores of matches in play, and where a replay stands: read each second by the pulse's thread, shown from memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from core.clock import Clock
from core.errors import StorageError
from core.football.live import LiveMatch
from core.storage import forecast_chain, live_scores, pipeline_log, replay
from core.storage.database import Database
from core.vocabulary import CHAMPION

OLD = 3.0  # seconds after which a reader does not trust the thread to read, but reads

Chances = tuple[float, float, float]


class LiveScores:
    """`clock` is moved along with the replay; `renew` is called when a batch was published."""

    def __init__(self, database: Database, clock: Clock, timeline: str, renew: Callable[[], object]) -> None:
        self.error: str | None = None
        self._database, self._clock, self._timeline, self._renew = database, clock, timeline, renew
        self._start = clock.moment
        self._replay = None if self._start is None else replay.Replay(self._start, self._start)
        self._matches: list[LiveMatch] = []
        self._sealed: dict[int, Chances] = {}
        self._asked: tuple[str | None, frozenset[int]] = None, frozenset()
        self._read_at = float("-inf")
        self._reading = threading.Lock()

    def refresh(self) -> None:
        """Read now. When the database is away, what was read before stays, and grows stale by itself."""
        with self._reading:
            self._renew_all()

    def _renew_all(self) -> None:
        self._read_at = time.monotonic()
        try:
            self._read()
        except StorageError as error:
            self.error = str(error)
        else:
            self.error = None

    def matches(self) -> list[LiveMatch]:
        """Every match that was lately in play, by kick-off, as it stands now."""
        self._trust()
        now = self._clock.now()
        return [match._replace(row=match.row.at(now)) for match in self._matches]

    def sealed(self) -> Mapping[int, Chances]:
        """By match: home, draw and away as the champion's forecast was last sealed, which was before kick-off."""
        return self._sealed

    @property
    def replay(self) -> replay.Replay | None:
        """Where the replay stands; None on the real timeline."""
        self._trust()
        return self._replay

    def play(self, speed: float) -> None:
        """Let the replay's clock run, at so many minutes of play a second, to the end of the next match day."""
        if self._start is not None:
            self._replay = replay.play(self._database, self._start, speed)

    def pause(self) -> None:
        """Let it stand."""
        if self._start is not None:
            self._replay = replay.pause(self._database, self._start)

    def _trust(self) -> None:
        """Read if nobody did lately. While somebody does, as one may who waits for a database that hangs, no page waits with him."""
        if time.monotonic() - self._read_at > OLD and self._reading.acquire(blocking=False):
            try:
                self._renew_all()
            finally:
                self._reading.release()

    def _read(self) -> None:
        published = pipeline_log.noted(self._database, pipeline_log.PUBLISHED)
        with self._database.read() as connection:
            stands = None if self._start is None else replay.kept(connection, self._start)
            matches = live_scores.current(connection, self._clock.now())
        asked = published, frozenset(match.row.match_id for match in matches if match.row.match_id is not None)
        if asked != self._asked:
            with self._database.read() as connection:
                self._sealed = forecast_chain.last_of_stage(connection, self._timeline, CHAMPION, asked[1])
        if published != self._asked[0]:
            self._renew()
        self._asked, self._matches = asked, matches
        if stands is not None:
            self._replay, self._clock.moment = stands, stands.moment
