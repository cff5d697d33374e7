"""The stage that publishes: the data under their version first, the manifest last, the oldest versions away.

What was published is never written again: a batch has its moment in its key, and a model a digest of its files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from core.clock import from_iso, real_now
from core.errors import FileMissing, LearningError, TableInvalid
from core.serving import stage_file
from core.serving.loaded import Loaded
from core.serving.readers import READERS
from core.serving.sealing import seal_champion
from core.serving.stage_file import StageFile
from core.storage import forecast_chain, live_scores, pipeline_log, replay, source_documents
from core.storage.files import POINTER
from core.storage.manifest import OWN, Card, ChainHead, FileEntry, Manifest, kept_batch, kept_versions, model_files, sha1, with_artefact
from core.vocabulary import CHAMPION, DRIFT_FILE, EVALUATION_FILE, FEATURES_FILE, MATCHES_FILE, PREDICTIONS_FILE, SCORES_FILE
from workers.registration import DECISION_SECONDS, open_registry
from workers.workplace import Figures, Workplace, whole

ABANDONED = timedelta(days=1)  # a file that is still not whole after that belongs to a process that was killed


def publish(place: Workplace) -> Figures:
    """Publish everything that is served. The same content again changes nothing.

    Each file is first opened by the reader that serves it: TableInvalid names one that would be refused, and the batch before goes on.
    """
    receipt = place.read_json(place.receipt("batch_inference"))
    models = {int(version): with_artefact(card, _model_files(place, int(version))) for version, card in receipt["models"].items()}
    files = {name: path.read_bytes() for name, path in _served(place).items()}
    digest = _digest(place, receipt, files, models)
    version = _published(place, digest)
    if version is None:
        _try_readers(place, files, models)
        version = f"{real_now():%Y%m%dT%H%M%S%f}Z-{digest}"
        _write(place, version, receipt, files, models)
    pipeline_log.note(place.database, pipeline_log.PUBLISHED, version)
    live_scores.settle(place.database, place.now)
    if place.settings.clock.moment is not None:
        replay.arrive(place.database, place.settings.clock.moment)
    elif not place.settings.arrived and any(row["status"] == "loaded" for row in source_documents.listed(place.database)):
        place.settings.arrived_file.touch()
    removed = _settle_decision(place, version)
    place.write_json(place.receipt("publish"), {"version": version, "digest": digest})
    return {"version": version, "files": len(files), "bytes": sum(map(len, files.values())), "removed": removed}


def _settle_decision(place: Workplace, version: str) -> int:
    """Let the stage file and the chain follow this batch, and remove what no batch and no stage needs; how many batches went.

    The champion may have been promoted after the batch was made, with the numbers of the batch before; nothing is sealed where the chain
    ends with these very forecasts. While a decision is under way it does all of that by this batch itself, and nothing is removed.
    """
    with stage_file.held(place.database, DECISION_SECONDS) as mine:
        if not mine:
            return 0
        registry = open_registry(place)
        champion = registry.aliases().get(CHAMPION)
        if champion is not None:
            stage_file.write(place.database, registry, place.store)
            seal_champion(place.store, place.database, champion, place.now, place.settings.timeline)
        return _tidy(place, version, int(place.parameters["publish"]["keep"]))


def _served(place: Workplace) -> dict[str, Path]:
    predictions = place.root / "data" / "predictions"
    return {
        **{name: predictions / name for name in (PREDICTIONS_FILE, FEATURES_FILE, EVALUATION_FILE, SCORES_FILE)},
        MATCHES_FILE: place.work / MATCHES_FILE,
        DRIFT_FILE: place.root / "reports" / "drift" / "latest.json",
    }


def _model_files(place: Workplace, version: int) -> dict[str, bytes]:
    folder = place.work / "registered" / str(version)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def _digest(place: Workplace, receipt: Mapping[str, Any], files: Mapping[str, bytes], models: Mapping[int, Any]) -> str:
    """Ten letters that stand for all of the content, and for the moment of which it speaks."""
    content = {name: sha1(data) for name, data in files.items()}
    roles = [receipt["stages"], receipt["former_champion"], receipt["skipped"]]
    said = json.dumps([place.settings.timeline, receipt["as_of"], content, models, roles], sort_keys=True)
    return hashlib.sha1(said.encode()).hexdigest()[:10]


def _published(place: Workplace, digest: str) -> str | None:
    """The version that the manifest names, if it holds this content, whole."""
    version = whole(place.store)
    return version if version is not None and version.endswith(f"-{digest}") else None


def _try_readers(place: Workplace, files: Mapping[str, bytes], models: Mapping[int, Mapping[str, Any]]) -> None:
    """Open each file and each model as a web process will; TableInvalid says which one it would refuse, and why."""
    try:
        for name, data in files.items():
            READERS[name](data)
        for version, card in models.items():
            Loaded.read(version, card, _model_files(place, version))
    except (TableInvalid, LearningError) as error:
        raise TableInvalid(f"Nothing was published, and the batch before keeps serving: {error}") from error


def _write(
    place: Workplace, version: str, receipt: Mapping[str, Any], files: Mapping[str, bytes], models: Mapping[int, Mapping[str, Any]]
) -> None:
    for number, card in models.items():
        _write_model(place, card, _model_files(place, number))
    entries = {}
    for name, data in files.items():
        key = f"batch/{version}/{name}"
        place.store.write(key, data)
        entries[name] = FileEntry(key, sha1(data), len(data), _rows(name, _served(place)[name]))
    manifest = Manifest(
        version, real_now(), from_iso(receipt["as_of"]), place.settings.timeline, entries, models, receipt["stages"],
        receipt["former_champion"], receipt["skipped"], _chain(place),
    ).to_json()  # fmt: skip
    place.store.write(f"batch/{version}/{OWN}", manifest)
    place.store.write(POINTER, manifest)


def _chain(place: Workplace) -> ChainHead:
    """Where the chain of sealed forecasts ends now: a database that is put back later and is older can be told by it."""
    timeline = place.settings.timeline
    with place.database.read() as connection:
        digest, entries = forecast_chain.head(connection, timeline)
    return ChainHead(timeline, digest, entries)


def _write_model(place: Workplace, card: Card, files: Mapping[str, bytes]) -> None:
    """Write the files of a model, whose folder stands for its content, unless they are there, whole, and nothing else is."""
    with suppress(FileMissing, TableInvalid):
        if model_files(place.store, card) == files:
            return
    place.store.remove(str(card["artefact"]))
    for name, data in files.items():
        place.store.write(f"{card['artefact']}/{name}", data)


def _rows(name: str, path: Path) -> int:
    return int(pq.read_metadata(path).num_rows) if name.endswith(".parquet") else 1


def _tidy(place: Workplace, current: str, keep: int) -> int:
    """Remove all but the latest versions, and what only they needed; how many versions went."""
    versions = kept_versions(place.store)
    old = [version for version in versions[:-keep] if version != current]
    for version in old:
        place.store.remove(f"batch/{version}")
    needed = {artefact for version in versions if version not in old for artefact in _artefacts(place, version)} | _staged(place)
    for folder in {key.rpartition("/")[0] for key in place.store.list("models")} - needed:
        place.store.remove(folder)
    place.store.clear_parts(real_now() - ABANDONED)
    return len(old)


def _artefacts(place: Workplace, version: str) -> set[str]:
    """Where the models of a kept batch are; none of one that was never whole."""
    manifest = kept_batch(place.store, version)
    return set() if manifest is None else {str(card["artefact"]) for card in manifest.models.values()}


def _staged(place: Workplace) -> set[str]:
    """Where the models of the versions are that have a stage now, whether or not a batch names them."""
    file = StageFile.read(place.store)
    return set() if file is None else {str(card["artefact"]) for card in file.models.values()}
