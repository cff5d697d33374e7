"""A thread that does one thing again and again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from core.errors import SoccerPredictError
from core.serving.steady import Steady
from workers.log import line


class Repeat(threading.Thread):
    """Calls `step` every so many seconds until told to stop; the first call is made at once.

    An error of the family is said once, and then when it is over. Any other is a bug: the thread goes on where it is
    `steady`, and otherwise ends; a worker's process ends with it.
    """

    def __init__(self, name: str, seconds: float, step: Callable[[], None], steady: bool = False) -> None:
        super().__init__(name=name, daemon=True)
        self._seconds = seconds
        self._step = step
        self._steady = steady
        self._stopping = threading.Event()
        self._trouble: str | None = None

    def run(self) -> None:
        steady = Steady(self.name)
        while not self._stopping.is_set():
            if self._steady:
                steady(self.once)
            else:
                self.once()
            self._stopping.wait(self._seconds)

    def once(self) -> None:
        try:
            self._step()
        except SoccerPredictError as error:
            self._say(str(error))
        else:
            self._say(None)

    def stop(self) -> None:
        self._stopping.set()

    def _say(self, trouble: str | None) -> None:
        if trouble != self._trouble:
            line(self.name, logging.INFO if trouble is None else logging.WARNING, trouble=trouble)
        self._trouble = trouble
