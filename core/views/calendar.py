"""Matches as a calendar (RFC 5545): one event a match, with a UID that stays when the match is moved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from icalendar import Calendar, Event

from core.views.matches import Card

LASTS = timedelta(hours=2)


def calendar(cards: Sequence[Card], written_at: datetime, spoken: str = "") -> bytes:
    """The file of a calendar with these matches; `written_at` is the time of writing, aware. `spoken` says from which
    moment the forecasts are, and whether it is replayed.
    """
    made = Calendar()
    made.add("prodid", "-//SoccerPredictAI//forecasts//EN")
    made.add("version", "2.0")
    made.add("x-wr-calname", "SoccerPredictAI")
    for card in cards:
        made.add_component(_event(card, written_at, spoken))
    return bytes(made.to_ical())


def _event(card: Card, written_at: datetime, spoken: str) -> Event:
    home, draw, away = card.probabilities.percentages()
    event = Event()
    event.add("uid", f"{card.match_id}@soccerpredictai")
    event.add("dtstamp", written_at)
    event.add("summary", f"{card.home} v {card.away}")
    if card.kickoff is None:
        event.add("dtstart", card.day)
    else:
        # In UTC: a named zone would have to be described in the file too.
        event.add("dtstart", card.kickoff.astimezone(UTC))
        event.add("dtend", card.kickoff.astimezone(UTC) + LASTS)
    event.add("categories", [card.league])
    said = f"{card.home} {home}%, draw {draw}%, {card.away} {away}%. Likeliest score {card.likeliest}. A forecast, no promise."
    event.add("description", f"{said} {spoken}".strip())
    return event
