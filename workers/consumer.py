"""A worker process: `python -m workers.consumer --queue ml`. Takes one task at a time from one queue until it is told to stop."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from huey.consumer import Consumer, Worker
from huey.exceptions import HueyException

from core.clock import real_now
from core.errors import DatabaseUnavailable, QueueUnavailable, SoccerPredictError
from core.settings import Settings, prepare_home
from core.storage.database import Database
from core.storage.heartbeats import HEARTBEAT, Pulse
from core.storage.task_ledger import TaskLedger
from workers import leash, log, sidecar
from workers.broker import Queue
from workers.chain_watch import start_chain_watch
from workers.jobs import KINDS, QUEUES, Kind, queue_name
from workers.live_loop import start_live
from workers.log import Trouble, line
from workers.reaper import start_reaper
from workers.recorder import Body, Recorder
from workers.refresher import start_refresher
from workers.repeat import Repeat
from workers.tasks import Tasks

# Seconds to finish the task at work when asked to stop; after that it is handed back.
PATIENCE = 3.0
LAST_BEAT = 1.0  # for the threads to end
AWAY_SECONDS = 1.0
NEWS_QUEUE = "batch"  # whose workers bring live scores, have the sources asked and verify the chain, beside their tasks


class Work(Protocol):
    """What a worker can do, and which models it holds: stage to version."""

    def bodies(self) -> Mapping[str, Body]: ...
    def versions(self) -> Mapping[str, int]: ...
    def load(self) -> None: ...


MakeWork = Callable[[Settings, Database], Work]


class QueueWorker(Worker):  # type: ignore[misc]
    """Huey's worker, which waits for a broker that is away and drops a message that is none of ours."""

    queue: Queue
    trouble: Trouble

    def loop(self, now: datetime | None = None) -> None:
        try:
            self._once()
            self.trouble.say(None)
        except (QueueUnavailable, DatabaseUnavailable) as error:
            self.trouble.say(str(error))
            self.stop_flag.wait(AWAY_SECONDS)

    def _once(self) -> None:
        try:
            message = self.queue.take()
        except (HueyException, ValueError) as error:
            line("message refused", logging.WARNING, trouble=f"{type(error).__name__}: {error}")
            return
        if message is None:
            self.queue.rest()
        else:
            self.queue.perform(message)


class TaskConsumer(Consumer):  # type: ignore[misc]
    """Huey's consumer with one worker thread, which finishes its task on SIGTERM and SIGINT alike. `beside` starts after it."""

    worker_class = QueueWorker

    def __init__(self, queue: Queue, beside: Callable[[], None]) -> None:
        self._queue = queue
        self._beside = beside
        super().__init__(queue.huey, workers=1, periodic=False, health_check_interval=1, shutdown_timeout=PATIENCE)

    def _create_worker(self) -> QueueWorker:
        worker: QueueWorker = super()._create_worker()
        worker.queue, worker.trouble = self._queue, Trouble("queue")
        return worker

    def start(self) -> None:
        super().start()
        self._beside()

    def _set_signal_handlers(self) -> None:
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(signum, self._stop_soon)

    def _stop_soon(self, signum: int, frame: object) -> None:
        self._signum, self._graceful, self._restart = signum, True, False


class Station:
    """One worker with all that belongs to it: its name, its work, its heartbeat and its reaper."""

    def __init__(self, settings: Settings, queue: str, work: Work, kinds: Mapping[str, Kind], database: Database) -> None:
        self.settings = settings
        self.queue = queue
        self.host = socket.gethostname()[:40]
        self.name = f"{queue}@{self.host}:{os.getpid()}"
        self.started_at = real_now()
        self.database = database
        self.work = work
        self.ledger = TaskLedger(database)
        self.recorder = Recorder(self.ledger, work.bodies(), kinds, self.name, queue, settings.retry_delay)
        self._threads: list[Repeat] = []

    def run(self) -> None:
        """Work until a signal comes, then finish the task at work, or hand it back when that takes too long."""
        self.beat(self.ledger)
        queue = Queue(self.settings.queue_url, queue_name(self.database, self.queue), self.recorder.run)
        TaskConsumer(queue, beside=self.watch).run()
        self._stop_threads()
        unfinished = self.recorder.current
        try:
            if unfinished is not None:
                self.ledger.give_back(unfinished, self.name)
            self.ledger.leave(self.name)
        except DatabaseUnavailable as error:  # its heartbeat ends, and its task is taken for lost
            line("worker left unheard", logging.WARNING, worker=self.name, trouble=str(error))
        line("worker stopped", worker=self.name, handed_back=unfinished)

    def _stop_threads(self) -> None:
        """A heart that beat once more would name a worker that is gone."""
        for thread in self._threads:
            thread.stop()
        until = time.monotonic() + LAST_BEAT
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def watch(self) -> None:
        """Begin to beat and to reap, each with clients of its own, so that neither waits for the task at work."""
        ledger = TaskLedger(Database(self.settings.database_url))
        heartbeat = Repeat("heartbeat", HEARTBEAT, lambda: self.beat(ledger))
        heartbeat.start()
        self._threads = [heartbeat, start_reaper(self.settings)]
        if self.queue == NEWS_QUEUE:
            self._threads += [start_live(self.settings), start_chain_watch(self.settings)]
        if self.queue == NEWS_QUEUE and self.settings.has_news:
            self._threads.append(start_refresher(self.settings))
        line("worker started", worker=self.name, queue=self.queue, model_versions=dict(self.work.versions()))

    def beat(self, ledger: TaskLedger) -> None:
        versions, done, current = self.work.versions(), self.recorder.done, self.recorder.current
        ledger.beat(Pulse(self.name, self.queue, os.getpid(), self.host, self.started_at, versions, done, current))


def run(queue: str, metrics_port: int | None, make_work: MakeWork, kinds: Mapping[str, Kind]) -> None:
    settings = Settings.from_environment()
    prepare_home(settings)
    database = Database(settings.database_url)
    database.create()
    port = settings.worker_metrics_port + (QUEUES.index(queue) if settings.worker_metrics_port else 0)
    sidecar.serve(port if metrics_port is None else metrics_port, settings.host, "SOCCER_WORKER_METRICS_PORT")
    work = make_work(settings, database)
    work.load()
    Station(settings, queue, work, kinds, database).run()


def main(arguments: list[str] | None = None, make_work: MakeWork = Tasks.open, kinds: Mapping[str, Kind] = KINDS) -> int:
    """The command. 0 after a stop that was asked for, 2 after a sentence about what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m workers.consumer", description=__doc__)
    parser.add_argument("--queue", choices=QUEUES, required=True)
    parser.add_argument("--metrics-port", type=int, help="instead of SOCCER_WORKER_METRICS_PORT")
    parser.add_argument("--parent", type=int, help="end when this process is gone")
    given = parser.parse_args(arguments)
    if given.parent is not None:
        leash.hold(given.parent)
    log.configure(f"worker {given.queue}")
    threading.excepthook = _end_process
    try:
        run(given.queue, given.metrics_port, make_work, kinds)
    except SoccerPredictError as error:
        line("worker cannot start", logging.ERROR, trouble=str(error))
        return 2
    return 0


def _end_process(broken: threading.ExceptHookArgs) -> None:
    """A worker without its heartbeat or its reaper is no worker: let the supervisor start a whole one."""
    line("thread died", logging.ERROR, broken.exc_value, thread=broken.thread.name if broken.thread else None)
    os._exit(70)


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    os._exit(code)  # a task that was handed back may still run in its thread: nothing waits for it
