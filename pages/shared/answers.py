"""The Playground's pieces: choosing a match and a model, an answer as a card and for programs, a task on its way."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import pandas as pd
import streamlit as st

from core.clock import real_now
from core.views import playground as view
from pages.shared import cards, held, state
from pages.shared.tables import draw


def choose(options: Mapping[int, str], match_id: int | None, versions: Mapping[str, int]) -> tuple[int, str]:
    """A match and a stage. The address leads, so that going back in the browser brings the last ones back."""
    keys, stages = list(options), list(versions)
    asked = state.said("stage").lower()
    if asked not in stages:
        state.tell_unknown({"stage": ("stage", stages)})
    st.session_state["choose_match"] = match_id if match_id in options else keys[0]
    st.session_state["choose_stage"] = asked if asked in stages else stages[0]
    left, right = st.columns([3, 2], gap="medium", vertical_alignment="bottom")
    with left:
        chosen = st.selectbox(
            "Match",
            keys,
            format_func=lambda key: options.get(key, str(key)),
            key="choose_match",
            on_change=_kept,
            args=("match_id", "match"),
        )
    with right:
        stage = st.segmented_control(
            "Model",
            stages,
            format_func=lambda stage: f"{view.STAGE_WORDS.get(stage, stage)} v{versions[stage]}",
            required=True,
            key="choose_stage",
            on_change=_kept,
            args=("stage", "stage"),
        )
    return int(chosen), str(stage)


def _kept(name: str, widget: str) -> None:
    state.keep(name, str(st.session_state[f"choose_{widget}"]))


def keep_all(match_id: int, stage: str, task_id: str) -> None:
    """A queued forecast's address: what was asked, and the task."""
    for name, value in (("match_id", str(match_id)), ("stage", stage), ("task_id", task_id)):
        state.keep(name, value)


def card(answer: view.Answer) -> None:
    """A forecast as a bar with its sentence, and as JSON."""
    said = f'<p class="said">{escape(answer.said)} <span class="mute">{escape(answer.source)}</span></p>'
    draw(cards.big_bar(answer.home, answer.away, answer.probabilities) + said)
    with st.expander("The answer as JSON", icon=":material/data_object:"):
        st.code(answer.json, language="json")


def for_programs(command: str) -> None:
    """The same for a shell."""
    st.code(command, language="bash", wrap_lines=True)
    if "$KEY" in command:
        st.caption(r"\$KEY stands for your API key.")


def queue_hint(command: str) -> None:
    """What to do before there is a task."""
    draw('<p class="hint">Queue it and leave the page if you like: its address finds the task again.</p>')
    for_programs(command)


def task(task_id: str, features: pd.DataFrame, going: bool) -> None:
    """A task as it stands. `going`: it was on its way when the page was drawn; once it is not, the page is drawn anew and rests."""
    services = held.services()
    shown = view.task_view(services.records.task(task_id), real_now())
    if going and shown.final:
        st.rerun()
    mark = "" if shown.good or not shown.final else " old"
    heard = ' role="status"' if shown.final else ""  # not each tenth of a second
    draw(f'<p class="going"{heard}><i class="dot{mark}"></i><b>{escape(shown.state)}.</b> {escape(shown.meaning)}</p>')
    if shown.progress is not None and not shown.final:
        st.progress(shown.progress)
    if shown.result is not None:
        card(view.answer(shown.result, features))
    for_programs(view.status_command(state.base(services.settings), task_id))
