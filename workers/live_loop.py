"""The loop of one worker that brings live scores: a replay is played, in real time a source is asked."""

from __future__ import annotations

import os
import socket
from typing import Protocol

from core.settings import Settings
from core.sources.fetching import Fetcher, Limits
from core.sources.openligadb import SOURCE, OpenLigaDB
from core.storage import leases
from core.storage.database import Database
from workers.jobs import Jobs
from workers.locking import LOCK
from workers.playing import Player
from workers.polling import Poller
from workers.providers import reached
from workers.repeat import Repeat

EVERY = 0.5
LEASE_SECONDS = 5.0


class Bringer(Protocol):
    """What brings scores: whether it has anything to do now, and doing it."""

    def wanted(self) -> bool: ...
    def once(self) -> None: ...


class LiveLoop:
    """One step a call, by whoever holds the lease: of several workers, one."""

    def __init__(self, settings: Settings) -> None:
        self.database = Database(settings.database_url)
        self.holder = f"{socket.gethostname()[:40]}:{os.getpid()}"
        self.bringer = _bringer(settings, self.database)

    def once(self) -> None:
        if self.bringer.wanted() and leases.take(self.database, "live", self.holder, LEASE_SECONDS):
            self.bringer.once()


def _bringer(settings: Settings, database: Database) -> Bringer:
    jobs, start = Jobs.open(settings, database), settings.clock.moment
    return _poller(settings, database, jobs) if start is None else Player(database, jobs, start, settings.folder / LOCK)


def _poller(settings: Settings, database: Database, jobs: Jobs) -> Poller:
    # One attempt: the next one comes by itself.
    fetcher = Fetcher(Limits(silence=10.0, whole=30.0, attempts=1))
    source = OpenLigaDB() if SOURCE in settings.sources else OpenLigaDB(leagues=())
    return Poller(database, source, reached(fetcher.get, settings.mirror), settings.live_interval, jobs.refresh)


def start_live(settings: Settings) -> Repeat:
    """Begin to bring live scores in this process, with clients of its own."""
    loop = Repeat("live", EVERY, LiveLoop(settings).once)
    loop.start()
    return loop
