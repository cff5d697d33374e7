"""The work files of two timelines: those of one lie in the project, those of the other wait below its own folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from core.settings import TIMELINES
from workers.locking import LOCK
from workers.workplace import Workplace

# What the stages make, and DVC's record of it. The lock in data/work is held, and stays.
MADE = ("data/work", "data/predictions", "reports", "dvc.lock")


def enter(place: Workplace) -> None:
    """Lay out this timeline's work files, and put the other's away. The caller holds the pipeline's lock."""
    other = _owner(place)
    if other == place.settings.timeline:
        return
    if other in TIMELINES:
        _move(place.root, _away(place, other))
    _move(_away(place, place.settings.timeline), place.root)


def _owner(place: Workplace) -> str | None:
    """The timeline that the work files in the project belong to; None when there are none that say so."""
    try:
        said = json.loads((place.work / "instance.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return str(said.get("timeline"))


def _away(place: Workplace, timeline: str) -> Path:
    return place.settings.home / timeline / "workspace"


def _move(there: Path, here: Path) -> None:
    for name in MADE:
        made = there / name
        if made.is_dir():
            for path in made.iterdir():
                if path.name != LOCK:
                    _replace(path, here / name / path.name)
        elif made.is_file():
            _replace(made, here / name)


def _replace(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    if to.is_dir():
        shutil.rmtree(to)
    shutil.move(path, to)
