"""Where teams come from: the spellings that are known beforehand, and sources that name the teams of their competitions themselves."""

from __future__ import annotations

from collections.abc import Iterable

from core.football.matches import Teams, tidy
from core.football.places import INTERNATIONAL, listed
from core.football.raw import RawMatch

# Nobody lists beforehand who plays in these sources' competitions: a name that no known team bears is a new team. In any
# other source it is a spelling that somebody has to look at.
FOUNDERS = frozenset({"openfootball", "international_men", "international_women", "openligadb", "my_league"})


def found(teams: Teams, rows: Iterable[RawMatch]) -> None:
    """Make the teams known that rows of such a source name for the first time."""
    named = {(row.country, row.sex, name): row.source for row in rows if row.source in FOUNDERS for name in (row.home_raw, row.away_raw)}
    for (country, sex, name), source in named.items():
        if teams.find(country, sex, name) is None:
            place, spelling = listed(country, tidy(name))
            teams.add(spelling if place == INTERNATIONAL else place, sex, spelling, source=source)
