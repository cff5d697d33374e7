"""What costs more than a glance to work out, kept for all visitors until the data or the models are newer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

import pandas as pd
import streamlit as st

from core.clock import real_now
from core.football.contest import chosen, contest
from core.football.judging import Evidence, Judged, evidence, judge
from core.serving.lookups import Lookup
from core.serving.services import Services
from core.serving.version_comparison import Compared
from core.views.arena import ArenaView, Pair, arena_view, league_names, pair
from core.vocabulary import BASELINE, CHAMPION, EVALUATION_FILE

Card = Mapping[str, Any]
Versions = tuple[int | None, int | None, int | None]


@dataclass(frozen=True)
class Question:
    """What the Arena compares: champion, rival and baseline, by their `versions` and by their `cards`, all of one moment."""

    versions: Versions
    cards: tuple[Card, Card, Card]
    pair: Pair
    rival: Evidence


def judged(services: Services) -> bool:
    """Whether there is an evaluation, and matches to name its leagues by."""
    return services.reports.lookups()[EVALUATION_FILE].ready and services.history.ready


def question(services: Services, zone: tzinfo) -> Question:
    """The champion and the version that it is compared with now."""
    rival = services.rival()
    cards = services.card_of(CHAMPION), {} if rival is None else rival.card, services.card_of(BASELINE)
    champion, other, baseline = (card.get("model_version") for card in cards)
    versions = champion, other, baseline
    if rival is None:
        return Question(versions, cards, Pair(champion, None), Evidence())
    is_sealed = _comparison(services, versions, cards).on == "sealed"
    named = pair(champion, other, rival.is_former, is_sealed, rival.until, real_now(), zone)
    return Question(versions, cards, named, evidence(rival.card))


def compared(services: Services, asked: Question) -> Compared:
    """Champion and rival on all matches that both forecast, worked out once for each evaluation, batch and pair."""
    return _comparison(services, asked.versions, asked.cards)


def _comparison(services: Services, versions: Versions, cards: tuple[Card, Card, Card]) -> Compared:
    return _compared(services, services.reports.lookups()[EVALUATION_FILE].computed_at, services.history.computed_at, versions, cards)


@st.cache_resource(show_spinner=False, max_entries=2)
def _compared(
    _services: Services, written: datetime | None, known: datetime | None, versions: Versions, _cards: tuple[Card, Card, Card]
) -> Compared:
    champion, rival, baseline = _cards
    return _services.compared(champion, rival, baseline) if champion and rival else Compared(contest({}), "walk")


def challenger_judged(services: Services, asked: Question) -> Judged:
    """What the gate says of promoting the version that is compared with the champion, on all matches."""
    return judge(compared(services, asked).contest, asked.rival)


def leagues(services: Services) -> dict[str, str]:
    """The name of each competition by its code."""
    return _leagues(services, services.history.computed_at)


@st.cache_resource(show_spinner=False, max_entries=2)
def _leagues(_services: Services, written: datetime | None) -> dict[str, str]:
    return league_names(_services.history.frame())


def arena(services: Services, asked: Question, league: str | None, season: str | None) -> ArenaView | None:
    """The Arena of one league or all, one season or all; None when nobody can be judged on them."""
    written = services.reports.lookups()[EVALUATION_FILE].computed_at, services.history.computed_at
    return _arena(services, asked, written, asked.versions, asked.pair, asked.rival, league, season)


@st.cache_resource(show_spinner=False, max_entries=64)
def _arena(
    _services: Services,
    _asked: Question,
    written: tuple[datetime | None, datetime | None],
    versions: Versions,
    named: Pair,
    rival: Evidence,
    league: str | None,
    season: str | None,
) -> ArenaView | None:
    some = chosen(compared(_services, _asked).contest, league, season)
    return arena_view(some, named, leagues(_services), rival, versions[2])


def files(services: Services) -> list[tuple[str, datetime | None, int | None, str | None]]:
    """Each published file as it is held: its name, when it was written, its rows, and why something newer was not taken up."""
    named = services.lookups().items()
    return [(name, lookup.computed_at, _rows(lookup), lookup.error or lookup.stale_reason) for name, lookup in named]


def _rows(lookup: Lookup[Any]) -> int | None:
    value = lookup.held().value if lookup.ready else None
    frame = getattr(value, "frame", value)
    return len(frame) if isinstance(frame, pd.DataFrame) else None


def addresses(services: Services) -> dict[str, str]:
    """Where the database and the registry are."""
    return {"database": services.settings.database_url, "registry": services.settings.tracking_uri}
