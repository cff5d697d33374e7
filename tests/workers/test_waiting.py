"""Slow work that requests wait for: once at a time, never on the event loop, never for ever."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from fastapi import HTTPException

from core.errors import NotReady
from workers.waiting import Waiting


def test_many_that_wait_at_once_share_one_run_in_one_thread():
    ran = []

    def work():
        ran.append(threading.current_thread().name)
        time.sleep(0.2)

    async def all_at_once():
        waiting = Waiting()
        await asyncio.gather(*(waiting.until("models", work, 5) for _ in range(20)))
        await waiting.until("models", work, 5)

    asyncio.run(all_at_once())
    assert ran == ["models", "models"]


def test_different_work_does_not_wait_for_each_other():
    async def both():
        waiting = Waiting()
        slow = asyncio.create_task(waiting.until("slow", lambda: time.sleep(1), 5))
        began = time.perf_counter()
        await waiting.until("quick", lambda: None, 5)
        assert time.perf_counter() - began < 0.8
        await slow

    asyncio.run(both())


def test_what_the_work_raises_reaches_everybody_who_waits():
    def work():
        time.sleep(0.1)
        raise NotReady("Nothing was published yet.")

    async def two():
        waiting = Waiting()
        return await asyncio.gather(*(waiting.until("models", work, 5) for _ in range(2)), return_exceptions=True)

    assert [str(error) for error in asyncio.run(two())] == ["Nothing was published yet."] * 2


def test_who_waited_long_enough_is_told_while_the_work_goes_on():
    done = threading.Event()

    async def impatient():
        with pytest.raises(HTTPException) as late:
            await Waiting().until("models", lambda: (time.sleep(0.3), done.set()), 0.05)
        assert (late.value.status_code, late.value.headers) == (504, {"Retry-After": "5"})

    asyncio.run(impatient())
    assert done.wait(5)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_in_the_work_is_loud_and_does_not_leave_anybody_waiting():
    heard, before = [], threading.excepthook
    threading.excepthook = heard.append
    try:
        with pytest.raises(RuntimeError, match="broken"):
            asyncio.run(Waiting().until("models", lambda: 1 / 0, 5))
    finally:
        threading.excepthook = before
    assert heard[0].exc_type is ZeroDivisionError
