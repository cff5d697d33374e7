"""Which version has which stage, as a small file in the store: a start reads it in milliseconds, without the registry.

The registry is the truth. Whoever moves an alias writes this file after it, and whoever notices a difference has it written again, so
that a process which starts serves the version that was champion when the last one ended.
"""

from __future__ import annotations

import json
import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from core.clock import from_iso, iso, real_now
from core.errors import AliasMissing, FileMissing, StorageError, TableInvalid
from core.football.promotion import former_champion
from core.storage import leases, logbook
from core.storage.database import Database
from core.storage.files import Store
from core.storage.manifest import Card, Manifest, with_artefact, with_recipe_id
from core.storage.registry import Registry
from core.vocabulary import CHAMPION

KEY = "serving/stages.json"
LEASE = "promotion"  # held by whoever moves the champion's alias, or writes this file
LEASE_SECONDS, RENEW_EVERY = 60.0, 10.0


@dataclass(frozen=True)
class StageFile:
    """The version of each stage, the version that was champion before, when that changed (real time), and the cards of all of them."""

    stages: Mapping[str, int]
    written_at: datetime
    former_champion: int | None = None
    decided_at: datetime | None = None
    models: Mapping[int, Card] = field(default_factory=dict)

    def to_json(self) -> bytes:
        written = {
            "stages": dict(self.stages),
            "written_at": iso(self.written_at),
            "former_champion": self.former_champion,
            "decided_at": None if self.decided_at is None else iso(self.decided_at),
            "models": {str(version): dict(card) for version, card in self.models.items()},
        }
        return json.dumps(written, indent=1, sort_keys=True, allow_nan=False).encode()

    @classmethod
    def read(cls, store: Store) -> StageFile | None:
        """The file in this store; None when there is none, or when it is malformed and must be written again. StoreUnavailable."""
        try:
            written = json.loads(store.read(KEY))
            return _parsed(written)
        except (FileMissing, KeyError, TypeError, ValueError, AttributeError):
            return None


def _parsed(written: Mapping[str, Any]) -> StageFile:
    former, decided = written["former_champion"], written["decided_at"]
    return StageFile(
        {str(stage): int(version) for stage, version in written["stages"].items()},
        from_iso(written["written_at"]),
        None if former is None else int(former),
        None if decided is None else from_iso(decided),
        {int(version): with_recipe_id(card) for version, card in written["models"].items()},
    )


def write(database: Database, registry: Registry, store: Store) -> StageFile:
    """Write the file by what the registry and the audit say now. The caller holds the lease LEASE."""
    decided = logbook.decisions(database, 1)
    stages = registry.aliases()
    former = former_champion(stages.get(CHAMPION), decided)
    at = from_iso(decided[0]["at"]) if decided else None
    wanted = {version for version in (*stages.values(), former) if version is not None}
    written = StageFile(stages, real_now(), former, at, _cards(registry, store, wanted))
    store.write(KEY, written.to_json())
    return written


def rewrite(database: Database, registry: Registry, store: Store) -> bool:
    """Write the file again if it differs from the registry. False when somebody else holds the lease: he writes it."""
    with held(database) as mine:
        if mine:
            found = StageFile.read(store)
            if found is None or dict(found.stages) != registry.aliases():
                write(database, registry, store)
        return mine


def holder() -> str:
    """A name for one holder of the lease, which no other has."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{time.monotonic_ns()}"


@contextmanager
def held(database: Database, patience: float = 0.0) -> Iterator[bool]:
    """Hold the lease, renewed for as long as this lasts, waiting for it for so many seconds. False when it was not to be had."""
    mine, until, done = holder(), time.monotonic() + patience, threading.Event()
    while not (taken := leases.take(database, LEASE, mine, LEASE_SECONDS)) and time.monotonic() < until:
        time.sleep(0.1)
    renewing = threading.Thread(target=_renew, args=(database, mine, done), name="lease", daemon=True)
    try:
        if taken:
            renewing.start()
        yield taken
    finally:
        done.set()
        if taken:
            renewing.join()
            leases.take(database, LEASE, mine, 0.0)


def _renew(database: Database, mine: str, done: threading.Event) -> None:
    while not done.wait(RENEW_EVERY):
        with suppress(StorageError):  # the next turn tries again, in time
            leases.take(database, LEASE, mine, LEASE_SECONDS)


def _cards(registry: Registry, store: Store, versions: set[int]) -> dict[int, Card]:
    """The card of each version, whose model files are in the store: as published, or else fetched from the registry now."""
    known = _known(store)
    found = {version: _published(registry, store, version, known.get(version)) for version in sorted(versions)}
    return {version: card for version, card in found.items() if card is not None}


def _known(store: Store) -> dict[int, Card]:
    file = StageFile.read(store)
    try:
        batch: Mapping[int, Card] = Manifest.read(store).models
    except (FileMissing, TableInvalid):
        batch = {}
    return {**({} if file is None else file.models), **batch}


def _published(registry: Registry, store: Store, version: int, known: Card | None) -> Card | None:
    if known is not None and store.list(str(known["artefact"])):
        return known
    try:
        with tempfile.TemporaryDirectory() as folder:
            fetched = registry.download(version, Path(folder))
            files = {path.name: path.read_bytes() for path in sorted(fetched.iterdir()) if path.is_file()}
        card = with_artefact(registry.card(version), files)
    except AliasMissing:
        return None
    for name, data in files.items():
        store.write(f"{card['artefact']}/{name}", data)
    return card
