"""What every source has in common: parts that are loaded whole, the documents of a part, and what was read from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Protocol

from core.football.raw import RawMatch, Refused

Scored = Mapping[str, date]  # the day of each match that has a score, by its `source_ref`
NOTHING_SCORED: Scored = MappingProxyType({})
# What a reader raises over a document in which anything may stand.
UNREADABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


@dataclass(frozen=True)
class Part:
    """What is fetched, checked and loaded as one: a season of a league, say. All of its documents, or nothing of it.

    `urls` gives each document a role, by which `Source.parse` finds it; those in `optional` may be missing at the provider.
    `across`: it tells of matches of other parts, so that `parse` has to know which of the whole source have a score.
    """

    name: str
    urls: Mapping[str, str]
    optional: frozenset[str] = frozenset()
    across: bool = False


@dataclass(frozen=True)
class RawDocument:
    """The bytes that a provider gave, and what it said about them, so that it can be asked for something newer only."""

    source: str
    url: str
    content: bytes
    fetched_at: datetime
    etag: str | None = None
    last_modified: str | None = None


# How a document is had: of a source, at an address, if it is newer than an earlier one; None when it is not.
Get = Callable[[str, str, RawDocument | None], RawDocument | None]


@dataclass(frozen=True)
class Parsed:
    """What the documents of a part say: the rows that can be read, and those that were refused, each with its reason."""

    rows: tuple[RawMatch, ...]
    refused: tuple[Refused, ...] = ()

    @property
    def scored(self) -> Scored:
        """The matches with a score: the next document of this part is held against them."""
        return {row.source_ref: row.date_local for row in self.rows if row.ft_home is not None}


class Source(Protocol):
    """One provider. `parse` is pure; it raises DocumentRefused when the documents cannot be trusted as a whole."""

    @property
    def name(self) -> str: ...

    def parts(self, now: datetime) -> tuple[Part, ...]:
        """What can be asked for at `now`."""
        ...

    def parse(self, part: Part, documents: Mapping[str, RawDocument], scored: Scored = NOTHING_SCORED) -> Parsed:
        """The rows of a part from its documents by role. `scored`: the matches that had a score when it was last loaded."""
        ...
