"""Asks the web process whether it lives."""

from __future__ import annotations

import http.client
import threading
import time

# Seconds: between two questions, and until one counts as not answered.
ASK_EVERY = 2.0
ANSWER_WITHIN = 4.0


class Caller:
    """Asks from a thread of its own, so that whoever listens never waits for a process that hangs."""

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
        self._due = 0.0
        self._asking: threading.Thread | None = None
        self._answered: int | None = None

    def heard(self, pid: int) -> bool:
        """Whether this process has answered since the last look; asks again when it is time."""
        answered, self._answered = self._answered, None
        if time.monotonic() >= self._due and (self._asking is None or not self._asking.is_alive()):
            self._due = time.monotonic() + ASK_EVERY
            self._asking = threading.Thread(target=self._ask, args=(pid,), name="caller", daemon=True)
            self._asking.start()
        return answered == pid

    def _ask(self, pid: int) -> None:
        if answers(*self._address, ANSWER_WITHIN):
            self._answered = pid


def answers(host: str, port: int, within: float = 1.0) -> bool:
    """Whether the web process answers, within so many seconds."""
    connection = http.client.HTTPConnection(shown_host(host).strip("[]"), port, timeout=within)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def shown_host(host: str) -> str:
    """The host as a browser on this machine takes it."""
    everywhere = {"0.0.0.0": "localhost", "::": "localhost"}  # noqa: S104
    return everywhere.get(host, f"[{host}]" if ":" in host else host)
