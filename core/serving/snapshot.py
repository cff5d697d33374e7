"""What is kept in memory: read on the first call, replaced when newer, the last good copy kept when the new one is bad.

A reader takes one reference to an immutable value and never waits, except on the very first call.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from core.clock import Clock, real_now
from core.errors import FileDamaged, FileMissing, SoccerPredictError, StorageError, TableInvalid
from core.metrics import LOOKUP_AGE, LOOKUP_RELOADS
from core.serving.origins import Fetched, Origin
from core.serving.steady import Steady

T = TypeVar("T")

MAX_AGE = 36 * 3600.0
# How long to wait before asking again while there is nothing to serve at all.
IMPATIENCE = 2.0
# How long bytes that were refused are not read again while an older copy serves: they may only have been read badly.
REFUSED_FOR = 30.0


@dataclass(frozen=True)
class Held(Generic[T]):
    """A value, and when what it was made from was written. `as_of` is None for a file without a pointer."""

    value: T
    stamp: str
    written_at: datetime
    as_of: datetime | None


class Kept(Generic[T]):
    """The latest good value of one file. `parse` makes it from the bytes, and raises TableInvalid for bytes it refuses.

    `error` says in words why something newer could not be taken up, or None; `absent`, that there is nothing yet.
    `on_change` is called with what is about to be held, before readers see it.
    """

    def __init__(
        self,
        name: str,
        origin: Origin,
        parse: Callable[[bytes], T],
        watch: Watch,
        clock: Clock,
        max_age: float = MAX_AGE,
        on_change: Callable[[Held[T], Fetched], None] | None = None,
    ) -> None:
        self.name = name
        self.error: str | None = None
        self.error_since: datetime | None = None
        self.absent: str | None = None
        self._origin, self._parse, self._on_change = origin, parse, on_change
        self._watch, self._clock, self._max_age = watch, clock, max_age
        self._held: Held[T] | None = None
        self._refused: tuple[str, float] | None = None
        self._tried: float | None = None
        self._lock = threading.Lock()

    def get(self) -> Held[T] | None:
        """What is held; the first call reads it. None while there is nothing."""
        held = self._held
        return self._first() if held is None else held

    def peek(self) -> Held[T] | None:
        """What is held, without reading."""
        return self._held

    def _first(self) -> Held[T] | None:
        """Read once, however many threads ask. While there is nothing, one of them looks again every two seconds."""
        never = self._tried is None
        if (never or self._waited()) and self._lock.acquire(blocking=never):
            try:
                if self._held is None and (self._tried is None or self._waited()):
                    self._take_up()
                    self._watch.add(self)
                    if self._origin.trouble() is not None:  # perhaps since this was read: all move to the earlier batch at once
                        self._watch.wake()
            finally:
                self._lock.release()
        return self._held

    def _waited(self) -> bool:
        return self._tried is not None and time.monotonic() - self._tried > IMPATIENCE

    def refresh(self) -> None:
        """Look for something newer now, and take it up if it is good. Raises nothing of our family: `error` says it."""
        with self._lock:
            self._take_up()

    def _take_up(self) -> None:
        try:
            stamp = self._origin.stamp()
            if stamp is None:
                stamp = self._earlier(f"There is no {self._origin.where()} yet. Run `make pipeline` to make it.")
            if self._held is not None and stamp == self._held.stamp:
                self._well()
            elif not self._still_refused(stamp):
                self._replace(stamp)
        except FileMissing as missing:
            self._missing(str(missing))
        except SoccerPredictError as error:
            self._say(str(error))
        self._tried = time.monotonic()
        self.measure()

    def _still_refused(self, stamp: str) -> bool:
        if self._held is None or self._refused is None:
            return False
        refused, at = self._refused
        return stamp == refused and time.monotonic() - at < REFUSED_FOR

    def _missing(self, why: str) -> None:
        if self._held is None:
            self.error = self.error_since = self._refused = None
            self.absent = why
        else:
            self._say(f"{self._origin.where()} is gone; the last good copy keeps serving. Run `make pipeline` to make it again.")

    def _replace(self, stamp: str) -> None:
        try:
            self._hold(stamp)
        except (FileMissing, FileDamaged, TableInvalid) as error:
            if self._held is not None or not self._origin.fall_back(str(error)):
                raise
            LOOKUP_RELOADS.labels(self.name, "error").inc()
            self._hold(stamp)

    def _earlier(self, why: str) -> str:
        """The stamp of an earlier batch, which is better than none while there is nothing to serve, as at a start; FileMissing."""
        found = self._origin.stamp() if self._held is None and self._origin.fall_back(why) else None
        if found is None:
            raise FileMissing(why)
        return found

    def _hold(self, stamp: str) -> None:
        try:
            fetched = self._origin.fetch()
            stamp = fetched.stamp or stamp
            value = self._parse(fetched.data)
        except StorageError:
            raise
        except SoccerPredictError:
            self._refused = stamp, time.monotonic()
            raise
        held = Held(value, stamp, fetched.written_at, fetched.as_of)
        if self._on_change is not None:
            self._on_change(held, fetched)
        self._held = held
        self._well()
        LOOKUP_RELOADS.labels(self.name, "ok").inc()

    def _well(self) -> None:
        self.absent = self._refused = None
        self.error = self._origin.trouble()
        self.error_since = None if self.error is None else self.error_since or real_now()

    def _say(self, error: str) -> None:
        self.error_since = self.error_since or real_now()
        self.error = error
        LOOKUP_RELOADS.labels(self.name, "error").inc()

    def measure(self) -> None:
        """Show the age of what is held to Prometheus."""
        age = self.age(self._held)
        if age is not None:
            LOOKUP_AGE.labels(self.name).set(age)

    def age(self, held: Held[T] | None) -> float | None:
        """Seconds: how far the timeline's clock is past what the batch speaks of, or the real time since the file was
        written when it has no pointer. None for nothing.
        """
        if held is None:
            return None
        past = real_now() - held.written_at if held.as_of is None else self._clock.now() - held.as_of
        return max(0.0, past.total_seconds())

    def stale_reason(self, held: Held[T] | None) -> str | None:
        """Why this is too old, in words: by its age, or since a later batch is damaged; None while it is fresh, or there is nothing."""
        if held is not None and self._origin.trouble() is not None:
            return self._origin.trouble()
        age = self.age(held)
        if age is None or age <= self._max_age:
            return None
        return f"The {self.name} is {hours(age)} old; it should be renewed within {hours(self._max_age)}. Run `make pipeline`."


def hours(seconds: float) -> str:
    """A length of time for people: minutes below two hours, hours below three days, then days."""
    if seconds < 7200:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.0f} hours" if seconds < 3 * 86400 else f"{seconds / 86400:.0f} days"


class Watch:
    """One thread that lets each of several kept values look for something newer, every `interval` seconds.

    It starts with the first one added, and ends when it is closed or none of them is used any more.
    """

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self._kept: weakref.WeakSet[Kept[object]] = weakref.WeakSet()
        self._closed, self._woken = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._steady = Steady("lookups")

    @property
    def alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def add(self, kept: Kept[T]) -> None:
        with self._lock:
            self._kept.add(kept)  # type: ignore[arg-type]
            if not self.alive and not self._closed.is_set():
                self._thread = threading.Thread(
                    target=_look, args=(weakref.ref(self), self._closed, self._woken), name="lookups", daemon=True
                )
                self._thread.start()

    def look(self) -> float:
        """Let each look once; the seconds to wait until the next time."""
        with self._lock:
            everyone = list(self._kept)
        for kept in everyone:
            self._steady(kept.refresh)
        empty = any(kept.peek() is None for kept in everyone)
        return min(self.interval, IMPATIENCE) if empty else self.interval

    def wake(self) -> None:
        """Look now, without waiting for the interval to pass."""
        self._woken.set()

    def close(self) -> None:
        self._closed.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join(timeout=5)


def _look(watch: weakref.ref[Watch], closed: threading.Event, woken: threading.Event) -> None:
    """The thread holds the watch by a weak reference, so that lookups which nobody uses any more can go."""
    pause = min(watch_.interval, IMPATIENCE) if (watch_ := watch()) else 0.0
    del watch_
    while True:
        woken.wait(pause)
        woken.clear()
        here = watch()
        if here is None or closed.is_set():
            return
        pause = here.look()
        del here
