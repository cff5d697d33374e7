"""What keeps a thread going that does one thing again and again."""

from __future__ import annotations

import logging
from collections.abc import Callable

# Below the logger that the processes write their lines with.
log = logging.getLogger("soccer.threads")


class Steady:
    """Does a step, and outlives a bug in it: one bad answer must not leave what is in memory to grow old for good.

    The bug goes to the log with its traceback: once, until another comes or a step goes well.
    """

    def __init__(self, thread: str) -> None:
        self._thread = thread
        self._said: str | None = None

    def __call__(self, step: Callable[[], object]) -> None:
        try:
            step()
        except Exception as error:  # a bug of ours, of any kind: the next round comes all the same
            if self._said != repr(error):
                log.exception("The thread %s met a bug, and goes on", self._thread)
            self._said = repr(error)
        else:
            self._said = None
