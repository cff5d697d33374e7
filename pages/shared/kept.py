"""What costs more than a glance to work out, kept for all visitors until the data or the models are newer."""

from __future__ import annotations

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

Versions = tuple[int | None, int | None, int | None]


@dataclass(frozen=True)
class Question:
    """What the Arena compares: `versions` are champion, rival and baseline, and tell one question from another."""

    versions: Versions
    pair: Pair
    rival: Evidence


def judged(services: Services) -> bool:
    """Whether there is an evaluation, and matches to name its leagues by."""
    return services.reports.lookups()[EVALUATION_FILE].ready and services.history.ready


def question(services: Services, zone: tzinfo) -> Question:
    """The champion and the version that it is compared with now."""
    rival, champion = services.rival(), services.models.card(CHAMPION)
    baseline = services.models.card(BASELINE)
    versions = champion.get("model_version"), None if rival is None else rival.card.get("model_version"), baseline.get("model_version")
    if rival is None:
        return Question(versions, Pair(versions[0], None), Evidence())
    is_sealed = compared(services, versions).on == "sealed"
    named = pair(versions[0], versions[1], rival.is_former, is_sealed, rival.until, real_now(), zone)
    return Question(versions, named, evidence(rival.card))


def compared(services: Services, versions: Versions) -> Compared:
    """Champion and rival on all matches that both forecast, worked out once for each evaluation, batch and pair."""
    written = services.reports.lookups()[EVALUATION_FILE].computed_at
    return _compared(services, written, versions)


@st.cache_resource(show_spinner=False, max_entries=2)
def _compared(_services: Services, written: datetime | None, versions: Versions) -> Compared:
    rival = _services.rival()
    if rival is None:
        return Compared(contest({}), "walk")
    return _services.compared(rival.card)


def challenger_judged(services: Services, asked: Question) -> Judged:
    """What the gate says of promoting the version that is compared with the champion, on all matches."""
    return judge(compared(services, asked.versions).contest, asked.rival)


def leagues(services: Services) -> dict[str, str]:
    """The name of each competition by its code."""
    return _leagues(services, services.history.computed_at)


@st.cache_resource(show_spinner=False, max_entries=2)
def _leagues(_services: Services, written: datetime | None) -> dict[str, str]:
    return league_names(_services.history.frame())


def arena(services: Services, asked: Question, league: str | None, season: str | None) -> ArenaView | None:
    """The Arena of one league or all, one season or all; None when nobody can be judged on them."""
    written = services.reports.lookups()[EVALUATION_FILE].computed_at
    return _arena(services, written, asked, league, season)


@st.cache_resource(show_spinner=False, max_entries=64)
def _arena(_services: Services, written: datetime | None, asked: Question, league: str | None, season: str | None) -> ArenaView | None:
    some = chosen(_compared(_services, written, asked.versions).contest, league, season)
    return arena_view(some, asked.pair, leagues(_services), asked.rival, asked.versions[2])


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
