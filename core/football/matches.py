"""The identity of matches and teams: one canonical name per team and sex, one integer per match."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from anyascii import anyascii

from core.football.places import INTERNATIONAL, listed

# Words that carry no identity: kinds of club, founding years. Folding by them is a second look-up, never the first:
# `FC Lustenau` and `Austria Lustenau`, `1. FC Köln` and `Fortuna Köln` are different clubs.
_KINDS = {
    "fc",
    "afc",
    "cf",
    "sc",
    "ac",
    "as",
    "ss",
    "us",
    "fk",
    "sk",
    "sv",
    "tsv",
    "vfb",
    "vfl",
    "rcd",
    "ud",
    "cd",
    "sd",
    "ca",
    "bc",
    "cfc",
    "ssc",
    "acf",
}
_YEAR = re.compile(r"(18|19|20)\d\d")
LONGEST_CODE = 40  # of a competition, as wide as its column
_KEPT_NAMES = 16_384  # far more than there are names at once: a season asks for each of its names a hundred times


@lru_cache(_KEPT_NAMES)
def plain(text: str) -> str:
    """Lower case, in plain Latin letters, punctuation as single spaces: for searching, never for showing. Other scripts are
    transliterated, `Спартак` to `spartak`, which may make two names one: `陕西` and `山西` are both `shanxi`.
    """
    return " ".join(re.sub(r"[^0-9a-z]+", " ", anyascii(_bare(text)).casefold()).split())


def slug(text: str) -> str:
    """The plain form with hyphens, for ids and addresses. What was transliterated ends in six hex digits of its SHA-1, so
    that two names stay two.
    """
    own, latin = _own(text), plain(text).replace(" ", "-")
    return latin if own.isascii() else f"{latin}-{hashlib.sha1(own.encode()).hexdigest()[:6]}".lstrip("-")


def code_of(competition: str) -> str:
    """The code of a competition that has none of its own: its slug. One longer than LONGEST_CODE is cut, and ends in six hex
    digits of its SHA-1, so that two stay two.
    """
    code = slug(competition)
    if len(code) <= LONGEST_CODE:
        return code
    return f"{code[: LONGEST_CODE - 7]}-{hashlib.sha1(code.encode()).hexdigest()[:6]}"


def _own(text: str) -> str:
    """As `plain`, but letters of other scripts stay as they are, with all their marks."""
    return " ".join(_bare(text).casefold().split())


def _bare(text: str) -> str:
    """Letters and digits, those of Latin without accents, each run of anything else as a space."""
    kept: list[str] = []
    for sign in unicodedata.normalize("NFC", text):
        # A mark that made no single letter with the one before it: an accent on a Latin one, else part of the word.
        if unicodedata.category(sign)[0] != "M":
            kept.append(_sign(sign))
        elif kept and not kept[-1].isascii():
            kept.append(sign)
    return "".join(kept)


@lru_cache(_KEPT_NAMES)
def _sign(sign: str) -> str:
    bare = "".join(part for part in unicodedata.normalize("NFKD", sign) if not unicodedata.combining(part))
    if not bare.isascii():
        script, kind = unicodedata.name(sign, "").partition(" ")[0], unicodedata.category(sign)
        if script not in ("LATIN", "MODIFIER") and (kind[0] == "L" or kind == "Nd"):
            return unicodedata.normalize("NFKC", sign)
        bare = anyascii(sign) if script == "LATIN" else bare
    return re.sub(r"[^0-9A-Za-z]", " ", bare)


@lru_cache(_KEPT_NAMES)
def folded(name: str) -> str:
    """Lower case without accents, kinds of club and founding years: of `1. FC Heidenheim 1846`, `heidenheim`. Other numbers
    stay, since `Team 1` and `Team 2` are two, and so do letters of other scripts.
    """
    words = _own(name).split()
    if words[0:1] == ["1"] and words[1:2] and words[1] in _KINDS:
        del words[0]
    return " ".join(word for word in words if word not in _KINDS and not _YEAR.fullmatch(word)) or _own(name)


def tidy(name: str) -> str:
    """NFC, outer white space gone, inner runs as one space: the form in which names are looked up first."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFC", name)).strip()


def team_id(country: str, name: str, sex: int) -> str:
    """A readable id that includes the sex, since men's and women's teams share names: `england-arsenal`, `germany-germany-w`."""
    return f"{slug(country)}-{slug(name)}" + ("-w" if sex else "")


def match_id(sex: int, competition_code: str, season: str, home_team_id: str, away_team_id: str, leg: int) -> int:
    """A positive integer below 2^52 from what never changes about a match: no date, so that a postponed one keeps it.

    The first 13 hex digits of SHA-1; `leg` is the ordinal of this ordered pair in the competition and season.
    """
    named = f"{sex}|{competition_code}|{season}|{home_team_id}|{away_team_id}|{leg}"
    return int(hashlib.sha1(named.encode()).hexdigest()[:13], 16) or 1


@dataclass(frozen=True)
class Team:
    team_id: str
    sex: int
    country: str
    name: str


class Teams:
    """Every spelling of every team. Exact look-up first, then the folded form if it names one team only; else unknown."""

    def __init__(self) -> None:
        self._teams: dict[str, Team] = {}
        self._exact: dict[tuple[str, int, str], str] = {}
        self._told_by: dict[tuple[str, int, str], str] = {}
        self._folded: dict[tuple[str, int, str], set[str]] = {}
        self._complete: frozenset[tuple[str, int]] = frozenset()

    def add(self, country: str, sex: int, canonical: str, alias: str | None = None, source: str = "") -> Team:
        """Make a team known by its canonical name, and by `alias` too. A nation's country bears its own name.

        `source` is who spells it so.
        """
        name = tidy(canonical)
        team = self._teams.setdefault(team_id(country, name, sex), Team(team_id(country, name, sex), sex, country, name))
        place, _ = listed(country, name)
        for spelling in {name, tidy(alias or name)}:
            self._exact[(place, sex, spelling)] = team.team_id
            self._told_by.setdefault((place, sex, spelling), source)
            self._folded.setdefault((place, sex, folded(spelling)), set()).add(team.team_id)
        return team

    def find(self, country: str, sex: int, name: str) -> Team | None:
        """The team of this name, or None: a guess is never made. `country` is the competition's (core.football.places)."""
        place, spelling = listed(country, tidy(name))
        found = self._exact.get((place, sex, spelling))
        if found is None:
            alike = self._folded.get((place, sex, folded(spelling)), set())
            found = next(iter(alike)) if len(alike) == 1 else None
        return self._teams[found] if found else None

    def complete(self) -> None:
        """Say that all teams are known of every country that has one by now; nations are never all known."""
        self._complete = frozenset((place, sex) for place, sex, _ in self._exact if place != INTERNATIONAL)

    def may_have_more(self, country: str, sex: int, name: str) -> bool:
        """Whether this may be a team that nobody listed."""
        place, _ = listed(country, tidy(name))
        return (place, sex) not in self._complete

    def spellings(self) -> Iterator[tuple[str, int, str, str, str]]:
        """Every spelling: the list it stands in, sex, the spelling, the team's id, and who spells it so."""
        for (place, sex, spelling), team in self._exact.items():
            yield place, sex, spelling, team, self._told_by[place, sex, spelling]

    def __iter__(self) -> Iterator[Team]:
        return iter(self._teams.values())

    def __len__(self) -> int:
        return len(self._teams)
