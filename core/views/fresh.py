"""How fresh what a page shows is, and which model speaks: the chip in its head."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from core.views.words import day, duration


class Freshness(Protocol):
    """What the services say of the published data. Ages in seconds."""

    @property
    def as_of(self) -> datetime | None: ...
    @property
    def age_seconds(self) -> float | None: ...
    @property
    def champion(self) -> int | None: ...
    @property
    def challenger(self) -> int | None: ...
    @property
    def replaying(self) -> bool: ...
    @property
    def stale(self) -> bool: ...
    @property
    def moment(self) -> datetime | None: ...


@dataclass(frozen=True)
class Chip:
    """`facts` are pairs of a word and what stands in bold behind it."""

    stale: bool
    facts: tuple[tuple[str, str], ...]


def chip(freshness: Freshness, zone_name: str) -> Chip:
    facts = [_age(freshness)]
    for word, version in (("Champion", freshness.champion), ("Challenger", freshness.challenger)):
        if version is not None:
            facts.append((word, f"v{version}"))
    return Chip(freshness.stale, (*facts, ("Times in", zone_name)))


def _age(freshness: Freshness) -> tuple[str, str]:
    if freshness.as_of is None:
        return ("Data", "none yet")
    if freshness.replaying:
        stands = freshness.moment or freshness.as_of
        return ("Replaying", f"{day(stands)}, {stands:%H:%M} UTC")
    return ("Data", f"{duration(freshness.age_seconds)} old")
