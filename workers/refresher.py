"""The loop of one worker that has the sources asked for news, every so many minutes."""

from __future__ import annotations

import random
import time

from core.clock import from_iso, real_now
from core.settings import Settings
from core.storage.database import Database
from workers.jobs import Jobs
from workers.repeat import Repeat

LOOK_EVERY = 1.0
FIRST_AFTER = 3.0  # seconds after the start, so that pages and forecasts come first
JITTER = 0.1  # so much sooner or later, lest all installations ask at once
# Seconds to the second look, as long as no source was ever reached; the pauses then double.
AT_FIRST = 60.0


class Refresher:
    """Hands in a refresh when the last one is old enough. Two workers that do so make one task."""

    def __init__(self, settings: Settings) -> None:
        self.jobs = Jobs.open(settings, Database(settings.database_url))
        self._settings = settings
        self._looks = 0
        self._due = time.monotonic() + FIRST_AFTER

    def once(self) -> None:
        if time.monotonic() < self._due:
            return
        every = self._every()
        wait = every - self._age()
        if wait <= every * JITTER:
            self.jobs.refresh()
            self._looks += 1
            wait = self._every()
        self._due = time.monotonic() + wait * random.uniform(1 - JITTER, 1 + JITTER)

    def _every(self) -> float:
        """Seconds between two looks: who starts without a network waits about as long for today's matches as he was without it."""
        every = self._settings.refresh_every
        return every if self._settings.arrived else min(every, AT_FIRST * 2.0 ** min(max(0, self._looks - 1), 20))

    def _age(self) -> float:
        """Seconds since a refresh was last asked for, by whomever. One that lies ahead was asked for before the clock was put back."""
        last = self.jobs.ledger.recent(1, name="refresh")
        age = (real_now() - from_iso(last[0]["created_at"])).total_seconds() if last else float("inf")
        return age if age >= 0 else float("inf")


def start_refresher(settings: Settings) -> Repeat:
    """Begin to have the sources asked, with clients of its own."""
    loop = Repeat("refresher", LOOK_EVERY, Refresher(settings).once)
    loop.start()
    return loop
