"""Drift: has what the models see and say changed, and does it hurt?"""

from __future__ import annotations

import streamlit as st

from core.clock import real_now
from core.football.words import FEATURE_WORDS
from core.views.drift import drift_view, whose
from core.views.words import clock_time
from core.vocabulary import CHAMPION
from pages.shared import charts, frame, held, state, tables

services = held.services()
reports = services.reports
report = reports.drift()
view = drift_view(report, {name: words for name, (_, words) in FEATURE_WORDS.items()})
frame.masthead("Drift", view.question if view else "Has what the models see and say changed, and does it hurt?")

if reports.drift_error:
    st.warning(reports.drift_error)
if view is None:
    st.info("There is no drift report yet, or too few matches to compare. `make pipeline` writes one.")
else:
    names = {words: name for name, words in view.named.items()}
    state.tell_unknown({"feature": ("feature", names)})
    former = services.models.former_champion
    until = clock_time(former.until, state.zone(), real_now(), seconds=False) if former is not None and former.until is not None else ""
    version = whose(report or {}, services.models.assigned().get(CHAMPION), None if former is None else former.version, until)
    tables.verdict(view.verdict)
    tables.section(
        "Score over time",
        f"Log loss by week of {version}. Shaded: where right forecasts fall in 19 weeks of 20. Hollow: estimated, results not in yet.",
    )
    charts.show(charts.score_over_time(view.weeks.data), "fig_weeks", view.weeks.words, view.weeks.table)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        tables.section("Features", f"Those that drift first, then by q and importance in {version}.")
        tables.tests(view.features, "Effect: difference of the means in standard deviations. “Drifts”: q below .05.")
        charts.table_and_csv(view.features_table, "drift_features")
    with right:
        tables.section("One distribution", "Solid: the window. Outline: the season before.")
        chosen = st.selectbox("Feature", list(names), key="feature", bind="query-params", label_visibility="collapsed")
        said = view.distributions[names[chosen]]
        charts.show(charts.histogram(said.data, chosen), "fig_distribution", said.words, said.table)
        tables.section("What the model says", f"The three chances of {version}, tested in the same way.")
        tables.tests(view.predictions, "", importance=False)
        charts.table_and_csv(view.predictions_table, "drift_predictions")
frame.footer()
