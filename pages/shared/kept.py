"""What costs more than a glance to work out, kept for all visitors until the data or the models are newer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from core.football.contest import Contest, chosen, contest
from core.serving.lookups import Lookup
from core.serving.services import Services
from core.views.arena import ArenaView, arena_view, league_names
from core.views.gate import Evidence, evidence

Stages = tuple[tuple[str, str, int], ...]


def stages(services: Services) -> Stages:
    """(stage, recipe behind it, version) of every stage that has a model."""
    versions = services.models.versions()
    return tuple((stage, _recipe(services, stage), version) for stage, version in versions.items())


def _recipe(services: Services, stage: str) -> str:
    params = services.models.card(stage).get("params") or {}
    return str(params.get("recipe", stage))


def judged(services: Services) -> bool:
    """Whether there is an evaluation, and matches to name its leagues by."""
    return services.reports.lookups()["evaluation.parquet"].ready and services.history.ready


def whole_contest(services: Services) -> Contest:
    """All matches that the evaluation holds, forecast by every stage."""
    written = services.reports.lookups()["evaluation.parquet"].computed_at
    return _contest(services, written, stages(services))


@st.cache_resource(show_spinner=False, max_entries=2)
def _contest(_services: Services, written: datetime | None, stages: Stages) -> Contest:
    return contest(_services.reports.evaluation(), {stage: recipe for stage, recipe, _ in stages})


def leagues(services: Services) -> dict[str, str]:
    """The name of each competition by its code."""
    return _leagues(services, services.history.computed_at)


@st.cache_resource(show_spinner=False, max_entries=2)
def _leagues(_services: Services, written: datetime | None) -> dict[str, str]:
    return league_names(_services.history.frame())


def arena(services: Services, league: str | None, season: str | None) -> ArenaView | None:
    """The Arena of one league or all, one season or all; None when nobody can be judged on them."""
    written = services.reports.lookups()["evaluation.parquet"].computed_at
    return _arena(services, written, stages(services), evidence(services.models.card("challenger")), league, season)


@st.cache_resource(show_spinner=False, max_entries=64)
def _arena(
    _services: Services, written: datetime | None, stages: Stages, rival: Evidence, league: str | None, season: str | None
) -> ArenaView | None:
    some = chosen(_contest(_services, written, stages), league, season)
    return arena_view(some, {stage: version for stage, _, version in stages}, leagues(_services), rival)


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
