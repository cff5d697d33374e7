"""The signals that ask a process to stop, noted instead of obeyed at once."""

from __future__ import annotations

import signal
from collections.abc import Callable


class Stop:
    """Notes Ctrl-C, SIGTERM and SIGHUP from when it is made. The first asks; at each further one `hurry` is called."""

    def __init__(self) -> None:
        self.hurry: Callable[[], None] | None = None
        self._signals = 0
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, self._on_signal)

    @property
    def asked(self) -> bool:
        return self._signals > 0

    def _on_signal(self, signum: int, frame: object) -> None:
        self._signals += 1
        if self._signals > 1 and self.hurry is not None:
            self.hurry()
