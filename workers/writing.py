"""What befalls the processes is written down; a database in which nothing can be written just then holds up nobody."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from core.clock import real_now
from core.errors import StorageError
from core.serving.steady import Steady
from core.storage import process_events
from core.storage.database import Database

ASK_EVERY = 1.0
# Seconds: who waits longer to write finds the database locked. A heartbeat cannot be written then, either.
WITHIN = 3.0
KEPT = 1000

Event = tuple[str, str, int | None, str | None, datetime]


class Diary:
    """The events of one database's processes, and whether it takes any: asked by a thread of its own."""

    def __init__(self, database: Database, say: Callable[[str], None]) -> None:
        self._database, self._say = database, say
        self._waiting: deque[Event] = deque(maxlen=KEPT)
        self._writable_at = time.monotonic()
        self._closed = threading.Event()
        threading.Thread(target=self._ask, name="diary", daemon=True).start()

    def takes(self) -> bool:
        """Whether something could be written there in the last seconds."""
        return time.monotonic() - self._writable_at < WITHIN

    def write(self, process: str, event: str, pid: int | None = None, note: str | None = None) -> None:
        """Write it down now, or as soon as that can be done."""
        self._waiting.append((process, event, pid, note, real_now()))
        self.catch_up()

    def catch_up(self) -> None:
        """Write down what waits, if that can be done now."""
        while self._waiting and self.takes():
            try:
                process_events.record(self._database, *self._waiting[0])
            except StorageError:
                self._writable_at = float("-inf")  # it was locked just now: the thread finds out when it takes something again
            else:
                self._waiting.popleft()

    def close(self) -> None:
        self._closed.set()
        for process, event, *_ in self._waiting:
            self._say(f"Could not write down that {process} {event}: the database takes nothing.")

    def _ask(self) -> None:
        steady = Steady("diary")
        while not self._closed.wait(ASK_EVERY):
            steady(self._look)

    def _look(self) -> None:
        with suppress(StorageError):
            self._database.check()
            self._writable_at = time.monotonic()
