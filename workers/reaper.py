"""Notices workers that died and tasks that nobody works at, puts those back into the queue, and forgets what ended long ago."""

from __future__ import annotations

import os
import socket
import time

from core.metrics import QUEUE_DEPTH, TASKS
from core.settings import Settings
from core.storage import leases, retention
from core.storage.database import Database
from core.storage.heartbeats import HEARTBEAT, TIME_TO_LIVE
from workers.jobs import QUEUES, Jobs
from workers.log import line
from workers.repeat import Repeat

LEASE_SECONDS = 3.0
GAUGES_EVERY = 5
FORGET_EVERY = 3600.0
# To take the lease takes milliseconds; where it takes this long, hearts may have had to wait for several beats.
HELD_UP = 1.0


class Reaper:
    """One pass a second in every worker and in the web process; a lease in the database lets one of them act."""

    def __init__(self, settings: Settings) -> None:
        self.database = Database(settings.database_url)
        self.jobs = Jobs.open(settings, self.database)
        self.holder = f"{socket.gethostname()[:40]}:{os.getpid()}"
        self._days = settings.task_days
        self._passes = 0
        self._hear_until = 0.0
        self._forget_at = 0.0 if self._days else float("inf")

    def once(self) -> None:
        """One pass. What the ledger alone can do comes first: it is done while the broker is away, too."""
        self._passes += 1
        if self._passes % GAUGES_EVERY == 1:
            self.gauges()
        if not self._alone():
            return
        if time.monotonic() >= self._hear_until:
            self._reap()
        if time.monotonic() >= self._forget_at:
            self._forget()
        for task_id in self.jobs.push_due():
            line("task", task_id=task_id, note="queued again")

    def _alone(self) -> bool:
        """Whether this process is the one that acts. Where the database was locked or away, workers have a while to be heard again."""
        began, quick = time.monotonic(), False
        try:
            mine = leases.take(self.database, "reaper", self.holder, LEASE_SECONDS)
            quick = time.monotonic() - began <= HELD_UP
        finally:
            if not quick:
                self._hear_until = time.monotonic() + TIME_TO_LIVE
        return mine

    def _reap(self) -> None:
        for task_id in self.jobs.ledger.reap(TIME_TO_LIVE):
            name, queue = self.jobs.ledger.kind(task_id)
            status = self.jobs.ledger.get(task_id)["status"]
            TASKS.labels(task=name, status=status).inc()
            line("task", task_id=task_id, task=name, queue=queue, status=status, note=self.jobs.ledger.events(task_id)[-1]["note"])

    def _forget(self) -> None:
        """Some of what ended long ago; the next look is in an hour, or at once while there is more."""
        gone = retention.forget(self.database, self._days)
        self._forget_at = 0.0 if gone == retention.AT_ONCE else time.monotonic() + FORGET_EVERY
        if gone:
            line("tasks forgotten", count=gone, days=self._days)

    def gauges(self) -> None:
        """What Prometheus sees of the queues."""
        depths = [self.jobs.ledger.depth(queue) for queue in QUEUES]
        for state in ("waiting", "scheduled", "active"):
            QUEUE_DEPTH.labels(state=state).set(sum(depth[state] for depth in depths))


def start_reaper(settings: Settings, steady: bool = False) -> Repeat:
    """Begin to reap in this process, with clients of its own."""
    reaper = Repeat("reaper", HEARTBEAT, Reaper(settings).once, steady)
    reaper.start()
    return reaper
