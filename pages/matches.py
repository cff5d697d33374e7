"""Matches, the home page: who is likely to win."""

from __future__ import annotations

import streamlit as st

from core.clock import real_now
from core.views import matches as view
from core.views.calendar import calendar
from pages.shared import frame, held, match_list, state

services = held.services()
zone = state.zone()
frame.masthead("Matches", "Who is likely to win. What we say of a match to come is sealed.")

now = services.clock.now().astimezone(zone)
cards = view.still_to_come(match_list.upcoming(services, zone), now, now.date())
choices = match_list.choose(services, cards)
found = view.matches_view(cards, choices, match_list.women(services))

left, right = st.columns([2.3, 1], gap="medium")
with left:
    shown = match_list.days(found, now.date())
    if found.cards:
        fresh = services.freshness()
        spoken = view.spoken(fresh.as_of, fresh.replaying)
        frame.downloads(
            (
                "These matches as CSV",
                view.downloaded(found.cards, spoken).to_csv(index=False).encode(),
                "matches.csv",
                "text/csv",
                ":material/download:",
            ),
            (
                "Add to calendar",
                lambda: calendar(found.cards, real_now(), spoken),
                "matches.ics",
                "text/calendar",
                ":material/calendar_add_on:",
            ),
        )
with right:
    match_list.results(services, zone, choices, shown)
    match_list.standings(services)
frame.footer()
