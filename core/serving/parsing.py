"""From bytes to tables, and from a row to plain Python."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from operator import index
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from core.clock import iso
from core.errors import TableInvalid

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]

MOST = 2**53
_TORN = (pa.ArrowException, ValueError, TypeError, KeyError, AttributeError, OSError, NotImplementedError, OverflowError)


class Row(dict[str, Any]):
    """One row as plain Python numbers and texts. What is missing is None, and named in `missing`."""

    @property
    def missing(self) -> list[str]:
        return [name for name, value in self.items() if value is None]


@contextmanager
def refusing(name: str) -> Iterator[None]:
    """Turn whatever a torn or foreign file makes a parser raise into a TableInvalid."""
    try:
        yield
    except TableInvalid:
        raise
    except _TORN as error:
        reason = str(error).partition("\n")[0][:160] or type(error).__name__
        raise TableInvalid(f"{name} cannot be read: {reason}. Run the pipeline again to make it anew.") from error


def read_parquet(data: bytes) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(data))


def read_json(name: str, data: bytes) -> dict[str, Any]:
    """The object in a JSON file; TableInvalid when it is torn or something else."""
    with refusing(name):
        said = json.loads(data)
        if not isinstance(said, dict):
            raise TableInvalid(f"{name} holds no JSON object. Run the pipeline again to make it anew.")
        return said


def by_match_id(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with `match_id` as its index, positive int64 below 2^53, ascending."""
    if "match_id" in frame.columns:
        frame = frame.set_index("match_id")
    if frame.index.name not in ("match_id", None) or frame.index.dtype.kind not in "iu":
        raise TableInvalid(f"{name} has no match_id as its index. Run the pipeline again to make it anew.")
    frame.index = frame.index.astype("int64").rename("match_id")
    if len(frame) and (frame.index.min() <= 0 or frame.index.max() >= MOST):
        raise TableInvalid(f"{name} holds a match_id that is not between 1 and 2^53. Run the pipeline again to make it anew.")
    return frame if frame.index.is_monotonic_increasing else frame.sort_index(kind="stable")


def place(ids: Ints, match_id: object) -> int | None:
    """Where in the ascending `ids` a match stands; None for one that is not there, or is no whole number."""
    try:
        wanted = index(match_id)  # type: ignore[arg-type]
    except TypeError:
        return None
    # A number beyond int64 would make NumPy convert the whole array.
    if not 0 < wanted < MOST:
        return None
    at = int(ids.searchsorted(wanted))
    return at if at < len(ids) and ids.item(at) == wanted else None


def plain(value: Any) -> Any:
    """A cell as plain Python: None for what is missing, ISO text for a time, a day as `2026-03-14`."""
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return None
    if isinstance(value, datetime):
        return value.date().isoformat() if value.tzinfo is None else iso(value)
    return value.item() if isinstance(value, np.generic) else value


def uniques(column: pd.Series[Any]) -> tuple[Codes, list[Any]]:
    """A column as codes and the plain values they stand for; the code -1, for what is missing, is the last value, None."""
    codes, values = pd.factorize(column)
    return codes.astype(np.int32), [*(plain(value) for value in values), None]
