"""How the workers and the database fare: looked at each second by one thread, so that a page or a probe only reads memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Container, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from core.errors import DatabaseIncomplete, StorageError
from core.metrics import WORKER_HEARTBEAT_AGE, WORKER_UP
from core.serving.records import Records
from core.serving.steady import Steady
from core.storage.chain_check import ChainCheck

EVERY = 1.0
# A look that takes longer than this is no answer.
LATE = 5.0


@dataclass(frozen=True)
class Vitals:
    """One look: `error` says why the database did not answer; `at` is in monotonic seconds; `refresh` is the latest task that asked
    the sources, as the ledger has it; `chain` is the worker's last check of the sealed forecasts.
    """

    at: float
    workers: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    refresh: dict[str, Any] | None = None
    error: str | None = None
    chain: ChainCheck | None = None

    @property
    def age(self) -> float:
        return time.monotonic() - self.at


class Pulse:
    """`also` is called with each look; it is where the lookups' ages are measured. `complete` makes the tables that are
    missing: a database that was away at the start may come without them.
    """

    def __init__(self, records: Records, also: Callable[[], None], complete: Callable[[], None]) -> None:
        self._records, self._also, self._complete = records, also, complete
        self._latest: Vitals | None = None
        self._beats: dict[str, float] = {}
        self._follower: Callable[[], None] | None = None
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def follow(self, follower: Callable[[], None]) -> None:
        """Call this after each look of the thread."""
        self._follower = follower

    def start(self) -> None:
        if self._thread is None:
            self._latest = self._look()
            self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
            self._thread.start()

    def latest(self) -> Vitals:
        """The last look; one is taken now where no thread does so."""
        latest = self._latest
        return self._look() if latest is None or self._thread is None else latest

    def close(self) -> None:
        self._closed.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _run(self) -> None:
        steady = Steady("pulse")
        while not self._closed.wait(EVERY):
            steady(self._renew)

    def _renew(self) -> None:
        self._latest = self._look()
        if self._follower is not None:
            self._follower()

    def _look(self) -> Vitals:
        self._also()
        at = time.monotonic()
        try:
            workers, events, refreshes = self._records.workers(), self._records.process_events(20), self._records.tasks(1, name="refresh")
            chain = self._records.chain_check()
        except StorageError as error:
            if isinstance(error, DatabaseIncomplete):
                with suppress(StorageError):  # the next look says how it went
                    self._complete()
            self._measure(at, {name for name, beat in self._beats.items() if at - beat <= LATE})
            return Vitals(at, error=str(error))
        alive = _beats(workers, at)
        self._beats |= alive
        self._measure(at, alive)
        return Vitals(at, workers, events, next(iter(refreshes), None), chain=chain)

    def _measure(self, at: float, alive: Container[str]) -> None:
        """Every worker that was ever heard; one that is heard no more grows old."""
        for name, beat in self._beats.items():
            WORKER_UP.labels(name).set(int(name in alive))
            WORKER_HEARTBEAT_AGE.labels(name).set(at - beat)


def _beats(workers: Iterable[Mapping[str, Any]], at: float) -> dict[str, float]:
    """When each worker's heart last beat, in monotonic seconds.

    By its queue and host: its own name ends with its process's id, which would make a new series with each start.
    """
    beats: dict[str, float] = {}
    for worker in workers:
        name, beat = str(worker["worker"]).rpartition(":")[0], at - float(worker["age_seconds"])
        beats[name] = max(beat, beats.get(name, beat))
    return beats
