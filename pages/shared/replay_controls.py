"""The replay's controls on Operations: let it play, or move its clock."""

from __future__ import annotations

import streamlit as st

from core.serving.services import Services
from core.views import live as view
from pages.shared import keyed, tables
from pages.shared.alive import alive
from workers.jobs import Jobs

SPEEDS = {"1 s a minute": 1.0, "1 s five minutes": 5.0, "10 s a minute": 0.1}
# What a button says, and where the clock goes then.
MOVES = {
    "Next result": ("next-match", ":material/skip_next:", "Until the result of the next match is known."),
    "Next match day": ("next-day", ":material/fast_forward:", "Until all results of the next match day are known."),
    "24 hours on": ("+24h", ":material/more_time:", "A day later."),
    "Begin again": ("start", ":material/restart_alt:", "Back to where the replay started. Sealed forecasts stay in its chain."),
}


def draw(services: Services, jobs: Jobs) -> None:
    """The section; nothing on the real timeline, whose clock nobody moves."""
    if services.live.replay is None:
        return
    tables.section("Replay", "Its clock moves when you say so. What is known by then is taken in, and the forecasts are made anew.")
    _stands(services)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        speed = st.segmented_control("Speed", list(SPEEDS), default="1 s a minute", required=True, key="speed", bind="query-params")
        play = st.button("Play the next match day", type="primary", key="go_play", icon=":material/play_arrow:")
        pause = st.button("Pause", key="pause", icon=":material/pause:")
    with st.container(horizontal=True, gap="small"):
        moves = [to for label, (to, icon, help) in MOVES.items() if st.button(label, key=f"move_{to}", icon=icon, help=help)]
    if (play or pause or moves) and keyed.given(services.settings):
        if play:
            services.live.play(SPEEDS[speed])
            st.page_link("pages/live.py", label="It plays. Watch it on Live", icon=":material/sensors:")
        elif pause:
            services.live.pause()
        else:
            _move(jobs, moves[0])


def _move(jobs: Jobs, to: str) -> None:
    if jobs.advancing() is not None:
        st.warning("The replay’s clock is being moved already. Wait until it has arrived, then move it again.", icon=":material/schedule:")
        return
    after = "once the sources have been asked" if jobs.refreshing() is not None else "within a minute"
    jobs.advance(to)
    st.toast(f"Asked for. The clock arrives {after}.", icon=":material/schedule:")


@alive(every=1.0)
def _stands(services: Services) -> None:
    stands = services.live.replay
    if stands is not None:
        tables.draw(f'<p class="said" id="replay">{view.replay_words(stands, services.clock.now())}</p>')
