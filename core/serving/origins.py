"""Where a lookup's file comes from: a path of its own, or the latest published batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from core.errors import FileDamaged, FileMissing, TableInvalid
from core.serving.batches import Batches
from core.storage.files import POINTER, Store
from core.storage.manifest import FileEntry, Manifest, sha1


@dataclass(frozen=True)
class Fetched:
    """A file's bytes and what is known of them. `as_of` is the moment on the timeline that they speak of; None for a
    file without a manifest, whose age is then the real time since it was written. `skipped` says by stage why a model is not in it.
    `stamp`, if given, is the origin's stamp of these very bytes.
    """

    data: bytes
    written_at: datetime
    as_of: datetime | None = None
    aliases: Mapping[str, int] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    stamp: str | None = None


class Origin(Protocol):
    """Raises FileMissing, StoreUnavailable, FileDamaged for bytes that are not those published, TableInvalid for a malformed manifest."""

    def stamp(self) -> str | None:
        """A text that differs when there is something newer; None when there is nothing yet."""

    def fetch(self) -> Fetched: ...
    def where(self) -> str: ...
    def fall_back(self, why: str) -> bool: ...
    def trouble(self) -> str | None: ...


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

    def fall_back(self, why: str) -> bool:
        """There is no other copy of such a file."""
        return False

    def trouble(self) -> str | None:
        return None


class Published:
    """One file of the published batch."""

    def __init__(self, store: Store, name: str, batches: Batches | None = None) -> None:
        self._store, self._name = store, name
        self._batches = batches or Batches(store)
        self._key: str | None = None  # of the file that was read last

    def stamp(self) -> str | None:
        """Of the batch, and of the file that was read from it: a file that is damaged afterwards is noticed while its copy is served."""
        batch = self._batches.stamp()
        return batch if batch is None or self._key is None else self._stamp(batch, self._key)

    def fetch(self) -> Fetched:
        batch, manifest = self._batches.read()
        try:
            return self._follow(batch, manifest)
        except FileMissing:
            # Published again just now, and the batch before was cleared away: the manifest names the new one.
            batch, moved = self._batches.read()
            if moved.version == manifest.version:
                raise
            return self._follow(batch, moved)

    def fall_back(self, why: str) -> bool:
        """Whether an earlier batch is read from now on, since the published one is damaged. A batch that never had the file is not."""
        return self._is_due() and self._batches.fall_back(why)

    def _is_due(self) -> bool:
        try:
            self._batches.manifest().file(self._name)
        except TableInvalid:
            return True
        except FileMissing:
            return self._batches.stamp() is None
        return True

    def trouble(self) -> str | None:
        """Why an earlier batch is read; None while the published one is."""
        return self._batches.trouble

    def where(self) -> str:
        return f"{self._name}, published under {self._store.location(POINTER)}"

    def _follow(self, batch: str | None, manifest: Manifest) -> Fetched:
        entry = manifest.file(self._name)
        stamp = None if batch is None else self._stamp(batch, entry.key)  # before the bytes: what is written meanwhile is noticed
        data = self._store.read(entry.key)
        self._key = entry.key
        if entry.sha1 not in (None, sha1(data)):
            raise FileDamaged(_damaged(self._store.location(entry.key), entry, data))
        return Fetched(data, manifest.written_at, manifest.as_of, manifest.stages, manifest.skipped, stamp)

    def _stamp(self, batch: str, key: str) -> str:
        return f"{batch}|{self._store.stamp(key)}"


def _damaged(where: str, entry: FileEntry, data: bytes) -> str:
    size = f"it has {len(data):,} bytes of {entry.bytes:,}" if entry.bytes not in (None, len(data)) else "its digest differs"
    return f"{where} is not what was published: {size}. It is read again by itself; else run `make pipeline` to write it again."


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

    def fall_back(self, why: str) -> bool:
        return self._chosen().fall_back(why)

    def trouble(self) -> str | None:
        return self._chosen().trouble()


def origin(path: str | Path | None, name: str, store: Store | None, batches: Batches | None = None) -> Origin:
    """The origin of the file `name`: at `path` if given and there, otherwise as published in `store`."""
    if path is None:
        if store is None:
            raise TypeError(f"neither a path nor a store for {name}")
        return Published(store, name, batches)
    own = OneFile.at(path)
    return own if store is None else FirstThere(own, Published(store, name, batches))
