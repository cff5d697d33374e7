"""Drift: has what the models see and say changed, and does it hurt?"""

from __future__ import annotations

import streamlit as st

from core.football.words import FEATURE_WORDS
from core.views.drift import drift_view
from pages.shared import charts, frame, held, state, tables

reports = held.services().reports
view = drift_view(reports.drift(), {name: words for name, (_, words) in FEATURE_WORDS.items()})
frame.masthead("Drift", view.question if view else "Has what the models see and say changed, and does it hurt?")

if reports.drift_error:
    st.warning(reports.drift_error)
if view is None:
    st.info("There is no drift report yet, or too few matches to compare. `make pipeline` writes one.")
else:
    names = {words: name for name, words in view.named.items()}
    state.tell_unknown({"feature": ("feature", names)})
    tables.verdict(view.verdict)
    tables.section(
        "Score over time",
        "Log loss by week, champion. Shaded: where right forecasts fall in 19 weeks of 20. Hollow: estimated, results not in yet.",
    )
    charts.show(charts.score_over_time(view.weeks.data), "fig_weeks", view.weeks.words, view.weeks.table)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        tables.section("Features", "Those that drift first, then by q and importance.")
        tables.tests(view.features, "Effect: difference of the means in standard deviations. “Drifts”: q below .05.")
        charts.table_and_csv(view.features_table, "drift_features")
    with right:
        tables.section("One distribution", "Solid: the window. Outline: the season before.")
        chosen = st.selectbox("Feature", list(names), key="feature", bind="query-params", label_visibility="collapsed")
        said = view.distributions[names[chosen]]
        charts.show(charts.histogram(said.data, chosen), "fig_distribution", said.words, said.table)
        tables.section("What the champion says", "Its three chances, tested in the same way.")
        tables.tests(view.predictions, "", importance=False)
        charts.table_and_csv(view.predictions_table, "drift_predictions")
frame.footer()
