"""The competitions that the project knows: name, country, time zone, how often a pair meets on the same ground, how many clubs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from zoneinfo import ZoneInfo

EUROPE, SOUTH_AMERICA, WORLD = "Europe", "South America", "World"
FIRST_ZONE = timezone(timedelta(hours=14))  # of the Line Islands, in the Pacific
ACROSS = frozenset({EUROPE, SOUTH_AMERICA, WORLD})  # a "country" of competitions whose clubs bring their own


@dataclass(frozen=True)
class Competition:
    """`home_meetings`: how often a team may host the same opponent in one season, play-offs included. `clubs`: the fewest and
    the most that a season had, with those that only met in its play-offs; None where that says nothing. `timezone`: the one in
    which its times are announced.
    """

    code: str
    name: str
    country: str
    timezone: str
    home_meetings: int = 1
    clubs: tuple[int, int] | None = None


def _league(code: str, name: str, country: str, timezone: str, meetings: int, fewest: int, most: int) -> Competition:
    return Competition(code, name, country, timezone, meetings, (fewest, most))


def _cup(code: str, name: str, country: str, timezone: str, meetings: int = 1) -> Competition:
    return Competition(code, name, country, timezone, meetings)


# Names that two countries share are shown with their country (`titled`), so that only old neighbours share one here.
_KNOWN = (
    _league("eng.1", "Premier League", "England", "Europe/London", 1, 20, 22),
    _league("eng.2", "Championship", "England", "Europe/London", 2, 23, 24),
    _league("eng.3", "League One", "England", "Europe/London", 2, 23, 24),
    _league("eng.4", "League Two", "England", "Europe/London", 2, 23, 24),
    _league("eng.5", "National League", "England", "Europe/London", 2, 22, 24),
    _league("esp.1", "La Liga", "Spain", "Europe/Madrid", 1, 20, 22),
    _league("esp.2", "Segunda División", "Spain", "Europe/Madrid", 2, 20, 22),
    _league("ita.1", "Serie A", "Italy", "Europe/Rome", 1, 18, 20),
    _league("ita.2", "Serie B", "Italy", "Europe/Rome", 2, 19, 24),
    _league("ger.1", "Bundesliga", "Germany", "Europe/Berlin", 1, 18, 20),
    _league("ger.2", "2. Bundesliga", "Germany", "Europe/Berlin", 1, 18, 20),
    _league("ger.3", "3. Liga", "Germany", "Europe/Berlin", 1, 19, 20),
    _cup("ger.cup", "DFB-Pokal", "Germany", "Europe/Berlin"),
    _league("ger.w.1", "Frauen-Bundesliga", "Germany", "Europe/Berlin", 1, 12, 14),
    _league("aut.1", "Bundesliga", "Austria", "Europe/Vienna", 3, 10, 12),
    _league("aut.2", "Erste Liga", "Austria", "Europe/Vienna", 2, 10, 16),
    _cup("aut.cup", "ÖFB-Cup", "Austria", "Europe/Vienna"),
    _league("fra.1", "Ligue 1", "France", "Europe/Paris", 1, 18, 20),
    _league("fra.2", "Ligue 2", "France", "Europe/Paris", 2, 18, 22),
    _league("ned.1", "Eredivisie", "Netherlands", "Europe/Amsterdam", 2, 18, 18),
    _league("por.1", "Primeira Liga", "Portugal", "Europe/Lisbon", 1, 16, 18),
    _league("bel.1", "Pro League", "Belgium", "Europe/Brussels", 3, 16, 18),
    _league("sco.1", "Scottish Premiership", "Scotland", "Europe/London", 3, 12, 12),
    _league("sco.2", "Scottish Championship", "Scotland", "Europe/London", 3, 10, 10),
    _league("sco.3", "Scottish League One", "Scotland", "Europe/London", 3, 10, 10),
    _league("sco.4", "Scottish League Two", "Scotland", "Europe/London", 3, 10, 10),
    _league("tur.1", "Süper Lig", "Turkey", "Europe/Istanbul", 1, 18, 21),
    _league("tur.2", "1. Lig", "Turkey", "Europe/Istanbul", 2, 17, 20),
    _league("gre.1", "Super League Greece", "Greece", "Europe/Athens", 2, 14, 18),
    _league("sui.1", "Swiss Super League", "Switzerland", "Europe/Zurich", 3, 10, 14),
    _league("sui.2", "Challenge League", "Switzerland", "Europe/Zurich", 3, 10, 16),
    _league("cze.1", "Czech First League", "Czech Republic", "Europe/Prague", 2, 16, 18),
    _league("hun.1", "Nemzeti Bajnokság I", "Hungary", "Europe/Budapest", 2, 12, 12),
    _league("rus.1", "Russian Premier League", "Russia", "Europe/Moscow", 2, 16, 20),
    _league("rus.2", "Russian First League", "Russia", "Europe/Moscow", 2, 16, 22),
    _league("fin.1", "Veikkausliiga", "Finland", "Europe/Helsinki", 3, 10, 14),
    _league("nor.1", "Eliteserien", "Norway", "Europe/Oslo", 1, 16, 18),
    _league("rou.1", "Superliga", "Romania", "Europe/Bucharest", 3, 14, 20),
    _league("arg.1", "Liga Profesional", "Argentina", "America/Argentina/Buenos_Aires", 2, 20, 30),
    _league("bra.1", "Brasileirão Série A", "Brazil", "America/Sao_Paulo", 1, 20, 20),
    _league("bra.2", "Brasileirão Série B", "Brazil", "America/Sao_Paulo", 1, 20, 20),
    _league("col.1", "Categoría Primera A", "Colombia", "America/Bogota", 4, 18, 20),
    _league("mex.1", "Liga MX", "Mexico", "America/Mexico_City", 4, 18, 19),
    _league("usa.1", "Major League Soccer", "USA", "America/New_York", 4, 19, 32),
    _league("jpn.1", "J1 League", "Japan", "Asia/Tokyo", 1, 18, 20),
    _league("chn.1", "Chinese Super League", "China", "Asia/Shanghai", 2, 16, 18),
    _league("aus.1", "A-League", "Australia", "Australia/Sydney", 3, 10, 13),
    _league("alg.1", "Algerian Ligue 1", "Algeria", "Africa/Algiers", 1, 16, 20),
    _league("egy.1", "Egyptian Premier League", "Egypt", "Africa/Cairo", 2, 18, 21),
    _league("mar.1", "Botola Pro", "Morocco", "Africa/Casablanca", 1, 16, 16),
    _cup("uefa.cl", "UEFA Champions League", EUROPE, "Europe/Paris", 2),
    _cup("copa.libertadores", "Copa Libertadores", SOUTH_AMERICA, "America/Sao_Paulo", 2),
    _cup("fifa.cwc", "FIFA Club World Cup", WORLD, "America/New_York"),
)
COMPETITIONS = {competition.code: competition for competition in _KNOWN}


def earliest(code: str, day: date) -> datetime:
    """The earliest moment, in UTC, at which a match of that day can begin: midnight in the country of the competition; where that
    is not known, midnight where the day begins first on earth.
    """
    known = COMPETITIONS.get(code)
    zone = FIRST_ZONE if known is None or known.country in ACROSS else ZoneInfo(known.timezone)
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


@cache
def titled(name: str, country: str) -> str:
    """The name to show: with its country where several countries use it."""
    shared = len({known.country for known in _KNOWN if known.name == name}) > 1
    return f"{name} ({country})" if shared else name


def shown(code: str) -> str:
    """The name to show of the competition with this code; the code itself where it is not known."""
    known = COMPETITIONS.get(code)
    return titled(known.name, known.country) if known else code
