"""Matches of OpenLigaDB while they are played. It tells goals and a few results; phases are worked out from the clock."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from core.football.live import LiveRow, Phase
from core.sources.documents import UNREADABLE, RawDocument
from core.sources.openligadb import (
    EXTRA_TIME,
    FULL_TIME,
    HALF_TIME,
    LEAGUES,
    SHOOT_OUT,
    SOURCE,
    WOMEN,
    Score,
    Told,
    matches,
)

END_OF_FIRST_HALF = 45  # stoppage time is told as 45, with a mark
# Times after kick-off: the first half with its stoppage time, the break, and when even a slow second half is over.
FIRST_HALF, BREAK_ENDS, SECOND_HALF = timedelta(minutes=49), timedelta(minutes=63), timedelta(minutes=120)


def live(league: str, document: RawDocument, now: datetime) -> list[LiveRow]:
    """Each match of a matchday as it stands at `now`. Phases are estimates (LiveRow.phase_estimated), minutes are not told.

    A match that cannot be read is left out: its score goes stale, and says so.
    """
    rows = []
    for told in matches(league, document.content):
        with suppress(*UNREADABLE):
            match = Told.of(told)
            if match.kickoff is not None:
                rows.append(_row(league, match, document.fetched_at, now))
    return rows


def _row(league: str, match: Told, observed_at: datetime, now: datetime) -> LiveRow:
    current = phase(match, now, knock_out=league == "dfb")
    score = running_score(match) if current != "pre" else None
    half, shootout = match.results.get(HALF_TIME), match.results.get(SHOOT_OUT)
    return LiveRow(
        source=SOURCE,
        source_match_id=match.match_id,
        observed_at=observed_at,
        competition_code=LEAGUES[league],
        sex=int(league in WOMEN),
        home_name=match.home[1],
        away_name=match.away[1],
        phase=current,
        provider_updated_at=match.updated,
        kickoff_utc=match.kickoff,
        home_score=score[0] if score else None,
        away_score=score[1] if score else None,
        ht_home=half[0] if half else None,
        ht_away=half[1] if half else None,
        pen_home=shootout[0] if shootout else None,
        pen_away=shootout[1] if shootout else None,
        sequence=int(match.updated.timestamp() * 1000) if match.updated else 0,
    )


def running_score(match: Told) -> Score:
    """The goals so far. They come in no order, so that the one with the largest sum is the last; without a shoot-out's."""
    after_extra_time = match.results.get(EXTRA_TIME)
    if after_extra_time is not None:
        return after_extra_time
    if match.finished:
        return match.results[FULL_TIME]
    told = [*match.goals, *(match.results[kind] for kind in (HALF_TIME, FULL_TIME) if kind in match.results)]
    return max(told, key=sum, default=(0, 0))


def phase(match: Told, now: datetime, knock_out: bool) -> Phase:
    """The phase as far as it can be worked out: from the results that are there, then from the time since kick-off."""
    if match.over:
        return "finished" if match.finished else "settling"
    if match.kickoff is None or now < match.kickoff:
        return "pre"
    if SHOOT_OUT in match.results or EXTRA_TIME in match.results:
        return "shootout"
    if FULL_TIME in match.results:
        return "extra_time" if knock_out and len(set(match.results[FULL_TIME])) == 1 else "settling"
    return _by_the_clock(match, now - match.kickoff, knock_out)


def _by_the_clock(match: Told, elapsed: timedelta, knock_out: bool) -> Phase:
    """A goal of a later half counts more than the clock."""
    if elapsed >= SECOND_HALF:
        return "extra_time" if knock_out and elapsed < SECOND_HALF * 1.5 else "settling"
    if elapsed >= BREAK_ENDS or match.latest > END_OF_FIRST_HALF:
        return "second_half"
    return "half_time" if elapsed >= FIRST_HALF or HALF_TIME in match.results else "first_half"
