"""What all visitors share, held once for the process."""

from __future__ import annotations

import streamlit as st

from core.serving.services import Services, open_services
from core.settings import Settings
from workers.jobs import Jobs


@st.cache_resource(show_spinner=False)
def services() -> Services:
    """The lookups, models and records behind every page and the API. What they return is shared: look, do not touch."""
    opened = open_services(Settings.from_environment())
    opened.start()
    return opened


@st.cache_resource(show_spinner=False)
def jobs() -> Jobs:
    """Where a page hands work in."""
    opened = services()
    return Jobs.open(opened.settings, opened.database)
