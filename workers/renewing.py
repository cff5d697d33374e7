"""What is new, through to published forecasts, without a refit: from the sources in real time, from the past in a replay."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

from core.errors import FileMissing, TableInvalid
from core.storage import pipeline_log
from core.storage.manifest import Manifest
from workers.ingesting import gather
from workers.log import line
from workers.workplace import REGISTERED, UNPUBLISHED, YES, Workplace, whole

# The stages that know of new matches. The models stay as they were fitted, until the first of the next month.
RENEWED = ("instance", "ingest", "featurize", "batch_inference", "monitor_drift", "publish")
FRESH = timedelta(hours=6)  # without news, forecasts are published again only after so long


def refresh(place: Workplace, stage: Callable[[str], int], repro: Callable[[], int], commit: Callable[[], int]) -> int:
    """Load what is new and publish forecasts that know of it: in this process where the models stay, else by `repro`.

    `stage` runs one stage, `commit` lets DVC know of what was made without it. All give 0 when they went well. What an earlier run
    has loaded and not published is news too.
    """
    before, left = can_renew(place), pipeline_log.noted(place.database, UNPUBLISHED) == YES
    done = gather(place)
    if not place.settings.arrived and not done.answered and not left:
        return 0  # the bundled matches alone are no news of today
    if not done.news and not left and _is_fresh(place):
        line("refresh", note="Nothing is new.")
        return 0
    return renew(stage, commit) if before and not done.history and not left else repro()


def renew(stage: Callable[[str], int], commit: Callable[[], int]) -> int:
    """The stages that know of new matches, in this process, and DVC told of it."""
    for name in RENEWED:
        if code := stage(name):
            return code
    return commit()


def can_renew(place: Workplace) -> bool:
    """Whether the work files are this timeline's, published from, and hold models that were fitted this month."""
    try:
        said = json.loads((place.work / "instance.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    ours = said.get("timeline") == place.settings.timeline and said.get("places") == place.places
    same = ours and said.get("database_id") == place.database.instance_id() and said.get("instance_id") == _instance(place)
    this_month = place.parameters["train"]["cut"] is None and str(said.get("clock"))[:7] == f"{place.now:%Y-%m}"
    made = all(
        (place.work / name).exists() for name in ("models", "evaluation.parquet", "scores.json", "walks.json", "receipts/publish.json")
    )
    return same and this_month and made and bool(pipeline_log.noted(place.database, REGISTERED)) and whole(place.store) is not None


def _instance(place: Workplace) -> str | None:
    """The home's id; None in one that was restored, whose work files may be newer than its database."""
    try:
        return place.settings.instance_file.read_text(encoding="utf-8").strip()
    except OSError:
        return None


def _is_fresh(place: Workplace) -> bool:
    try:
        return timedelta() <= place.now - Manifest.read(place.store).as_of < FRESH
    except (FileMissing, TableInvalid):
        return False
