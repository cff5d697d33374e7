"""The competitions that the project knows: name, country, how often a pair meets on the same ground in a season."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Competition:
    code: str
    name: str
    country: str
    timezone: str
    home_meetings: int = 1  # how often a team may host the same opponent in one season


_KNOWN = (
    Competition("eng.1", "Premier League", "England", "Europe/London"),
    Competition("esp.1", "La Liga", "Spain", "Europe/Madrid"),
    Competition("ita.1", "Serie A", "Italy", "Europe/Rome"),
    Competition("ger.1", "Bundesliga", "Germany", "Europe/Berlin"),
    Competition("ger.2", "2. Bundesliga", "Germany", "Europe/Berlin"),
    Competition("aut.1", "Bundesliga", "Austria", "Europe/Vienna", home_meetings=2),
    Competition("aut.2", "Erste Liga", "Austria", "Europe/Vienna", home_meetings=2),
)
COMPETITIONS = {competition.code: competition for competition in _KNOWN}


def titled(name: str, country: str) -> str:
    """The name to show: with its country where several countries use it."""
    shared = len({known.country for known in _KNOWN if known.name == name}) > 1
    return f"{name} ({country})" if shared else name
