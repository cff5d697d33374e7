"""Match: one match in full. Who is likely to win, why, and how it did."""

from __future__ import annotations

import streamlit as st

from core.views import match as view
from core.views.matches import spoken
from pages.shared import cards, frame, held, match_page, state

asked = state.said("id").strip()
number = view.wanted(asked)
services = held.services()
shown = None if number is None else match_page.read(services, services.match_ids.present(number), state.zone())

if shown is None:
    frame.masthead("Match", "Who is likely to win, why, and how it did.")
    st.html(cards.empty(view.unknown(asked)))
    st.page_link("pages/matches.py", label="All matches", icon=":material/arrow_back:")
else:
    state.keep("id", str(shown.match.match_id))
    st.set_page_config(page_title=f"{shown.match.title} · SoccerPredictAI")
    frame.masthead(shown.match.title, shown.match.where)
    if shown.match.said or shown.receipt:
        match_page.in_full(shown)
    else:
        match_page.without_forecast(shown)
    fresh = services.freshness()
    match_page.downloads(shown, spoken(fresh.as_of, fresh.replaying))
    with st.container(horizontal=True):
        st.page_link("pages/matches.py", label="All matches", icon=":material/arrow_back:")
        if shown.match.said:
            again = {"match_id": str(shown.match.match_id)}
            st.page_link("pages/playground.py", label="Ask again in the Playground", icon=":material/science:", query_params=again)
frame.footer()
