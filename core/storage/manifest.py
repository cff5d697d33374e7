"""The manifest of a batch: which files one run of the pipeline published, and which model versions forecast in it.

The key POINTER holds the manifest of the batch that is served, and each batch keeps a copy beside its files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from core.clock import from_iso, iso
from core.errors import FileMissing, TableInvalid
from core.storage.files import POINTER, Store
from core.vocabulary import recipe_id

OWN = "manifest.json"  # beside the files of each batch
FORMER_OWN = "pointer.json"  # its name until November 2026

Card = Mapping[str, Any]


@dataclass(frozen=True)
class FileEntry:
    """One published file: its key in the store, the SHA-1 of its bytes (None: not recorded), its size and number of rows."""

    key: str
    sha1: str | None = None
    bytes: int | None = None
    rows: int | None = None


@dataclass(frozen=True)
class ChainHead:
    """The chain of sealed forecasts when the batch was published: its timeline, the digest of its last entry, its length."""

    timeline: str
    digest: str
    entries: int


@dataclass(frozen=True)
class Manifest:
    """One published batch. `as_of` is the moment on the timeline that it speaks of, `written_at` the real time.

    `models` has the card of each version that forecast, by version; `stages` the version of each stage when the batch was made, and
    `former_champion` the version that was champion before. `skipped` says by stage why its version did not forecast.
    """

    version: str
    written_at: datetime
    as_of: datetime
    timeline: str
    files: Mapping[str, FileEntry]
    models: Mapping[int, Card]
    stages: Mapping[str, int]
    former_champion: int | None = None
    skipped: Mapping[str, str] = field(default_factory=dict)
    chain: ChainHead | None = None

    def to_json(self) -> bytes:
        """The bytes to store; `parse` reads them."""
        written = {
            **asdict(self),
            "written_at": iso(self.written_at),
            "as_of": iso(self.as_of),
            "models": {str(version): dict(card) for version, card in self.models.items()},
        }
        return json.dumps(written, indent=1, sort_keys=True, allow_nan=False).encode()

    @classmethod
    def parse(cls, data: bytes, where: str) -> Manifest:
        """The manifest in these bytes, in today's form or the one before; TableInvalid names `where` they were read."""
        try:
            return _parsed(json.loads(data))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise TableInvalid(f"{where} cannot be read ({type(error).__name__}). Run `make pipeline` again.") from error

    @classmethod
    def read(cls, store: Store, key: str = POINTER) -> Manifest:
        """The manifest under a key; FileMissing when there is none, TableInvalid when it is malformed."""
        return cls.parse(store.read(key), store.location(key))

    def file(self, name: str) -> FileEntry:
        """Where a file is, by its name; FileMissing when this batch has none."""
        entry = self.files.get(name) or self.files.get(name.partition(".")[0])
        if entry is None:
            raise FileMissing(f"The batch {self.version} has no {name}. Run `make pipeline` again.")
        return entry

    def card(self, stage: str) -> Card:
        """The card of the version that had this stage when the batch was made; empty when there was none."""
        version = self.stages.get(stage)
        return {} if version is None else self.models.get(version, {})


def _parsed(written: Mapping[str, Any]) -> Manifest:
    by_stage = "stages" not in written  # the form before: a card for each stage, so that a version could appear twice
    cards = {name: _card(card) for name, card in written.get("models", {}).items()}
    stages = {stage: card["model_version"] for stage, card in cards.items()} if by_stage else written["stages"]
    chain, former = written.get("chain"), written.get("former_champion")
    return Manifest(
        version=str(written["version"]),
        written_at=from_iso(written["written_at"]),
        as_of=from_iso(written["as_of"]),
        timeline=str(written.get("timeline", "")),
        files={name: _entry(entry) for name, entry in written["files"].items()},
        models={card["model_version"]: card for card in cards.values()},
        stages={str(stage): int(version) for stage, version in stages.items()},
        former_champion=None if former is None else int(former),
        skipped={stage: str(reason) for stage, reason in written.get("skipped", {}).items()},
        chain=None if chain is None else ChainHead(str(chain["timeline"]), str(chain["digest"]), int(chain["entries"])),
    )


