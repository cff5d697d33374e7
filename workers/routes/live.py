"""Matches that are being played."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from core.clock import iso
from core.football.competitions import shown
from core.football.live import LiveRow
from core.football.matches import plain
from workers.fixtures import begin
from workers.routes.shared import Answer, Day, Held, Router
from workers.schemas import MatchRawLive

router = Router(tags=["live"])


@router.both("GET", "/livescores/", fails=(422, 503), response_model=list[MatchRawLive], summary="Live scores")
def livescores(
    services: Held,
    date: Annotated[Day | None, Query(description="the day of the kick-off, in UTC")] = None,
    league: Annotated[str | None, Query(max_length=200, description="its code, or words of its name")] = None,
) -> Answer:
    """Every match that is or was lately in play, by kick-off. `source` says where the score is from, and what is replayed."""
    rows = [match.row for match in services.live.matches()]
    on_day = [row for row in rows if date is None or (row.kickoff_utc is not None and row.kickoff_utc.date() == date)]
    return Answer([_projected(row) for row in on_day if not league or _is_of(league, row.competition_code)])


def _is_of(league: str, code: str) -> bool:
    return league == code or begin(league, plain(shown(code)).split())


def _projected(row: LiveRow) -> dict[str, Any]:
    return {
        **{name: getattr(row, name) for name in ("match_id", "source", "sex", "minute", "home_score", "away_score", "is_stale")},
        "observed_at": iso(row.observed_at),
        "competition": shown(row.competition_code),
        "kickoff_utc": None if row.kickoff_utc is None else iso(row.kickoff_utc),
        "home_team": row.home_name,
        "away_team": row.away_name,
        "status": row.phase,
    }
