"""Where a lookup's file comes from: a path of its own, or the latest published batch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from core.clock import from_iso
from core.errors import FileMissing, StoreUnavailable, TableInvalid
from core.storage.files import POINTER, Store


@dataclass(frozen=True)
class Fetched:
    """A file's bytes and what is known of them. `as_of` is the moment on the timeline that they speak of; None for a
    file without a pointer, whose age is then the real time since it was written. `skipped` says by stage why a model is not in it.
    """

    data: bytes
    written_at: datetime
    as_of: datetime | None = None
    aliases: Mapping[str, int] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)


class Origin(Protocol):
    """Raises FileMissing, StoreUnavailable (also for bytes that are not those published), or TableInvalid for a pointer that is none."""

    def stamp(self) -> str | None:
        """A text that differs when there is something newer; None when there is nothing yet."""

    def fetch(self) -> Fetched: ...
    def where(self) -> str: ...


class OneFile:
    """A file under a path of its own: local, or `s3://`."""

    def __init__(self, store: Store, key: str) -> None:
        self._store, self._key = store, key

    @classmethod
    def at(cls, path: str | Path) -> OneFile:
        folder, _, name = str(path).rpartition("/")
        return cls(Store.open(folder or "."), name)

    def stamp(self) -> str | None:
        return self._store.stamp(self._key)

    def fetch(self) -> Fetched:
        return Fetched(self._store.read(self._key), self._store.written_at(self._key))

    def where(self) -> str:
        return self._store.location(self._key)


@dataclass(frozen=True)
class Entry:
    """Where a published file is, and the digest of its bytes; None where the pointer gives none."""

    key: str
    sha1: str | None


@dataclass(frozen=True)
class Pointer:
    """What `batch/current.json` says: the version that is served, its files, and the models behind the aliases.

    Each card in `models` has at least its `model_version`, a whole number. `skipped` says by stage why a model was left out.
    """

    version: str
    written_at: datetime
    as_of: datetime
    files: Mapping[str, Entry]
    models: Mapping[str, Mapping[str, Any]]
    skipped: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, store: Store) -> Pointer:
        """The pointer in this store; TableInvalid when it is not what `publish` writes."""
        try:
            said = json.loads(store.read(POINTER))
            return cls(
                str(said["version"]),
                from_iso(said["written_at"]),
                from_iso(said["as_of"]),
                {name: Entry(str(entry["key"]), entry.get("sha1")) for name, entry in said["files"].items()},
                {stage: {**card, "model_version": int(card["model_version"])} for stage, card in said.get("models", {}).items()},
                {stage: str(reason) for stage, reason in said.get("skipped", {}).items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise TableInvalid(f"{store.location(POINTER)} cannot be read ({type(error).__name__}). Run `make pipeline` again.") from error

    def file(self, name: str) -> Entry:
        """Where a file is, by its name with or without the ending; FileMissing when this batch has none."""
        found = self.files.get(name) or self.files.get(name.partition(".")[0])
        if found is None:
            raise FileMissing(f"The batch {self.version} has no {name}. Run `make pipeline` again.")
        return found

    def aliases(self) -> dict[str, int]:
        return {stage: card["model_version"] for stage, card in self.models.items()}


class Published:
    """One file of the batch that the store's pointer names."""

    def __init__(self, store: Store, name: str) -> None:
        self._store, self._name = store, name

    def stamp(self) -> str | None:
        return self._store.stamp(POINTER)

    def fetch(self) -> Fetched:
        pointer = Pointer.read(self._store)
        try:
            return self._follow(pointer)
        except FileMissing:
            # Published again just now, and the batch before was cleared away: the pointer names the new one.
            moved = Pointer.read(self._store)
            if moved.version == pointer.version:
                raise
            return self._follow(moved)

    def _follow(self, pointer: Pointer) -> Fetched:
        entry = pointer.file(self._name)
        data = self._store.read(entry.key)
        if entry.sha1 not in (None, digest(data)):
            # Of a torn reading as of a torn file: only the store can say, when it is asked again.
            raise StoreUnavailable(
                f"{self._store.location(entry.key)} is not what was published. It is read again by itself; else run `make pipeline`."
            )
        return Fetched(data, pointer.written_at, pointer.as_of, pointer.aliases(), pointer.skipped)

    def where(self) -> str:
        return f"{self._name}, published under {self._store.location(POINTER)}"


class FirstThere:
    """The first of two origins that has something: a local file, then the store."""

    def __init__(self, first: Origin, then: Origin) -> None:
        self._first, self._then = first, then

    def _chosen(self) -> Origin:
        return self._first if self._first.stamp() is not None else self._then

    def stamp(self) -> str | None:
        return self._first.stamp() or self._then.stamp()

    def fetch(self) -> Fetched:
        return self._chosen().fetch()

    def where(self) -> str:
        return f"{self._first.where()}, or {self._then.where()}"


def origin(path: str | Path | None, name: str, store: Store | None) -> Origin:
    """The origin of the file `name`: at `path` if given and there, otherwise as published in `store`."""
    if path is None:
        if store is None:
            raise TypeError(f"neither a path nor a store for {name}")
        return Published(store, name)
    own = OneFile.at(path)
    return own if store is None else FirstThere(own, Published(store, name))


def digest(data: bytes) -> str:
    """SHA-1 of a file's bytes, as the pointer holds it: it tells a whole file from a torn one, and guards nothing."""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()
