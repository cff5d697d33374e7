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


class Refresher:
    """Hands in a refresh when the last one is old enough. Two workers that do so make one task."""

    def __init__(self, settings: Settings) -> None:
        self.jobs = Jobs.open(settings, Database(settings.database_url))
        self._every = settings.refresh_every
        self._due = time.monotonic() + FIRST_AFTER

    def once(self) -> None:
        if time.monotonic() < self._due:
            return
        wait = self._every - self._age()
        if wait <= self._every * JITTER:
            self.jobs.refresh()
            wait = self._every
        self._due = time.monotonic() + wait * random.uniform(1 - JITTER, 1 + JITTER)

    def _age(self) -> float:
        """Seconds since a refresh was last asked for, by whomever."""
        last = self.jobs.ledger.recent(1, name="refresh")
        return (real_now() - from_iso(last[0]["created_at"])).total_seconds() if last else float("inf")


def start_refresher(settings: Settings) -> Repeat:
    """Begin to have the sources asked, with clients of its own."""
    loop = Repeat("refresher", LOOK_EVERY, Refresher(settings).once)
    loop.start()
    return loop
