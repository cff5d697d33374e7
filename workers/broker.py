"""The queue itself: Huey on SQLite or Redis, carrying nothing but a task's name and id as JSON.

What a task is stands in the ledger. A message says only "look at this one", so that a lost or doubled message does no
harm, one that names another task or queue than the ledger is dropped, and nothing from the broker is ever unpickled.
"""

from __future__ import annotations

import json
import os
import select
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from huey import Huey, PriorityRedisExpireHuey, SqliteHuey
from huey.registry import Message
from huey.serializer import Serializer
from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from core.errors import QueueUnavailable, SettingsError
from core.storage.same_file import SameFile

# How often an idle worker asks the SQLite queue: seldom with a bell that wakes it, often without. Redis wakes it by itself.
WITH_BELL = 0.25
WITHOUT_BELL = 0.01
# How long a Redis server keeps the note that a task has ended; the result itself stands in the ledger.
NOTE_SECONDS = 600

SQLITE = "sqlite:///"
GONE = "Stop the app and start it again: every task that waits is put back from the database."

Run = Callable[[str, str], Any]


class Notes(Serializer):  # type: ignore[misc]
    """Messages and results as JSON. A message is {task, task_id} and names no code: it always means `perform`."""

    def _serialize(self, data: Any) -> bytes:
        if isinstance(data, Message):
            data = {"task": data.args[0], "task_id": data.id}
        return json.dumps(data).encode()

    def _deserialize(self, data: Any) -> Any:
        found = json.loads(bytes(data))
        if isinstance(found, dict) and set(found) == {"task", "task_id"}:
            name, task_id = str(found["task"]), str(found["task_id"])
            return Message(id=task_id, name=f"{__name__}.perform", args=(name, task_id), kwargs={}, retries=0, retry_delay=0)
        raise ValueError("a message that is none of ours")


class Bell:
    """A named pipe beside the queue's file: who pushes rings it, and an idle worker wakes at once. Without one it just polls."""

    def __init__(self, path: Path) -> None:
        self._pipe: int | None = None
        with suppress(OSError):  # a file system without pipes
            with suppress(FileExistsError):
                os.mkfifo(path, 0o600)
            if stat.S_ISFIFO(path.stat().st_mode):  # any other file can always be read, and would never let a worker rest
                self._pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def ring(self) -> None:
        if self._pipe is not None:
            with suppress(OSError):  # full of rings that nobody heard yet
                os.write(self._pipe, b".")

    def wait(self) -> None:
        """Return at a ring, or when it is time to look anyway."""
        if self._pipe is None:
            time.sleep(WITHOUT_BELL)
        elif select.select([self._pipe], [], [], WITH_BELL)[0]:
            with suppress(OSError):  # another worker heard it first
                os.read(self._pipe, 1)

    def close(self) -> None:
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None


class Queue:
    """One named queue. `run(name, task_id)` is called for each message in the process that consumes it."""

    def __init__(self, url: str, name: str, run: Run | None = None) -> None:
        self._file = SameFile(_path(url), GONE) if url.startswith(SQLITE) else None
        with words():
            self.huey = _huey(url, name)
        if self._file is not None:
            self._file.remember()
        self.bell = Bell(_path(url).with_suffix(f".{name.rpartition('_')[2]}.bell")) if url.startswith(SQLITE) else None

        def perform(task: str, task_id: str) -> Any:
            return None if run is None else run(task, task_id)

        self._perform = self.huey.task(name="perform")(perform)

    def push(self, task: str, task_id: str) -> None:
        with self._words():
            self.huey.enqueue(self._perform.s(task, task_id, id=task_id))
        if self.bell is not None:
            self.bell.ring()

    def take(self) -> Any:
        """The next message, or None; a Redis queue waits a second for one. ValueError or HueyException for one that is none of ours."""
        with self._words():
            return self.huey.dequeue()

    def perform(self, message: Any) -> None:
        """Run it, and tell who waits for it. Not Huey's `execute`: whether a task was revoked or is tried again the ledger knows."""
        ended = message.execute()
        if ended is not None and self.notifies:
            with words():
                self.huey.put_result(message.id, ended)

    def rest(self) -> None:
        """Wait a moment after an empty `take`."""
        if self.bell is not None:
            self.bell.wait()

    def check(self) -> None:
        """QueueUnavailable unless the broker answers."""
        with self._words():
            self.huey.pending_count()

    def ids(self) -> set[str]:
        """The ids of the tasks that stand in the queue now."""
        with self._words():
            return {message.id for message in self.huey.pending()}

    def wait(self, task_id: str, seconds: float) -> bool:
        """True when the task has ended, False when the time is over first. Only where the broker can notify."""
        with words():
            return bool(self.huey.storage.wait_result(task_id, timeout=seconds))

    @contextmanager
    def _words(self) -> Iterator[None]:
        """QueueUnavailable when the broker fails, or a SQLite queue's file is no longer the one that was opened."""
        trouble = None if self._file is None else self._file.trouble()
        if trouble is not None:
            raise QueueUnavailable(trouble)
        with words():
            yield

    @property
    def notifies(self) -> bool:
        return bool(getattr(self.huey.storage, "notify_result", False))

    def close(self) -> None:
        self.huey.storage.close()
        if self.bell is not None:
            self.bell.close()


@contextmanager
def words() -> Iterator[None]:
    """Whatever the broker says when it fails becomes QueueUnavailable."""
    try:
        yield
    except (RedisError, sqlite3.Error, OSError) as error:
        raise QueueUnavailable(
            f"The task queue does not answer ({type(error).__name__}). Check SOCCER_QUEUE_URL and what it points to, then try again."
        ) from error


def check(url: str) -> None:
    """SettingsError for an address that can never work; whether it answers is not asked."""
    if not url.startswith(SQLITE):
        _huey(url, "check")


def _path(url: str) -> Path:
    return Path(url.removeprefix(SQLITE))


def _huey(url: str, name: str) -> Huey:
    if url.startswith(SQLITE):
        path = _path(url)
        path.parent.mkdir(parents=True, exist_ok=True)
        # The ledger can rebuild this queue, so a power cut may take its last messages: no wait for the disk.
        return SqliteHuey(name, filename=str(path), fsync=False, results=False, serializer=Notes())
    if url.startswith(("redis://", "rediss://", "unix://")):
        return PriorityRedisExpireHuey(name, connection_pool=_pool(url), notify_result=True, expire_time=NOTE_SECONDS, serializer=Notes())
    raise SettingsError(f"SOCCER_QUEUE_URL begins with {url.split(':')[0]!r}; it takes sqlite:/// and redis:// addresses.")


def _pool(url: str) -> ConnectionPool:
    """Connections that are opened when they are needed."""
    try:
        return ConnectionPool.from_url(
            url, socket_connect_timeout=2, socket_timeout=10, health_check_interval=30, retry=Retry(NoBackoff(), 1)
        )
    except ValueError as error:  # without the address itself, which may hold a password
        raise SettingsError("SOCCER_QUEUE_URL is no address that can be used. Give redis://:password@host:6379/0.") from error
