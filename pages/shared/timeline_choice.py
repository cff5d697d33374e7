"""The way between the replay and today, on Operations."""

from __future__ import annotations

import streamlit as st

from core.serving.services import Services
from pages.shared import keyed, tables

WAYS = {"replay": ("See today's matches", "real"), "real": ("See the replay", "replay")}
SAID = {
    "replay": "The replay is shown. Today's matches, fetched from open sources, are here too.",
    "real": "Today's matches are shown. The replay of the bundled ones is still there.",
}


def draw(services: Services) -> None:
    """The section; nothing where there is one timeline only."""
    settings = services.settings
    if not settings.can_switch or not settings.arrived:
        return
    tables.section("Timeline", SAID[settings.timeline])
    label, there = WAYS[settings.timeline]
    wanted = st.button(label, key="timeline_way", icon=":material/swap_horiz:")
    if wanted and keyed.given(settings):
        settings.choose("real" if there == "real" else "replay")
        st.toast("In a few seconds everybody sees it.", icon=":material/schedule:")
