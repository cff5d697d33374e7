"""The parts of the Matches page: choices, days of match cards, the results beside them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from core.errors import StorageError
from core.serving.services import Services
from core.views import matches as view
from core.views.words import count, weekday
from core.vocabulary import CHAMPION, EVALUATION_FILE
from pages.shared import cards, frame, state, tables
from pages.shared.tables import Cell, Name

Sealed = dict[int, tuple[float, float, float]]
ALL_LEAGUES, ALL_TEAMS = "All leagues", "All teams"
FILTERS = ("league", "team", "clear", "from", "to")


def upcoming(services: Services, zone: ZoneInfo) -> list[view.Card]:
    """The matches to come in the visitor's time, worked out once for each publication, champion and zone."""
    version = services.predictions.versions().get(CHAMPION)
    return _upcoming(services, services.predictions.computed_at, services.features.computed_at, version, zone.key)


@st.cache_resource(show_spinner=False, max_entries=32)
def _upcoming(_services: Services, said: object, known: object, version: int | None, zone: str) -> list[view.Card]:
    return view.upcoming(_services.features.frame(), _services.predictions.frame(), version, ZoneInfo(zone))


def women(services: Services) -> frozenset[int]:
    """The ids of the women's matches."""
    return _women(services, services.features.computed_at)


@st.cache_resource(show_spinner=False, max_entries=4)
def _women(_services: Services, known: object) -> frozenset[int]:
    sex = _services.features.frame()["sex"]
    return frozenset(sex.index[sex == 1].tolist())


def sealed(services: Services) -> Sealed | None:
    """By match what was last sealed as the champion's; None while the database is away."""
    with suppress(StorageError):
        return _sealed(services, services.predictions.computed_at, services.predictions.versions().get(CHAMPION))
    return None


@st.cache_resource(show_spinner=False, max_entries=4)
def _sealed(_services: Services, said: object, version: int | None) -> Sealed:
    return _services.records.sealed_champion(_services.settings.timeline)


@st.cache_resource(show_spinner=False, max_entries=4)
def _unseen(_services: Services, said: object, walked: datetime | None, version: int | None, chain: bool) -> pd.DataFrame:
    walk = _services.walk_of(CHAMPION) if walked else None
    return view.unseen_by_champion(_services.predictions.frame(), version, walk, sealed(_services) if chain else None)


@st.cache_resource(show_spinner=False, max_entries=64)
def _results(
    _services: Services,
    said: object,
    known: object,
    walked: datetime | None,
    version: int | None,
    chain: bool,
    zone: str,
    choices: view.Choices,
) -> list[view.Result]:
    return view.results(_services.features.frame(), _unseen(_services, said, walked, version, chain), ZoneInfo(zone), choices)


def choose(services: Services, known: list[view.Card]) -> view.Choices:
    """The row of choices, each kept in the address."""
    leagues, teams = [ALL_LEAGUES, *view.leagues(known)], [ALL_TEAMS, *view.teams(known)]
    offered = {"sex": ("choice", view.SEXES), "league": ("league", leagues), "team": ("team", teams), "clear": ("choice", view.CONFIDENCE)}
    days = {"from": ("day", state.Days()), "to": ("day", state.Days())}
    unknown = state.tell_unknown({**offered, **days, state.ZONE: ("time zone", [state.OWN_ZONE, *state.zones()])})
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="choices"):
        q = st.text_input(
            "Search", key="q", bind="query-params", type="search", live=True, placeholder="Team or league",
            label_visibility="collapsed", width=330,
        )  # fmt: skip
        sex = st.segmented_control(
            "Men or women",
            list(view.SEXES),
            default="All",
            required=True,
            key="sex",
            bind="query-params",
            label_visibility="collapsed",
        )
        narrowed = sum(name in st.query_params and name not in unknown for name in FILTERS)
        with st.popover(f"Filters: {narrowed}" if narrowed else "Filters", icon=":material/tune:", key="filters"):
            league, team, confidence, first, last = _filters(leagues, teams)
        st.html(cards.legend(), width="content")
    return view.Choices((q or "")[: state.LONGEST], view.SEXES.get(sex or "All"), league, team, confidence, first, last)


