"""The state of ratings as bytes and back: plain JSON and arrays, no pickle, exact to the last bit."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from core.errors import LearningError
from core.learning import averaged, joint, stakes, streams, windows
from core.learning.streams import Rating

_KNOWN = {
    one.__name__: one
    for one in (
        averaged.Averaged, averaged.OwnGround,
        joint.Drift, joint.Sight, joint.Pool, joint.JointFilter, joint.GoalsAndShots, stakes.League, stakes.Stakes,
        streams.Rest, streams.Table, streams.EloPace, streams.Elo, streams.PiPace, streams.Pi, streams.Ground,
        streams.PoissonPace, streams.ScoreDriven, windows.Form, windows.Circumstance,
    )
}  # fmt: skip
Arrays = list[NDArray[Any]]


def packed(ratings: Sequence[Rating]) -> bytes:
    """All that these ratings know and are, as an .npz archive."""
    arrays: Arrays = []
    tree = json.dumps([_told(rating, arrays) for rating in ratings])
    members: dict[str, Any] = {str(place): array for place, array in enumerate(arrays)}
    buffer = io.BytesIO()
    np.savez(buffer, **members, tree=np.frombuffer(tree.encode(), np.uint8))
    return buffer.getvalue()


def unpacked(data: bytes) -> list[Rating]:
    """The ratings as they were; LearningError when the archive is torn or of another version."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as held:
            arrays = [held[str(place)] for place in range(len(held.files) - 1)]
            return [_made(rating, arrays) for rating in json.loads(bytes(held["tree"]))]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, EOFError, BadZipFile) as error:
        raise LearningError(f"The state of the ratings cannot be read ({error}). It is made anew from the matches.") from error


def _told(value: object, arrays: Arrays) -> Any:
    """A value as JSON; arrays are put aside and named by their place."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return {"array": len(arrays) - 1}
    if isinstance(value, dict):
        return {"dict": [[_told(key, arrays), _told(item, arrays)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return {type(value).__name__: [_told(item, arrays) for item in value]}
    if type(value).__name__ not in _KNOWN:
        raise TypeError(f"a rating holds {type(value).__name__}, of which nobody knows how to keep it")
    return {"object": type(value).__name__, "of": {name: _told(item, arrays) for name, item in vars(value).items()}}


def _made(said: Any, arrays: Arrays) -> Any:
    """The value that was told so."""
    if not isinstance(said, dict):
        return said
    if "array" in said:
        return arrays[said["array"]]
    if "dict" in said:
        return {_made(key, arrays): _made(item, arrays) for key, item in said["dict"]}
    if "list" in said:
        return [_made(item, arrays) for item in said["list"]]
    if "tuple" in said:
        return tuple(_made(item, arrays) for item in said["tuple"])
    found = object.__new__(_KNOWN[said["object"]])
    vars(found).update({name: _made(item, arrays) for name, item in said["of"].items()})
    return found
