"""Who plays, told from a file of matches day by day: clubs or nations, and which country a club is from.

What is told of a day's matches is told from that day and earlier ones, so that later rows change nothing.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.football.nations import is_nation

_COUNTRY = re.compile(r"^([a-z]{2,4})\.(?:w\.)?[a-z0-9]+$")
_ABROAD = frozenset({"uefa", "copa", "conmebol", "concacaf", "afc", "caf", "ofc", "fifa", "int"})


class Row(NamedTuple):
    """A match as the file names it; `date` is anything that is equal on the same day."""

    date: object
    competition: str
    home: str
    away: str


def rows(matches: pd.DataFrame) -> list[Row]:
    """The rows of a file of matches that is ordered by day."""
    columns = (matches[name].tolist() for name in ("date", "competition", "home_team", "away_team"))
    return [Row(*values) for values in zip(*columns, strict=True)]


def of_nations(matches: Sequence[Row]) -> NDArray[np.bool_]:
    """Which matches are of a competition whose sides so far were nations by their name, or had played in a competition of
    such, in at least half of the cases; a country's own league is none.
    """
    sides: Counter[str] = Counter()
    named: Counter[str] = Counter()
    fellows: Counter[str] = Counter()
    nations: set[str] = set()
    found: list[bool] = []
    for _, group in groupby(matches, key=lambda row: row.date):
        today = list(group)
        for row in today:
            sides[row.competition] += 2
            named[row.competition] += is_nation(row.home) + is_nation(row.away)
        open_to_all = [row for row in today if not country(row.competition)]
        nations.update(side for row in open_to_all if 2 * named[row.competition] >= sides[row.competition] for side in (row.home, row.away))
        for row in open_to_all:
            fellows[row.competition] += (row.home in nations) + (row.away in nations)
        found += [2 * fellows[row.competition] >= sides[row.competition] for row in today]
    return np.array(found, dtype=bool)


def clubs(matches: Sequence[Row]) -> list[tuple[str, str]]:
    """Home and away side of each match, told apart from others of their name by the country in the competition's code."""
    register = Register()
    found = []
    for _, group in groupby(matches, key=lambda row: row.date):
        today = [(row, country(row.competition)) for row in group]
        for row, where in today:
            if where:
                register.at_home(row.home, where)
                register.at_home(row.away, where)
        found += [
            (register.told(row.home, where, row.competition), register.told(row.away, where, row.competition)) for row, where in today
        ]
    return found


class Register:
    """The clubs met so far, by name and country.

    In a competition across countries a name is that of the only country known to have it, and stays so there; of several countries
    it is none's. Where none has it yet, the first country in which it appears takes the club over with its past.
    """

    def __init__(self) -> None:
        self._clubs: dict[str, dict[str, str]] = defaultdict(dict)  # name -> country -> club
        self._abroad: dict[tuple[str, str], str] = {}  # competition across countries and name -> club
        self._free: set[str] = set()  # names met in such competitions only

    def at_home(self, name: str, where: str) -> None:
        """A club of this name plays in this country."""
        if where not in self._clubs[name]:
            self._clubs[name][where] = f"{name}@" if name in self._free else f"{name}@{where}"
            self._free.discard(name)

    def told(self, name: str, where: str, competition: str) -> str:
        """The club of this name in a competition, which is of the country `where` or, if that is empty, across countries."""
        known = self._clubs[name]
        if where:
            return known[where]
        if (competition, name) not in self._abroad:
            self._abroad[competition, name] = self._guess(name, list(known.values()))
        return self._abroad[competition, name]

    def _guess(self, name: str, known: list[str]) -> str:
        if not known:
            self._free.add(name)
            return f"{name}@"
        return known[0] if len(known) == 1 else f"{name}@?"


def country(competition: str) -> str:
    """The country in a code such as `eng.1`; empty where the name is no such code, or is played across countries."""
    found = _COUNTRY.match(competition)
    return "" if found is None or found[1] in _ABROAD else found[1]
