"""Slow work that a request needs now and then, such as reading a model for the first time: never on the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from fastapi import HTTPException

from core.errors import SoccerPredictError


class Waiting:
    """Each piece of work runs once at a time, in a thread of its own, however many requests wait for it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._running: dict[str, Future[None]] = {}

    async def until(self, name: str, work: Callable[[], Any], seconds: float) -> None:
        """Return when `work` is done, or raise what it raised; HTTPException 504 after so many seconds, while it goes on."""
        awaited = asyncio.wrap_future(self._begun(name, work))
        # Nobody may be left to ask, and an exception that nobody asked for is reported as a bug.
        awaited.add_done_callback(lambda done: done.cancelled() or done.exception())
        done, _ = await asyncio.wait([awaited], timeout=seconds)
        if not done:
            raise HTTPException(504, f"The {name} could not be read within {seconds:g} seconds. Try again.", {"Retry-After": "5"})
        awaited.result()

    def _begun(self, name: str, work: Callable[[], Any]) -> Future[None]:
        with self._guard:
            running = self._running.get(name)
            if running is None or running.done():
                running = self._running[name] = Future()
                threading.Thread(target=_run, args=(work, running), name=name, daemon=True).start()
        return running


def _run(work: Callable[[], Any], told: Future[None]) -> None:
    try:
        work()
        told.set_result(None)
    except SoccerPredictError as error:
        told.set_exception(error)
    finally:
        if not told.done():  # a bug, which stays loud as the end of this thread
            told.set_exception(RuntimeError("the work in another thread was broken"))
