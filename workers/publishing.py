"""The stage that publishes: the data under their version first, the pointer last, the oldest versions away.

What was published is never written again: a batch has its moment in its key, and a model a digest of its files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from core.clock import iso, real_now
from core.errors import FileMissing
from core.storage import live_scores, pipeline_log, replay, source_documents
from core.storage.files import POINTER
from workers.workplace import Figures, Workplace, whole

# Kept beside a batch: the pointer as it was when the batch was served. It tells which models the batch needs.
OWN_POINTER = "pointer.json"
ABANDONED = timedelta(days=1)  # a file that is still not whole after that belongs to a process that was killed


def publish(place: Workplace) -> Figures:
    """Everything that is served, into the store. The same content again changes nothing."""
    models = _addressed(place, place.read_json(place.receipt("batch_inference"))["models"])
    files = {name: path.read_bytes() for name, path in _served(place).items()}
    digest = _digest(place, files, models)
    version = _published(place, digest)
    if version is None:
        version = f"{real_now():%Y%m%dT%H%M%S%f}Z-{digest}"
        _write(place, version, files, models)
    pipeline_log.note(place.database, pipeline_log.PUBLISHED, version)
    live_scores.settle(place.database, place.now)
    if place.settings.clock.moment is not None:
        replay.arrive(place.database, place.settings.clock.moment)
    elif not place.settings.arrived and any(row["status"] == "loaded" for row in source_documents.listed(place.database)):
        place.settings.arrived_file.touch()
    removed = _tidy(place, version, int(place.parameters["publish"]["keep"]))
    place.write_json(place.receipt("publish"), {"version": version, "digest": digest})
    return {"version": version, "files": len(files), "bytes": sum(map(len, files.values())), "removed": removed}


def _served(place: Workplace) -> dict[str, Path]:
    data = place.root / "data"
    return {
        "predictions.parquet": data / "predictions" / "predictions.parquet",
        "match_features.parquet": data / "predictions" / "match_features.parquet",
        "matches.parquet": data / "work" / "matches.parquet",
        "evaluation.parquet": data / "work" / "evaluation.parquet",
        "scores.json": data / "work" / "scores.json",
        "drift.json": place.root / "reports" / "drift" / "latest.json",
    }


def _addressed(place: Workplace, models: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The cards, each with the place of its files in the store: `models/<version>-<eight digits of their SHA-1>`."""
    return {stage: {**card, "artefact": f"{card['artefact']}-{_digest_of(_files(place, card))[:8]}"} for stage, card in models.items()}


def _files(place: Workplace, card: Mapping[str, Any]) -> dict[str, bytes]:
    folder = place.work / "registered" / str(card["model_version"])
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def _digest_of(files: Mapping[str, bytes]) -> str:
    """SHA-1 over the files' names and contents."""
    said = {name: hashlib.sha1(data).hexdigest() for name, data in files.items()}
    return hashlib.sha1(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _digest(place: Workplace, files: dict[str, bytes], models: dict[str, Any]) -> str:
    """Ten letters that stand for all of the content, and for the moment of which it speaks."""
    content = {name: hashlib.sha1(data).hexdigest() for name, data in files.items()}
    said = json.dumps([place.settings.timeline, _as_of(place), content, models], sort_keys=True)
    return hashlib.sha1(said.encode()).hexdigest()[:10]


def _as_of(place: Workplace) -> str:
    return str(place.read_json(place.receipt("batch_inference"))["as_of"])


def _published(place: Workplace, digest: str) -> str | None:
    """The version that the pointer names, if it holds this content, whole."""
    version = whole(place.store)
    return version if version is not None and version.endswith(f"-{digest}") else None


def _write(place: Workplace, version: str, files: dict[str, bytes], models: dict[str, Any]) -> None:
    for card in models.values():
        for name, data in _files(place, card).items():
            _write_once(place, f"{card['artefact']}/{name}", data)
    described = {}
    for name, data in files.items():
        key = f"batch/{version}/{name}"
        place.store.write(key, data)
        described[name] = {
            "key": key,
            "rows": _rows(name, _served(place)[name]),
            "bytes": len(data),
            "sha1": hashlib.sha1(data).hexdigest(),
        }
    pointer = {
        "version": version,
        "written_at": iso(real_now()),
        "as_of": _as_of(place),
        "timeline": place.settings.timeline,
        "files": described,
        "models": models,
        "skipped": place.read_json(place.receipt("batch_inference")).get("skipped", {}),
    }
    said = json.dumps(pointer, indent=1, sort_keys=True, allow_nan=False).encode()
    place.store.write(f"batch/{version}/{OWN_POINTER}", said)
    place.store.write(POINTER, said)


def _write_once(place: Workplace, key: str, data: bytes) -> None:
    """Write a file whose key stands for its content, unless it is there, whole."""
    if not place.store.exists(key) or place.store.read(key) != data:
        place.store.write(key, data)


def _rows(name: str, path: Path) -> int:
    return int(pq.read_metadata(path).num_rows) if name.endswith(".parquet") else 1


def _tidy(place: Workplace, current: str, keep: int) -> int:
    """Remove all but the latest versions, and what only they needed; how many versions went.

    Names begin with the time of writing, so they sort by age.
    """
    versions = sorted({key.split("/")[1] for key in place.store.list("batch") if key.count("/") >= 2})
    old = [version for version in versions[:-keep] if version != current]
    for version in old:
        place.store.remove(f"batch/{version}")
    needed = {artefact for version in versions if version not in old for artefact in _artefacts(place, version)}
    for folder in {key.rpartition("/")[0] for key in place.store.list("models")} - needed:
        place.store.remove(folder)
    place.store.clear_parts(real_now() - ABANDONED)
    return len(old)


def _artefacts(place: Workplace, version: str) -> set[str]:
    """Where the models of a kept batch are; none of one that was never whole."""
    try:
        said = json.loads(place.store.read(f"batch/{version}/{OWN_POINTER}"))
    except FileMissing:
        return set()
    return {str(card["artefact"]) for card in said["models"].values()}
