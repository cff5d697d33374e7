"""The files of openfootball that are read: seasons of leagues and cups, and tournaments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.football.seasons import split_season


@dataclass(frozen=True)
class League:
    """A file a season: `key` as in its address, our `code`, and the `years` in which the seasons begin that are published.

    `2018-2020 2024-` leaves out what is missing and goes on without end. From the year `calendar` on, seasons end in the same year.
    """

    key: str
    code: str
    years: str
    calendar: int = 9999

    def seasons(self, since: int, until: int) -> Iterator[str]:
        """The published seasons that begin between these years, both included."""
        for year in range(since, until + 1):
            if any(first <= year <= last for first, last in self._spans()):
                yield str(year) if year >= self.calendar else split_season(year)

    def _spans(self) -> Iterator[tuple[int, int]]:
        for span in self.years.split():
            first, dash, last = span.partition("-")
            yield int(first), int(last or ("9999" if dash else first))


@dataclass(frozen=True)
class Host:
    """A nation at home in a tournament: everywhere, or where the round or the ground begins with one of these words."""

    team: str
    where: tuple[str, ...] = ("",)


@dataclass(frozen=True)
class Tournament:
    """A file for one tournament. `season` is the year it was played in; between nations unless it has a `code` of clubs."""

    path: str
    name: str
    season: str
    timezone: str
    hosts: tuple[Host, ...] = ()
    code: str | None = None


_IN_2021 = ("Azerbaijan", "Denmark", "Germany", "Hungary", "Italy", "Netherlands", "Romania", "Scotland", "Spain")
TOURNAMENTS = {
    tournament.path: tournament
    for tournament in (
        Tournament(
            "euro.json/master/2020/euro.json", "UEFA Euro", "2021", "Europe/Paris",
            (
                *(Host(team, ("Matchday",)) for team in _IN_2021), Host("Russia", ("Matchday 1", "Matchday 2")),
                Host("England", ("Matchday", "Round of 16", "Semi", "Final")),
            ),
        ),
        Tournament("worldcup.json/master/2022/worldcup.json", "FIFA World Cup", "2022", "Asia/Qatar", (Host("Qatar"),)),
        Tournament("euro.json/master/2024/euro.json", "UEFA Euro", "2024", "Europe/Paris", (Host("Germany"),)),
        Tournament(
            "clubworldcup.json/master/2025/clubworldcup.json", "FIFA Club World Cup", "2025", "America/New_York", code="fifa.cwc"
        ),
        Tournament(
            "worldcup.json/master/2026/worldcup.json", "FIFA World Cup", "2026", "America/New_York",
            (
                Host("Mexico", ("Mexico City", "Guadalajara", "Monterrey")), Host("Canada", ("Toronto", "Vancouver")),
                Host("USA", ("Atlanta", "Boston", "Dallas", "Houston", "Kansas City", "Los Angeles", "Miami", "New York",
                             "Philadelphia", "San Francisco", "Seattle")),
            ),
        ),
    )
}  # fmt: skip

LEAGUES = {
    league.key: league
    for league in (
        League("en.1", "eng.1", "2010-"),
        League("en.2", "eng.2", "2010-2015 2018-"),
        League("en.3", "eng.3", "2010-2015 2018-2020 2024-"),
        League("en.4", "eng.4", "2010-2015 2018-2020 2024-"),
        League("es.1", "esp.1", "2012-"),
        League("es.2", "esp.2", "2012-2020 2024-"),
        League("it.1", "ita.1", "2013-"),
        League("it.2", "ita.2", "2013-2020 2024-"),
        League("de.1", "ger.1", "2010-"),
        League("de.2", "ger.2", "2012-"),
        League("de.3", "ger.3", "2014-2020"),
        League("de.cup", "ger.cup", "2018-2020"),
        League("fr.1", "fra.1", "2014-"),
        League("fr.2", "fra.2", "2014-2020 2024-"),
        League("at.1", "aut.1", "2010-"),
        League("at.2", "aut.2", "2010-2020 2024-"),
        League("at.cup", "aut.cup", "2018-2020"),
        League("nl.1", "ned.1", "2018-"),
        League("pt.1", "por.1", "2018-"),
        League("be.1", "bel.1", "2018-2020 2024-"),
        League("sco.1", "sco.1", "2018-2020 2024-"),
        League("tr.1", "tur.1", "2018-2020 2024-"),
        League("tr.2", "tur.2", "2019"),
        League("gr.1", "gre.1", "2018-2020 2024-"),
        League("ch.1", "sui.1", "2014 2018-2020"),
        League("ch.2", "sui.2", "2019-2020"),
        League("cz.1", "cze.1", "2018 2020"),
        League("hu.1", "hun.1", "2018 2020"),
        League("ru.1", "rus.1", "2018-2020"),
        League("ru.2", "rus.2", "2019"),
        League("ar.1", "arg.1", "2018-2019 2025-", calendar=2021),
        League("br.1", "bra.1", "2019-2020 2025-", calendar=2019),
        League("br.2", "bra.2", "2025-", calendar=2025),
        League("co.1", "col.1", "2025-", calendar=2025),
        League("mx.1", "mex.1", "2018-2020 2024-"),
        League("mls", "usa.1", "2025-", calendar=2025),
        League("jp.1", "jpn.1", "2019-2020 2025-", calendar=2019),
        League("cn.1", "chn.1", "2019-2020 2025-", calendar=2019),
        League("au.1", "aus.1", "2018 2024-"),
        League("dz.1", "alg.1", "2024-"),
        League("eg.1", "egy.1", "2024-"),
        League("ma.1", "mar.1", "2024-"),
        League("uefa.cl", "uefa.cl", "2011-2019 2024-"),
        League("copa.l", "copa.libertadores", "2025-", calendar=2025),
    )
}

# Whole files that are something else than they say.
MISFILED = {"2019-20/ru.2": "it repeats the first division's matches under the second's name"}
