"""The state of the ratings between two runs, below data/work/ratings: an index, and an archive for each checkpoint."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from core.errors import FileMissing
from workers.workplace import Workplace

if TYPE_CHECKING:
    from core.learning.memory import Checkpoint, Memory

FOLDER, INDEX, FEATURES = "ratings", "index.json", "work/features.parquet"
COMPUTED_WITH = ("numpy", "pandas", "scipy")


def recall(place: Workplace) -> Memory | None:
    """What an earlier run of the same code left; None when there is nothing, or it is of other code."""
    from core.learning.memory import Memory

    folder = place.work / FOLDER
    try:
        said = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        if said["code"] != _code(place):
            return None
        points = [_checkpoint(folder, row) for row in said["checkpoints"]]
        return Memory(points, place.read_table(FEATURES).set_index("match_id"))
    except (FileMissing, OSError, ValueError, KeyError, TypeError):
        return None


def forget(place: Workplace) -> None:
    """Before the features are written anew: from then on the old checkpoints do not belong to them."""
    shutil.rmtree(place.work / FOLDER, ignore_errors=True)


def remember(place: Workplace, points: Sequence[Checkpoint]) -> None:
    """Keep these for the next run; the index comes last, so that a run that was killed leaves nothing half."""
    rows: list[dict[str, Any]] = []
    for point in points:
        state = hashlib.sha256(point.state).hexdigest()
        rows.append({"kind": point.kind, "day": point.day, "digest": point.digest, "state": state})
    folder = place.work / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for row, point in zip(rows, points, strict=True):
        (folder / _name(row)).write_bytes(point.state)
    place.write_json(folder / INDEX, {"code": _code(place), "checkpoints": rows})


def _name(row: dict[str, Any]) -> str:
    return f"{row['kind']}-{row['day']}.npz"


def _checkpoint(folder: Path, row: dict[str, Any]) -> Checkpoint:
    """As it was written; ValueError when it is torn."""
    from core.learning.memory import Checkpoint

    data = (folder / _name(row)).read_bytes()
    if hashlib.sha256(data).hexdigest() != row["state"]:
        raise ValueError(f"{_name(row)} is not as it was written")
    return Checkpoint(row["kind"], row["day"], row["digest"], data)


def _code(place: Workplace) -> str:
    """A digest of all the code that decides what a feature is, as dvc.yaml names it, and of the versions of what it computes with."""
    stages = yaml.safe_load((place.root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    named = [name for name in stages["featurize"]["deps"] if name.endswith(".py")]
    digest = hashlib.sha256(" ".join(f"{name} {version(name)}" for name in COMPUTED_WITH).encode())
    for name in named:
        digest.update((place.root / name).read_bytes())
    return digest.hexdigest()
