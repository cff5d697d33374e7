"""The loop of one worker that brings live scores: a replay is played, in real time a source is asked."""

from __future__ import annotations

import os
import socket

from core.settings import Settings
from core.storage import leases
from core.storage.database import Database
from workers.jobs import Jobs
from workers.playing import Player
from workers.repeat import Repeat

EVERY = 0.5
LEASE_SECONDS = 5.0


class LiveLoop:
    """One step a call, by whoever holds the lease: of several workers, one."""

    def __init__(self, settings: Settings) -> None:
        self.database = Database(settings.database_url)
        self.holder = f"{socket.gethostname()[:40]}:{os.getpid()}"
        start = settings.clock.moment
        self.player = None if start is None else Player(self.database, Jobs.open(settings, self.database), start)

    def once(self) -> None:
        if self.player is not None and self.player.wanted() and leases.take(self.database, "live", self.holder, LEASE_SECONDS):
            self.player.once()


def start_live(settings: Settings) -> Repeat:
    """Begin to bring live scores in this process, with clients of its own."""
    loop = Repeat("live", EVERY, LiveLoop(settings).once)
    loop.start()
    return loop
