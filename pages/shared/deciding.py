"""Promote and roll back on the Arena: a reason, the key, a confirmation, and how it went."""

from __future__ import annotations

import streamlit as st

from core.clock import real_now
from core.errors import TaskUnknown
from core.football.judging import Judged
from core.serving.services import Services
from core.views import decisions as view
from core.vocabulary import CHALLENGER, CHAMPION
from pages.shared import keyed, state, tables
from pages.shared.alive import alive
from workers.jobs import Jobs

WHO = "the Arena page"
TASK = "decision"  # the task of the last decision, in the address
DECISIONS = ("promote", "rollback")
LONGEST, LONGEST_NAME = 2000, 100  # characters of a reason, and of a name


@alive(every=None)
def draw(services: Services, jobs: Jobs, judged: Judged) -> None:
    """The section; `judged` on all matches, whatever the visitor has chosen to look at."""
    tables.section(
        "Decide", "The champion changes when somebody says so and gives the reason. A worker carries it out, and it is written down."
    )
    rows, versions = services.records.audit(), services.models.assigned()
    champion = versions.get(CHAMPION)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        keyed.field(services.settings)
        offer = view.promotion(versions, judged)
        promoted = _asked("promote", ":material/arrow_upward:", offer, champion)
        returned = _asked("rollback", ":material/undo:", view.rollback(champion, rows), champion)
    if (promoted or returned) and keyed.given(services.settings):
        if promoted:
            asked = versions[CHALLENGER], promoted, champion, _who("promote")
            state.keep(TASK, jobs.promote(*asked, against_the_gate=bool(offer.against)))
        else:
            state.keep(TASK, jobs.rollback(returned, _who("rollback")))
    if task_id := state.said(TASK):
        _follow(services, jobs, task_id)
    tables.decided(view.decided(rows[:5], real_now(), state.zone()))


def _asked(name: str, icon: str, offer: view.Offer, champion: int | None) -> str:
    """The reason, once somebody has confirmed; empty before.

    Who confirmed other versions than stand here by now has confirmed nothing: the keys name them.
    """
    with st.popover(offer.label, icon=icon, key=f"pop_{name}"):
        st.markdown(offer.means)
        if offer.version is None:
            return ""
        if offer.against:
            st.warning(offer.against, icon=":material/gavel:")
        reason = st.text_input("Why", key=f"why_{name}", max_chars=LONGEST, placeholder="kept for everybody who asks later").strip()
        st.text_input("Your name", key=f"who_{name}", max_chars=LONGEST_NAME, placeholder="optional, kept with the decision")
        sure = st.checkbox("I have read this, and am sure" if offer.against else "I am sure", key=f"sure_{name}_{offer.version}_{champion}")
        if not st.button(offer.label, type="primary", key=f"go_{name}_{offer.version}_{champion}"):
            return ""
        if not reason or not sure:
            st.error("Give the reason first." if not reason else "Tick the box first.", icon=":material/edit:")
            return ""
        return reason


def _who(name: str) -> str:
    """Who decided, for the audit."""
    given = str(st.session_state.get(f"who_{name}") or "").strip()
    return f"{given}, on the Arena page" if given else WHO


def _follow(services: Services, jobs: Jobs, task_id: str) -> None:
    try:
        if jobs.ledger.kind(task_id)[0] not in DECISIONS:
            raise TaskUnknown("The task in this address decides nothing about the champion.")
        going = not view.arrived(services.records.task(task_id), services.models.assigned(), real_now())
    except TaskUnknown as unknown:
        st.warning(str(unknown))
        return
    alive(every=0.6 if going else None)(_stands)(services, task_id, going)


def _stands(services: Services, task_id: str, going: bool) -> None:
    """How the decision stands. `going`: it was under way when the page was drawn; once it is not, the page is drawn anew."""
    task = services.records.task(task_id)
    has_arrived = view.arrived(task, services.models.assigned(), real_now())
    if going and has_arrived:
        st.rerun()
    good, sentence = view.outcome(task, has_arrived)
    tables.note(sentence, good)
