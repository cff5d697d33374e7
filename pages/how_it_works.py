"""How it works: how to read a forecast, how it is made, and where it ends."""

from __future__ import annotations

import streamlit as st

from core.views import how_it_works as view
from pages.shared import frame, held, prose, state, tables
from pages.shared.tables import Cell, Name

services = held.services()
frame.masthead("How it works", "How to read a forecast, how it is made, and where it ends.")
left, right = st.columns(2, gap="medium")
with left:
    for section in view.reading():
        prose.draw(section)
with right:
    for section in view.method():
        prose.draw(section)
left, right = st.columns(2, gap="medium")
with left:
    tables.section(
        "Sources and their terms", "Facts only: dates, teams, scores, rounds, kick-offs. 9,525 real league matches come with the app."
    )
    tables.table(
        [Cell("Package"), Cell("Matches"), Cell("Terms")],
        [(Name(name), [Cell(what), Cell(terms)]) for name, what, terms in view.SOURCES],
        kind="terms",
    )
with right:
    tables.section(
        "Fetched from the network", "Asked for what is new when the app runs in real time. docs/sources.md says what is mended and refused."
    )
    tables.table(
        [Cell("Source"), Cell("Matches"), Cell("Terms")],
        [(Name(name), [Cell(what), Cell(terms)]) for name, what, terms in view.FETCHED],
        kind="terms",
    )
tables.section(
    "The API",
    "The same process answers programs: JSON, and errors are sentences too. Forecasts ask for the key that the first run wrote. "
    "The header X-Timeline says of each answer whether it is of a replay.",
)
left, right = st.columns(2, gap="medium")
with left:
    st.code(view.commands(state.base(services.settings), prose.next_match(services)), language="bash", wrap_lines=True)
with right:
    prose.examples(view.EXAMPLES)
frame.footer()
