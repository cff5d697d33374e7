"""What every page shows around its own: the head with how fresh it is, banners with their reasons, the foot."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from core.metrics import PAGE_RENDER
from core.serving.services import Services
from core.views import fresh
from pages.shared import cards, held, state
from pages.shared.alive import alive

HERE = Path(__file__).parent
# Seconds between two looks at the head: on a replay, whose clock may run, and in real time.
MOVING, STANDING = 2.0, 10.0
ABOUT = "Open football forecasts over a forecasting service. Forecasts are sealed before the match. This is no betting product."


def begin() -> None:
    """Name the app and bring its one style sheet; called once, before any page."""
    st.set_page_config(page_title="SoccerPredictAI", page_icon=HERE / "icon.svg", layout="wide", menu_items={"About": ABOUT})
    st.logo(str(HERE / "logo.svg"), icon_image=str(HERE / "logo.svg"))
    st.html(HERE / "look.css")


def masthead(title: str, question: str) -> None:
    """The page's title, its question in one line, how fresh its data are, and what a visitor should know first.

    It renews itself; when the other timeline is shown from now on, the whole page does.
    """
    services = held.services()
    zone_name = state.zone_name(state.zone())
    alive(every=MOVING if services.clock.replaying else STANDING)(_head)(services, title, question, zone_name)


def _head(services: Services, title: str, question: str, zone_name: str) -> None:
    if held.services() is not services:
        st.rerun()
    banners = [cards.banner(notice.title, notice.text, notice.kind) for notice in services.notices()]
    st.html(cards.masthead(title, question, fresh.chip(services.freshness(), zone_name)) + "".join(banners))


def to_top(page: int) -> None:
    """Back to where a new page of a list begins: its pager stands at the end of the one before."""
    st.html(
        f'<script data-page="{page}">document.querySelector("[data-testid=stMain]").scrollTo(0, 0)</script>',
        unsafe_allow_javascript=True,
    )


def footer() -> None:
    st.html(
        cards.wrapped(
            '<p class="foot">Open data, open code. Forecasts of matches to come are sealed before kick-off and never edited. '
            "This is no betting product.</p>"
        )
    )


@contextmanager
def timed(page: str) -> Iterator[None]:
    """Count how long a page took to draw."""
    started = time.perf_counter()
    try:
        yield
    finally:
        PAGE_RENDER.labels(page).observe(time.perf_counter() - started)


Download = tuple[str, bytes | Callable[[], bytes], str, str, str]


def downloads(*files: Download) -> None:
    """Buttons side by side: (label, data or a function that makes it, file name, media type, icon)."""
    with st.container(horizontal=True, gap="small"):
        for label, data, name, media, icon in files:
            st.download_button(label, data, name, media, icon=icon, type="tertiary", on_click="ignore", key=f"get_{name}")
