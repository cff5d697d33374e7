"""What the web process does before the first visitor and after the last."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import anyio
import streamlit as st
from streamlit import runtime
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.stats import ACTIVE_SESSIONS_FAMILY

from core.metrics import SESSIONS
from core.serving.services import Services
from pages.shared import held


def lifespan(api: Any, sidecar: Any) -> Callable[[st.App], AbstractAsyncContextManager[None]]:
    """What to hand to `st.App`; `api` is the FastAPI app, `sidecar` the module that opens the metrics' own port.

    Opens the services, wires the API to them, starts the metrics and the reaper of tasks, warms what the first page needs.
    """

    @asynccontextmanager
    async def opened(app: st.App) -> AsyncIterator[None]:
        # A folder called pages makes Streamlit run a page alone, without app.py, until st.navigation was called once:
        # the first visitor of all, if he follows a link to a match, would get it bare.
        PagesManager.uses_pages_directory = False
        timelines = await anyio.to_thread.run_sync(held.timelines)
        await anyio.to_thread.run_sync(_warm)
        counting = asyncio.create_task(_count_sessions())
        # What is here now stays: the collector need not look at it again, while a page is drawn.
        gc.collect()
        gc.freeze()
        try:
            with sidecar.beside(timelines.services.settings) as reaping:

                def wire(services: Services) -> None:
                    """The API and the reaper of tasks work for the timeline that is shown."""
                    jobs = held.jobs_of(services)
                    services.follow_queue(jobs.check)
                    api.state.services, api.state.jobs = services, jobs
                    reaping.work_for(services.settings)

                timelines.follow(wire)
                timelines.start()
                yield
        finally:
            counting.cancel()
            held.jobs().close()
            timelines.close()

    return opened


async def _count_sessions() -> None:
    """Look each second how many visitors are here: Streamlit tells nobody when one leaves."""
    while True:
        if runtime.exists():
            (found,) = runtime.get_instance().stats_mgr.get_stats([ACTIVE_SESSIONS_FAMILY])[ACTIVE_SESSIONS_FAMILY]
            SESSIONS.set(found.value)
        await asyncio.sleep(1)


def _warm() -> None:
    """Import what pages draw with; the first visitor need not wait for it."""
    import pandas
    import plotly.graph_objects

    assert pandas and plotly.graph_objects.Figure
