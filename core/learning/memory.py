"""Ratings that go on where an earlier run stopped, and give bit for bit what a run from the beginning gives."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import LearningError
from core.learning.checkpoints import packed, unpacked
from core.learning.kinds import MEETING, by_kind, games
from core.learning.recipe import FEATURES, Kind, columns, numbers, ratings
from core.learning.streams import Floats, Games, Rating

# So many days before the present a checkpoint is kept: a result that comes late costs a few days, not all the years.
AGES = (0, 7, 30)


@dataclass(frozen=True)
class Checkpoint:
    """The state of one kind's ratings on the morning of a day (0 is 1 January 1970), and a digest of all meetings before it."""

    kind: Kind
    day: int
    digest: str
    state: bytes


@dataclass(frozen=True)
class Memory:
    """What an earlier run, by the same code, left: its checkpoints, and FEATURES of its meetings by their index."""

    checkpoints: Sequence[Checkpoint] = ()
    features: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(FEATURES)))

    def valid(self, kind: Kind, digests: dict[int, str]) -> list[Checkpoint]:
        """A kind's checkpoints before which nothing has changed, by day; `digests` are those of the meetings before each day."""
        found = [point for point in self.checkpoints if point.kind == kind and digests.get(point.day) == point.digest]
        return sorted(found, key=lambda point: point.day)

    def days(self, kind: Kind) -> list[int]:
        return [point.day for point in self.checkpoints if point.kind == kind]


def known_before(meetings: pd.DataFrame, today: int | None = None, memory: Memory | None = None) -> tuple[pd.DataFrame, list[Checkpoint]]:
    """FEATURES of meetings that are ordered by day, with the same index; and the checkpoints to go on from another time, of the
    days that lie AGES before `today`. Where nothing has changed since an earlier run, its `memory` is taken instead of the years.
    """
    memory = memory or Memory()
    found = pd.DataFrame(np.nan, meetings.index, list(FEATURES))
    kept: list[Checkpoint] = []
    for kind, part in by_kind(meetings):
        values, points = _of_kind(kind, part, today, memory)
        found.loc[part.index] = values
        kept += points
    return found, kept


def _of_kind(kind: Kind, part: pd.DataFrame, today: int | None, memory: Memory) -> tuple[Floats, list[Checkpoint]]:
    made = games(part, kind)
    wanted = [] if today is None else [today - age for age in AGES]
    digests = _digests(part, made.day, sorted({*wanted, *memory.days(kind)})) if wanted or memory.checkpoints else {}
    valid, state = _taken_up(memory.valid(kind, digests), kind)
    begin = valid[-1].day if valid else -(2**40)
    start = int(np.searchsorted(made.day, begin))
    earlier = memory.features.reindex(part.index[:start])[list(FEATURES)].to_numpy(np.float64)
    values, states = _streamed(made.take(slice(start, None)), kind, state, [day for day in sorted(wanted) if day > begin])
    points = [*valid, *(Checkpoint(kind, day, digests[day], data) for day, data in states)]
    return np.concatenate([earlier, values]), _worth_keeping(points, wanted)


def _taken_up(points: list[Checkpoint], kind: Kind) -> tuple[list[Checkpoint], list[Rating]]:
    """The checkpoints up to the last one whose state can be read, and that state; fresh ratings where there is none."""
    for number in range(len(points), 0, -1):
        try:
            return points[:number], unpacked(points[number - 1].state)
        except LearningError:
            continue
    return [], ratings(kind)


def _streamed(made: Games, kind: Kind, state: list[Rating], stops: list[int]) -> tuple[Floats, list[tuple[int, bytes]]]:
    """FEATURES of the games, and the state on the morning of each of the days `stops`."""
    edges = [0, *np.searchsorted(made.day, stops).tolist(), len(made.day)]
    parts, states = [], []
    for place, stop in enumerate([*stops, None]):
        parts.append(numbers(made.take(slice(edges[place], edges[place + 1])), kind, state))
        if stop is not None:
            states.append((stop, packed(state)))
    known = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    told = columns(known, kind)
    return np.column_stack([told[name] for name in FEATURES]), states


def _digests(part: pd.DataFrame, day: NDArray[np.int64], wanted: list[int]) -> dict[int, str]:
    """For each day a digest of all that is known of the meetings before it."""
    hashes = pd.util.hash_pandas_object(part[list(MEETING)]).to_numpy()
    stops = np.searchsorted(day, wanted).tolist()
    return {one: hashlib.sha256(hashes[:stop].tobytes()).hexdigest() for one, stop in zip(wanted, stops, strict=True)}


def _worth_keeping(points: list[Checkpoint], wanted: list[int]) -> list[Checkpoint]:
    """For each day wanted the latest checkpoint that is not after it."""
    best = {max((point.day for point in points if point.day <= day), default=None) for day in wanted}
    return [point for point in points if point.day in best]
