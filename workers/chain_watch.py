"""The loop of one worker that verifies the chains of sealed forecasts: at its start, hourly, and after each new batch."""

from __future__ import annotations

import logging
import os
import socket
import time
from datetime import datetime

from core.clock import from_iso, real_now
from core.settings import Settings
from core.storage import chain_check, forecast_chain, leases, pipeline_log
from core.storage.chain_check import ChainCheck
from core.storage.database import Database
from core.storage.files import Store
from workers.log import line
from workers.repeat import Repeat

LOOK_EVERY = 2.0
HOUR = 3600.0
SETTLED = 30.0  # seconds after a check until what was sealed since is looked at
LEASE = "chain"


class ChainWatch:
    """Of several workers, the one that holds the lease verifies; the stored outcome tells the others that it was done."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.database = Database(settings.database_url)
        self.store = Store.open(settings.store_url, settings.s3_endpoint)
        self.holder = f"{socket.gethostname()[:40]}:{os.getpid()}"
        self._started = real_now()

    def once(self) -> None:
        """Verify if it is time. The outcome goes to `meta`, and to the log as one line."""
        if not self._due() or not leases.take(self.database, LEASE, self.holder, leases.LONGEST):
            return
        try:
            began = time.perf_counter()
            check = chain_check.run(self.database, self.store)
            _log(check, time.perf_counter() - began)
        finally:
            leases.take(self.database, LEASE, self.holder, 0.0)

    def _due(self) -> bool:
        last = chain_check.latest(self.database)
        if last is None or not _recent(last, self._started):
            return True
        if last.batch != pipeline_log.noted(self.database, pipeline_log.PUBLISHED):
            return True
        return last.age_seconds > SETTLED and last.problem is None and self._has_grown(last)

    def _has_grown(self, last: ChainCheck) -> bool:
        """Whether something was sealed since, as after a promotion."""
        timeline = self.settings.timeline
        with self.database.read() as connection:
            return forecast_chain.head(connection, timeline)[1] != last.entries.get(timeline, 0)


def _recent(check: ChainCheck, started: datetime) -> bool:
    """Whether it was made since this process started, within the hour; one that lies ahead was made before the clock was put back."""
    return from_iso(check.checked_at) >= started.replace(microsecond=0) and 0 <= check.age_seconds < HOUR


def _log(check: ChainCheck, seconds: float) -> None:
    level = logging.INFO if check.problem is None else logging.ERROR
    line("forecast chain", level, entries=sum(check.entries.values()), seconds=round(seconds, 3), problem=check.problem)


def start_chain_watch(settings: Settings) -> Repeat:
    """Begin to verify in this process, with clients of its own."""
    loop = Repeat("chain", LOOK_EVERY, ChainWatch(settings).once)
    loop.start()
    return loop
