"""Where teams come from: the spellings that are known beforehand, and sources that name the teams of their competitions themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from core.football.matches import Teams, tidy
from core.football.places import INTERNATIONAL, listed
from core.football.raw import RawMatch

# Where nobody lists the teams beforehand, a name of these sources that no known team bears is a new team. In any other source
# it is a spelling that somebody has to look at.
FOUNDERS = frozenset({"openfootball", "international_men", "international_women", "openligadb", "my_league"})

Named = tuple[str, str, int, str]  # the source, the competition's country, the sex, and the name


def names(rows: Iterable[RawMatch]) -> Iterator[Named]:
    """Whom the rows name, home before away."""
    for row in rows:
        yield row.source, row.country, row.sex, row.home_raw
        yield row.source, row.country, row.sex, row.away_raw


def found(teams: Teams, named: Iterable[Named]) -> None:
    """Make the teams known that such a source names for the first time."""
    for source, country, sex, name in dict.fromkeys(named):
        if source in FOUNDERS and teams.find(country, sex, name) is None and teams.may_have_more(country, sex, name):
            place, spelling = listed(country, tidy(name))
            teams.add(spelling if place == INTERNATIONAL else place, sex, spelling, source=source)
