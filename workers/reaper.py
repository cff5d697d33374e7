"""Notices workers that died and tasks that nobody works at, and puts those back into the queue."""

from __future__ import annotations

import os
import socket

from core.metrics import QUEUE_DEPTH, TASKS
from core.settings import Settings
from core.storage import leases
from core.storage.database import Database
from core.storage.heartbeats import HEARTBEAT, TIME_TO_LIVE
from workers.jobs import Jobs
from workers.log import line
from workers.repeat import Repeat

LEASE_SECONDS = 3.0
GAUGES_EVERY = 5


class Reaper:
    """One pass a second in every worker and in the web process; a lease in the database lets one of them act."""

    def __init__(self, settings: Settings) -> None:
        self.database = Database(settings.database_url)
        self.jobs = Jobs.open(settings, self.database)
        self.holder = f"{socket.gethostname()[:40]}:{os.getpid()}"
        self._passes = 0

    def once(self) -> None:
        if self._passes % GAUGES_EVERY == 0:
            self.gauges()
        self._passes += 1
        if not leases.take(self.database, "reaper", self.holder, LEASE_SECONDS):
            return
        for task_id in self.jobs.ledger.reap(TIME_TO_LIVE):
            name, queue = self.jobs.ledger.kind(task_id)
            status = self.jobs.ledger.get(task_id)["status"]
            TASKS.labels(task=name, status=status).inc()
            line("task", task_id=task_id, task=name, queue=queue, status=status, note="its worker is gone")
        for task_id in self.jobs.push_due():
            line("task", task_id=task_id, note="queued again")

    def gauges(self) -> None:
        """What Prometheus sees of the queues."""
        depth = self.jobs.depth()
        for state in ("waiting", "scheduled", "active"):
            QUEUE_DEPTH.labels(state=state).set(sum(queue[state] for queue in depth.values()))


def start_reaper(settings: Settings) -> Repeat:
    """Begin to reap in this process, with clients of its own."""
    reaper = Repeat("reaper", HEARTBEAT, Reaper(settings).once)
    reaper.start()
    return reaper
