"""Slow work that requests wait for: once at a time, never on the event loop, never for ever."""

from __future__ import annotations

import asyncio
import threading

import pytest
from fastapi import HTTPException

from core.errors import NotReady
from tests.installation import PATIENCE
from workers.waiting import Waiting


def test_many_that_wait_at_once_share_one_run_in_one_thread():
    ran, go = [], threading.Event()

    def work():
        ran.append(threading.current_thread().name)
        go.wait(PATIENCE)

    async def all_at_once():
        waiting = Waiting()
        together = asyncio.gather(*(waiting.until("models", work, PATIENCE) for _ in range(20)))
        await asyncio.sleep(0)  # each of them has asked
        go.set()
        await together
        await waiting.until("models", work, PATIENCE)

    asyncio.run(all_at_once())
    assert ran == ["models", "models"]


def test_different_work_does_not_wait_for_each_other():
    go = threading.Event()

    async def both():
        waiting = Waiting()
        slow = asyncio.create_task(waiting.until("slow", lambda: go.wait(PATIENCE), PATIENCE))
        await asyncio.sleep(0)  # it has begun
        await waiting.until("quick", lambda: None, PATIENCE)
        assert not slow.done()
        go.set()
        await slow

    asyncio.run(both())


def test_what_the_work_raises_reaches_everybody_who_waits():
    go = threading.Event()

    def work():
        go.wait(PATIENCE)
        raise NotReady("Nothing was published yet.")

    async def two():
        waiting = Waiting()
        together = asyncio.gather(*(waiting.until("models", work, PATIENCE) for _ in range(2)), return_exceptions=True)
        await asyncio.sleep(0)
        go.set()
        return await together

    assert [str(error) for error in asyncio.run(two())] == ["Nothing was published yet."] * 2


def test_who_waited_long_enough_is_told_while_the_work_goes_on():
    go, done = threading.Event(), threading.Event()

    async def impatient():
        with pytest.raises(HTTPException) as late:
            await Waiting().until("models", lambda: (go.wait(PATIENCE), done.set()), 0.05)
        assert (late.value.status_code, late.value.headers) == (504, {"Retry-After": "5"})

    asyncio.run(impatient())
    go.set()
    assert done.wait(PATIENCE)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_in_the_work_is_loud_and_does_not_leave_anybody_waiting():
    heard, before = [], threading.excepthook
    threading.excepthook = heard.append
    try:
        with pytest.raises(RuntimeError, match="broken"):
            asyncio.run(Waiting().until("models", lambda: 1 / 0, PATIENCE))
    finally:
        threading.excepthook = before
    assert heard[0].exc_type is ZeroDivisionError
