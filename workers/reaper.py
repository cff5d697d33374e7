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
from workers.jobs import Jobs
from workers.log import line
from workers.repeat import Repeat

LEASE_SECONDS = 3.0
GAUGES_EVERY = 5
FORGET_EVERY = 3600.0
HELD_UP = 0.25  # to take the lease takes milliseconds


class Reaper:
    """One pass a second in every worker and in the web process; a lease in the database lets one of them act."""

    def __init__(self, settings: Settings) -> None:
        self.database = Database(settings.database_url)
        self.jobs = Jobs.open(settings, self.database)
        self.holder = f"{socket.gethostname()[:40]}:{os.getpid()}"
        self._days = settings.task_days
        self._passes = 0
        self._forget_at = 0.0 if self._days else float("inf")

    def once(self) -> None:
        if self._passes % GAUGES_EVERY == 0:
            self.gauges()
        self._passes += 1
        began = time.monotonic()
        if not leases.take(self.database, "reaper", self.holder, LEASE_SECONDS):
            return
        if time.monotonic() - began > HELD_UP:
            return  # the database was locked, so that no heart could beat: let the workers be heard first
        for task_id in self.jobs.ledger.reap(TIME_TO_LIVE):
            name, queue = self.jobs.ledger.kind(task_id)
            status = self.jobs.ledger.get(task_id)["status"]
            TASKS.labels(task=name, status=status).inc()
            line("task", task_id=task_id, task=name, queue=queue, status=status, note="its worker is gone")
        for task_id in self.jobs.push_due():
            line("task", task_id=task_id, note="queued again")
        if time.monotonic() >= self._forget_at:
            self._forget()

    def _forget(self) -> None:
        """Some of what ended long ago; the next look is in an hour, or at once while there is more."""
        gone = retention.forget(self.database, self._days)
        self._forget_at = 0.0 if gone == retention.AT_ONCE else time.monotonic() + FORGET_EVERY
        if gone:
            line("tasks forgotten", count=gone, days=self._days)

    def gauges(self) -> None:
        """What Prometheus sees of the queues."""
        depth = self.jobs.depth()
        for state in ("waiting", "scheduled", "active"):
            QUEUE_DEPTH.labels(state=state).set(sum(queue[state] for queue in depth.values()))


def start_reaper(settings: Settings, steady: bool = False) -> Repeat:
    """Begin to reap in this process, with clients of its own."""
    reaper = Repeat("reaper", HEARTBEAT, Reaper(settings).once, steady)
    reaper.start()
    return reaper
