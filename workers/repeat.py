"""A thread that does one thing again and again."""

from __future__ import annotations

import threading
from collections.abc import Callable

from core.errors import SoccerPredictError
from core.serving.steady import Steady
from workers.log import Trouble


class Repeat(threading.Thread):
    """Calls `step` every so many seconds until told to stop; the first call is made at once.

    An error of the family is said once, and then when it is over. Any other is a bug: the thread goes on where it is
    `steady`, and otherwise ends; a worker's process ends with it.
    """

    def __init__(self, name: str, seconds: float, step: Callable[[], object], steady: bool = False) -> None:
        super().__init__(name=name, daemon=True)
        self._seconds = seconds
        self._step = step
        self._steady = steady
        self._stopping = threading.Event()
        self._trouble = Trouble(name)

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
            self._trouble.say(str(error))
        else:
            self._trouble.say(None)

    def stop(self) -> None:
        self._stopping.set()
