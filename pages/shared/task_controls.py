"""What an operator can do on Operations: queue a task again or take it back, ask the sources now, export a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from core.errors import SoccerPredictError
from core.serving.services import Services
from core.views.operations import TABLES, TaskChoice
from pages.shared import keyed, tables
from pages.shared.alive import alive
from workers.jobs import Jobs

WANTED = "task_change_wanted"
# What can be done about a task: what its button says, its icon, what is said afterwards, and the doing.
CHANGES: Mapping[str, tuple[str, str, str, Callable[[Jobs, str], object]]] = {
    "again": ("Queue again", ":material/replay:", "It is in the queue again.", Jobs.requeue),
    "back": ("Take back", ":material/cancel:", "Taken back. One that runs stops at its next step.", Jobs.revoke),
}


def about(services: Services, jobs: Jobs, choices: Mapping[str, TaskChoice]) -> None:
    """A row of controls for these tasks; nothing where nothing can be done about any of them.

    What came of a press is told beside the page: the row is drawn anew every other second.
    """
    if choices:
        _offer(choices)
    wanted = st.session_state.pop(WANTED, None)
    if wanted is None:
        return
    if wanting := keyed.refusal(services.settings):
        st.toast(wanting, icon=keyed.ICON, duration="long")
    else:
        _change(jobs, *wanted)


def _offer(choices: Mapping[str, TaskChoice]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        task_id = st.selectbox("Task", list(choices), format_func=lambda known: choices[known].words, key="task_to_change", width=460)
        able = {"again": choices[task_id].again, "back": choices[task_id].back}
        for what, (label, icon, _, _) in CHANGES.items():
            st.button(label, key=f"task_{what}", icon=icon, disabled=not able[what], on_click=_want, args=(what, task_id))


def _want(what: str, task_id: str) -> None:
    """Note the very task that the button stood for: when the page is drawn again the list may be another."""
    st.session_state[WANTED] = what, task_id


def _change(jobs: Jobs, what: str, task_id: str) -> None:
    _, icon, said, change = CHANGES[what]
    try:
        change(jobs, task_id)
    except SoccerPredictError as error:
        st.toast(str(error), icon=":material/error:", duration="long")
    else:
        st.toast(said, icon=icon)


@alive(every=None)
def work(services: Services, jobs: Jobs) -> None:
    """The section of what can be asked for at any time."""
    tables.section("Ask for", "Each becomes a task; Tasks tells how it fares.")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        refresh = st.button("Refresh now", key="refresh_now", icon=":material/sync:", help="Asks the sources, and publishes what follows.")
        name = st.selectbox("Table", jobs.exportable, format_func=lambda known: TABLES.get(known, known), key="table_to_export", width=300)
        export = st.button("Export", key="export_table", icon=":material/ios_share:", help="Writes it to the store as a Parquet file.")
    if (refresh or export) and keyed.given(services.settings):
        if refresh:
            jobs.refresh()
        else:
            jobs.export_data_raw(name)
        st.toast("Asked for. Tasks tells how it fares.", icon=":material/schedule:")
