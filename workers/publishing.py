"""The stage that publishes: the data under their version first, the pointer last, the oldest versions away."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from core.clock import iso, real_now
from core.storage import pipeline_log
from workers.workplace import POINTER, PUBLISHED, Figures, Workplace, whole


def publish(place: Workplace) -> Figures:
    """Everything that is served, into the store. The same content again changes nothing."""
    models = place.read_json(place.receipt("batch_inference"))["models"]
    files = {name: path.read_bytes() for name, path in _served(place).items()}
    digest = _digest(place, files, models)
    version = _published(place, digest)
    if version is None:
        version = f"{real_now():%Y%m%dT%H%M%S%f}Z-{digest}"
        _write(place, version, files, models)
    pipeline_log.note(place.database, PUBLISHED, version)
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
        folder = place.work / "registered" / str(card["model_version"])
        for path in sorted(folder.iterdir()):
            place.store.write(f"{card['artefact']}/{path.name}", path.read_bytes())
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
    }
    place.store.write(POINTER, json.dumps(pointer, indent=1, sort_keys=True, allow_nan=False).encode())


def _rows(name: str, path: Path) -> int:
    return int(pq.read_metadata(path).num_rows) if name.endswith(".parquet") else 1


def _tidy(place: Workplace, current: str, keep: int) -> int:
    """Remove all but the latest versions; how many went. Names begin with the time of writing, so they sort by age."""
    versions = sorted({key.split("/")[1] for key in place.store.list("batch") if key.count("/") >= 2})
    old = [version for version in versions[:-keep] if version != current]
    for version in old:
        place.store.remove(f"batch/{version}")
    return len(old)
