"""Whether what the app stands on answers, and how fast: each part asked by a thread of its own, so that a page only reads memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from core.errors import SoccerPredictError
from core.metrics import DEPENDENCY_SECONDS, DEPENDENCY_UP
from core.serving.steady import Steady

EVERY = 1.0
# Seconds: an answer that takes longer than LATE is none, and one that takes longer than SLOW is worth a word.
LATE = 5.0
SLOW = 2.0


class Probe:
    """One part, asked every so many seconds. `ask` raises an error of the family while the part is away.

    `name` is for the metrics, `called` for people, `hint` says what to do when it does not answer.
    """

    def __init__(self, name: str, called: str, hint: str, ask: Callable[[], object], every: float = EVERY) -> None:
        self.name = name
        self._called, self._hint, self._ask, self._every = called, hint, ask, every
        self._error: str | None = None
        self._asked: float | None = None  # when the question that is not answered yet was put, in monotonic seconds
        self._answered = time.monotonic()
        self._took = 0.0
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"probe {name}", daemon=True)

    def start(self) -> None:
        if not self._thread.is_alive() and not self._closed.is_set():
            self._thread.start()

    def close(self) -> None:
        self._closed.set()

    @property
    def seconds(self) -> float:
        """How long its last answer took, or for how long one has been waited for, whichever is more."""
        asked = self._asked
        return self._took if asked is None else max(self._took, time.monotonic() - asked)

    @property
    def age(self) -> float:
        """Seconds since its last answer."""
        return time.monotonic() - self._answered

    @property
    def trouble(self) -> str | None:
        """Why it is away, and what to do; None while it answers in time."""
        if self._error is not None:
            return self._error
        if self.seconds > LATE:
            return f"{self._called} has not answered for {self.seconds:.0f} seconds. {self._hint}"
        return None

    def measure(self) -> None:
        """Show it to Prometheus."""
        DEPENDENCY_UP.labels(self.name).set(int(self.trouble is None))
        DEPENDENCY_SECONDS.labels(self.name).set(self.seconds)

    def _run(self) -> None:
        steady = Steady(f"probe {self.name}")
        while not self._closed.is_set():
            steady(self._once)
            self._closed.wait(self._every)

    def _once(self) -> None:
        self._asked = time.monotonic()
        try:
            self._ask()
        except SoccerPredictError as error:
            self._error = str(error)
        else:
            self._error, self._answered = None, time.monotonic()
        finally:
            self._took, self._asked = time.monotonic() - self._asked, None


class Probes:
    """The parts of one app by name, and the thread that shows them to Prometheus while one of them hangs."""

    def __init__(self, *probes: Probe) -> None:
        self._probes = {probe.name: probe for probe in probes}
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, probe: Probe) -> None:
        """One more; it is asked from now on if the others are."""
        self._probes[probe.name] = probe
        if self._thread is not None:
            probe.start()

    def get(self, name: str) -> Probe | None:
        return self._probes.get(name)

    def start(self) -> None:
        if self._thread is None:
            for probe in self._probes.values():
                probe.start()
            self._thread = threading.Thread(target=self._run, name="probes", daemon=True)
            self._thread.start()

    def close(self) -> None:
        self._closed.set()
        for probe in self._probes.values():
            probe.close()

    def _run(self) -> None:
        while not self._closed.wait(EVERY):
            for probe in list(self._probes.values()):
                probe.measure()