def _entry(written: Mapping[str, Any]) -> FileEntry:
    return FileEntry(str(written["key"]), written.get("sha1"), written.get("bytes"), written.get("rows"))


def _card(written: Mapping[str, Any]) -> dict[str, Any]:
    """A card with its version as a number and its recipe under the present id."""
    return with_recipe_id({**written, "model_version": int(written["model_version"])})


def with_recipe_id(card: Card) -> dict[str, Any]:
    """The card with the recipe in its `params` under the present id."""
    params = dict(card.get("params") or {})
    if "recipe" in params:
        params["recipe"] = recipe_id(str(params["recipe"]))
    return {**card, "params": params}


def recipe_of(card: Card) -> str | None:
    """The recipe by which the version of this card was fitted; None when the card does not say."""
    found = (card.get("params") or {}).get("recipe")
    return None if found is None else recipe_id(str(found))


def kept_versions(store: Store) -> list[str]:
    """The versions of the batches in the store, the oldest first: their names begin with the time of writing."""
    return sorted({key.split("/")[1] for key in store.list("batch") if key.count("/") >= 2})


def kept(store: Store) -> Iterator[Manifest]:
    """The manifests of all batches in the store that can be read, the latest first."""
    for version in reversed(kept_versions(store)):
        manifest = kept_batch(store, version)
        if manifest is not None:
            yield manifest


def kept_batch(store: Store, version: str) -> Manifest | None:
    """The manifest beside the files of a batch; None when there is none that can be read."""
    for name in (OWN, FORMER_OWN):
        try:
            return Manifest.read(store, f"batch/{version}/{name}")
        except FileMissing:
            continue
        except TableInvalid:
            return None
    return None


def is_whole(store: Store, manifest: Manifest) -> bool:
    """Whether every file of the batch is in the store as it was published, and so are the files of its models. StoreUnavailable."""
    try:
        return has_whole_files(store, manifest) and all(model_files(store, card) for card in manifest.models.values())
    except (FileMissing, TableInvalid):
        return False


def has_whole_files(store: Store, manifest: Manifest) -> bool:
    """Whether every file of the batch is in the store as it was published, wherever the models are. StoreUnavailable."""
    try:
        return all(entry.sha1 in (None, sha1(store.read(entry.key))) for entry in manifest.files.values())
    except FileMissing:
        return False


def model_files(store: Store, card: Card) -> dict[str, bytes]:
    """The files of a model as published, by name; FileMissing, or TableInvalid for other bytes than those published, names the folder."""
    folder = str(card["artefact"])
    files = {key.removeprefix(f"{folder}/"): store.read(key) for key in store.list(folder)}
    if not files:
        raise FileMissing(f"The model files of version {card['model_version']} are missing: {store.location(folder)} is empty.")
    digest = folder.rpartition("-")[2] if "-" in folder else None
    if digest not in (None, _digest(files)[:8]):
        raise TableInvalid(f"The model files of version {card['model_version']} in {store.location(folder)} are not those published.")
    return files


def with_artefact(card: Card, files: Mapping[str, bytes]) -> dict[str, Any]:
    """The card with the folder of its model files in the store, `models/<version>-<eight digits of their SHA-1>`: other files of
    the same version never take their place.
    """
    return {**card, "artefact": f"models/{card['model_version']}-{_digest(files)[:8]}"}


def _digest(files: Mapping[str, bytes]) -> str:
    """SHA-1 over the names and the contents of some files."""
    return sha1(json.dumps({name: sha1(data) for name, data in files.items()}, sort_keys=True).encode())


def sha1(data: bytes) -> str:
    """SHA-1 of a file's bytes: it tells a whole file from a damaged one, and protects against nobody."""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()
