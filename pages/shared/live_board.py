"""The parts of the Live page: choices, and the board of scores that renews itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from html import escape
from itertools import groupby
from zoneinfo import ZoneInfo

import streamlit as st

from core.serving.services import Services
from core.views import live as view
from core.views import matches
from core.views.known import Known
from core.views.live import Replay
from core.vocabulary import CHAMPION
from pages.shared import cards, keyed, match_list, state
from pages.shared.cards import hidden
from pages.shared.match_list import ALL_LEAGUES

Choice = tuple[str | None, date | None]
MOST_FOLLOWING = 30
WARNED = ("goal taken back", "no news", "no live score")  # how the tags begin that stand out
USUAL_SPEED = 1.0  # minutes of play a second
ESTIMATED = "~ the half and the minute are worked out from the kick-off, since the source tells neither."
ILLUSTRATIVE = (
    "Illustrative: the result is real, but its kick-off or the minutes of its goals are not known here; these are drawn from other matches."
)


def choose(services: Services, zone: ZoneInfo) -> Choice:
    """Which league, and which day; kept in the address. Without a day it is about these hours."""
    known = {card.league for card in match_list.upcoming(services, zone)} | {match.league for match in _batch(services, zone, None)}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="choices"):
        league = st.selectbox("League", [ALL_LEAGUES, *sorted(known)], key="league", bind="query-params", width=170)
        on = st.date_input("Day", None, key="date", bind="query-params", width=136)
        st.html(cards.legend(), width="content")
    return None if league == ALL_LEAGUES else league, on


def found(services: Services, zone: ZoneInfo, choice: Choice) -> view.LiveView:
    """What there is to show now."""
    league, on = choice
    now = services.clock.now().astimezone(zone)
    batch = view.as_sealed(_batch(services, zone, on), match_list.sealed(services) or {})
    return view.live_view(services.live.matches(), batch, services.live.sealed(), now, league, on)


def _batch(services: Services, zone: ZoneInfo, on: date | None) -> list[Known]:
    today = services.clock.now().astimezone(zone).date()
    first, last = (on, on) if on else (today - timedelta(days=1), today + timedelta(days=1))
    said, facts = services.predictions.computed_at, services.features.computed_at
    return _of_days(services, said, facts, services.predictions.versions().get(CHAMPION), zone.key, first, last)


@st.cache_resource(show_spinner=False, max_entries=64)
def _of_days(_services: Services, said: object, facts: object, version: int | None, zone: str, first: date, last: date) -> list[Known]:
    return view.of_days(_services.features.frame(), _services.predictions.frame(), version, ZoneInfo(zone), first, last)


def draw(services: Services, zone: ZoneInfo, choice: Choice) -> None:
    """The board as it is now."""
    shown, now = found(services, zone, choice), services.clock.now().astimezone(zone)
    stands = services.live.replay
    if stands is not None:
        _replay(services, stands, now, bool(shown.playing))
    if services.live.error:
        st.warning(f"The scores are those of a while ago. {services.live.error}", icon=":material/error:")
    if not shown.cards:
        _nothing(services, zone, choice, now)
        return
    pieces = [_section(title, some) for title, some in (("In play", shown.playing), ("Over", shown.over), ("To come", shown.soon)) if some]
    notes = [words for words, needed in ((ESTIMATED, shown.estimated), (ILLUSTRATIVE, shown.illustrative)) if needed]
    st.html(cards.wrapped(*pieces, *(f'<p class="hint after">{escape(words)}</p>' for words in notes)))


def _replay(services: Services, stands: Replay, now: datetime, in_play: bool) -> None:
    """Where the replay stands, and how to let it play, or stand: here for who needs no key, else on Operations."""
    st.html(cards.wrapped(f'<p class="hint" id="replay">{escape(view.replay_words(stands, now))}</p>'))
    what = "Let it play on" if in_play else "Play the next match day"
    if not keyed.spared(services.settings):
        if stands.speed is None and stands.target is None:
            st.page_link("pages/operations.py", label=f"{what}, under Replay in Operations", icon=":material/play_circle:")
    elif stands.speed is not None:
        if st.button("Pause", key="live_pause", icon=":material/pause:"):
            services.live.pause()
            st.rerun()
    elif stands.target is None and st.button(what, key="live_play", icon=":material/play_arrow:"):
        services.live.play(USUAL_SPEED)
        st.rerun()


def _nothing(services: Services, zone: ZoneInfo, choice: Choice, now: datetime) -> None:
    """Why no score is shown, and the next day's matches."""
    following = _following(services, zone, choice[0], now)
    st.html(cards.empty(view.nothing(following[0] if following else None, now, *choice)))
    if following:
        st.html(cards.wrapped(match_list.day(following[0].day, following[:MOST_FOLLOWING], now.date(), len(following))))


def _following(services: Services, zone: ZoneInfo, league: str | None, now: datetime) -> list[matches.Card]:
    """The matches of the next day on which the league has any, or any league has."""
    to_come = matches.still_to_come(match_list.upcoming(services, zone), now, now.date())
    wanted = [card for card in to_come if not league or card.league == league]
    return matches.first_day(wanted)


def _section(title: str, some: Sequence[view.Card]) -> str:
    """The matches of one state, each league's under its name."""
    leagues = groupby(some, key=lambda card: card.known.league)
    inner = "".join(f"{cards.league(name)}{''.join(map(row, its))}</ol>" for name, its in leagues)
    return f'<section><div class="day"><h2>{title} <span>{len(some)}</span></h2><span>Before kick-off we said</span></div>{inner}</section>'


def row(card: view.Card) -> str:
    """One match: minute, names, score, and the bar of what was said before kick-off."""
    match = card.known
    names = (
        f'<a class="t home go" href="{escape(state.match_address(match.match_id))}" target="_self">{escape(match.home)}</a>'
        f'{hidden(" against ")}<span class="t away">{escape(match.away)}</span>'
    )
    score = f'<p class="now">{hidden("score ")}{escape(card.score)}</p>' if card.score else '<p class="now mute">–</p>'
    said = cards.bar(match.probabilities.percentages(), happened=card.happened) if match.probabilities else _WITHOUT
    return (
        f'<li><article class="lv{" on" if card.state == "playing" else ""}" id="l{match.match_id}"><p class="min">{escape(card.clock)}</p>'
        f"<h3>{names}</h3>{score}{said}{_tags(card)}</article></li>"
    )


_WITHOUT = '<p class="without">No forecast was made before kick-off.</p>'


def _tags(card: view.Card) -> str:
    words = [*card.tags, *([card.penalties] if card.penalties else [])]
    tags = "".join(f'<span class="tag {_mark(tag)}">{escape(tag)}</span>' for tag in words)
    return f'<p class="tags">{tags}</p>' if tags else ""


def _mark(tag: str) -> str:
    return "goal" if tag == "goal" else "warn" if tag.startswith(WARNED) else ""
