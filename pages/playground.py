"""Playground: one match and one model, at once and through the queue that programs use."""

from __future__ import annotations

import streamlit as st

from core.clock import real_now
from core.views import playground as view
from pages.shared import answers, frame, held, state, tables
from pages.shared.alive import alive

services, jobs, zone = held.services(), held.jobs(), state.zone()


@alive(every=None)
def at_once(match_id: int, stage: str) -> None:
    tables.section("At once", "Computed in the web process, now.")
    answers.card(view.answer(services.models.predict_row(match_id, stage), features))
    answers.for_programs(view.at_once_command(state.base(services.settings), match_id, stage))


@alive(every=None)
def through_the_queue(match_id: int, stage: str) -> None:
    tables.section("Through the queue", f"Computed by a worker. Now {view.queue_words(services.records.task_counts())}.")
    if st.button("Queue this forecast", type="primary", key="go_queue", icon=":material/queue:"):
        known = services.features.get_features(match_id) or {}
        answers.keep_all(match_id, stage, jobs.predict_match(match_id, known, services.features.features_computed_at, stage))
    task_id = state.said("task_id")
    if task_id and (problem := view.task_problem(task_id)):
        st.warning(problem)
    elif task_id:
        going = not view.task_view(services.records.task(task_id), real_now()).final
        alive(every=0.6 if going else None)(answers.task)(task_id, features, going)
    else:
        answers.queue_hint(view.queue_command(state.base(services.settings), match_id, stage))


frame.masthead("Playground", "One match and one model: the answer at once, and through the queue that programs use.")
features = services.features.frame()
asked = view.asked_for(state.said("match_id"), features, services.match_ids.present)
if asked.problem:
    st.warning(asked.problem)
options = view.options(features, zone, asked.match_id)
versions = services.models.versions()
if not options or not versions:
    st.info("There is no match to come, or no model. `make pipeline` brings both.")
else:
    match_id, stage = answers.choose(options, asked.match_id, versions)
    left, right = st.columns(2, gap="medium")
    with left:
        at_once(match_id, stage)
    with right:
        through_the_queue(match_id, stage)
frame.footer()
