"""What all visitors share, held once for the process."""

from __future__ import annotations

import streamlit as st

from core.serving.services import Services
from core.serving.timelines import Timelines
from workers.jobs import Jobs


@st.cache_resource(show_spinner=False)
def timelines() -> Timelines:
    """The services of the timeline that is shown; `start` makes them follow a choice of the other."""
    return Timelines()


def services() -> Services:
    """The lookups, models and records behind every page and the API. What they return is shared: look, do not touch."""
    return timelines().services


def jobs() -> Jobs:
    """Where a page hands work in."""
    return jobs_of(services())


def jobs_of(opened: Services) -> Jobs:
    """Where work of these services' timeline is handed in."""
    return _jobs(opened, opened.settings.timeline, id(opened))


@st.cache_resource(show_spinner=False, max_entries=2)
def _jobs(_services: Services, timeline: str, number: int) -> Jobs:
    return Jobs.open(_services.settings, _services.database)