def _filters(leagues: list[str], teams: list[str]) -> tuple[str | None, str | None, str, date | None, date | None]:
    league = st.selectbox("League", leagues, key="league", bind="query-params")
    team = st.selectbox("Team", teams, key="team", bind="query-params")
    confidence = st.selectbox("How clear", list(view.CONFIDENCE), key="clear", bind="query-params")
    with st.container(horizontal=True):
        first = st.date_input("From", None, key="from", bind="query-params")
        last = st.date_input("To", None, key="to", bind="query-params")
    state.zone_picker()
    return (None if league == ALL_LEAGUES else league, None if team == ALL_TEAMS else team, confidence, first, last)


def days(found: view.MatchesView, today: date) -> view.Days:
    """The matches of a page, by day and league, and the way to the other pages; or why there are none. Returns what it shows."""
    if not found.cards:
        st.html(cards.empty(found.nothing))
        return []
    # Below the list, but asked first: only the widget knows which page it shows.
    above = st.container()
    page = st.pagination(len(found.pages), key="page", bind="query-params") if len(found.pages) > 1 else 1
    if st.session_state.get("page_above", page) != page:
        frame.to_top(page)
    st.session_state["page_above"] = page
    shown = found.pages[page - 1]
    above.html(cards.wrapped(*(day(when, some, today, found.on_day[when]) for when, some in shown)))
    return shown


def day(when: date, some: list[view.Card], today: date, in_all: int) -> str:
    """The matches of a day, or the first of them, by league; `in_all` how many it has."""
    inner, league = "", ""
    for card in some:
        if card.league != league:
            inner += ("</ol>" if league else "") + cards.league(card.league)
            league = card.league
        inner += cards.match(card, state.match_address(card.match_id))
    many = count(in_all, "match", "matches")
    return cards.day(weekday(when, today), many if len(some) == in_all else f"{len(some)} of {many}", inner + "</ol>")


def results(services: Services, zone: ZoneInfo, choices: view.Choices, beside: view.Days) -> None:
    """The latest results of what was chosen, `beside` the matches to come, with what we said; nothing when there are none."""
    version, today = services.predictions.versions().get(CHAMPION), services.clock.now().astimezone(zone).date()
    chosen = replace(choices, confidence=view.EVERYTHING.confidence, first=None, last=None)
    said, known = services.predictions.computed_at, services.features.computed_at
    walked = services.reports.lookups()[EVALUATION_FILE].computed_at
    latest = _results(services, said, known, walked, version, sealed(services) is not None, zone.key, chosen)
    found = view.results_beside(beside, latest)
    if not found:
        return
    tables.section(view.results_title(found, today), view.results_words(found))
    st.html(cards.wrapped('<div class="rail">', *(_results_of(day, some, today) for day, some in view.by_day(found)), "</div>"))


def _results_of(day: date, some: list[view.Result], today: date) -> str:
    rows = (cards.result(result, state.match_address(result.match_id)) for result in some)
    return f"{cards.league(weekday(day, today))}{''.join(rows)}</ol>"


def standings(services: Services) -> None:
    """How the models did on the same matches."""
    rows = view.standings(services.scored())
    if not rows:
        return
    tables.section("How the models compare", "On the same matches, each forecast from earlier ones only.")
    tables.table(
        [Cell(view.standings_words(services.reports.scored_span())), Cell("Right"), Cell("Log loss")],
        [(Name(row.name), [Cell(row.right), Cell(row.log_loss)]) for row in rows],
        "Lower log loss is better.",
    )
    st.page_link("pages/arena.py", label="Compare them in the Arena", icon=":material/balance:")
