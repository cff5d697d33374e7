"""Matches that are being played."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from workers.routes.shared import Answer, Day, Router
from workers.schemas import MatchRawLive

router = Router(tags=["live"])


@router.both("GET", "/livescores/", fails=(422,), response_model=list[MatchRawLive], summary="Live scores")
async def livescores(
    date: Day | None = None, league: Annotated[str | None, Query(max_length=200, description="words of its name")] = None
) -> Answer:
    """No source of live scores is read yet, so nothing is being played as far as we know."""
    return Answer([])
