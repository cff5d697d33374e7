"""Which published batch a process reads: that of the manifest under POINTER, or, where that is damaged at a start, an earlier one."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace

from core.clock import in_words
from core.errors import FileMissing, TableInvalid
from core.storage.files import POINTER, Store
from core.storage.manifest import Manifest, has_whole_files, kept

LOOK_AGAIN = 2.0  # seconds between two looks whether a damaged batch was repaired: all lookups of a process ask one after the other
SEARCH_AGAIN = 30.0  # seconds until a batch is searched again after none was found, which reads every kept batch


@dataclass(frozen=True)
class _Instead:
    """The earlier batch that is read, why, and the stamps of the damaged one's files when they were last read."""

    manifest: Manifest
    trouble: str
    seen: str


class Batches:
    """Shared by all lookups and models of a process, so that all of them read one batch. Safe to be asked by several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._instead: _Instead | None = None  # replaced as a whole
        self._looked = float("-inf")
        self._searched: tuple[str | None, float] | None = None  # the pointer's stamp when nothing better was found, and when
        self._lock = threading.Lock()

    @property
    def trouble(self) -> str | None:
        """That an earlier batch is read, and why; None while the published one is."""
        instead = self._instead
        return None if instead is None else instead.trouble

    def stamp(self) -> str | None:
        """A text that differs when another batch is to be read; None while nothing is published."""
        published = self._store.stamp(POINTER)
        if self._instead is not None:
            self._go_back_if_repaired(published)
        return _stamp(published, self._instead)

    def read(self) -> tuple[str | None, Manifest]:
        """The stamp and the manifest of the batch to read, both of one batch.

        FileMissing while nothing is published, TableInvalid for a malformed manifest.
        """
        instead = self._instead
        published = self._store.stamp(POINTER)  # before the manifest: one that is written meanwhile is noticed
        return _stamp(published, instead), Manifest.read(self._store) if instead is None else instead.manifest

    def manifest(self) -> Manifest:
        """The manifest of the batch to read; raises as `read`."""
        return self.read()[1]

    def fall_back(self, why: str) -> bool:
        """Read the latest kept batch that is whole, since the published one is damaged: `why` says how.

        False when there is none, or when the published one is whole after all: then it was read while it was written. StoreUnavailable.
        """
        with self._lock:
            if self._instead is None and not self._searched_lately():
                self._instead = self._latest_whole(why)
            return self._instead is not None

    def _searched_lately(self) -> bool:
        if self._searched is None or time.monotonic() - self._searched[1] > SEARCH_AGAIN:
            return False
        return self._searched[0] == self._store.stamp(POINTER)

    def _latest_whole(self, why: str) -> _Instead | None:
        published = self._store.stamp(POINTER)
        seen, current = self._seen(published), self._published()
        if current is None or not has_whole_files(self._store, current):
            for batch in kept(self._store):
                if (current is None or batch.version != current.version) and has_whole_files(self._store, batch):
                    as_of = in_words(batch.as_of)
                    return _Instead(batch, f"The published batch is damaged, so the latest whole one, as of {as_of}, is shown. {why}", seen)
        self._searched = published, time.monotonic()
        return None

    def _go_back_if_repaired(self, published: str | None) -> None:
        """Read the published batch again once it is whole. Its files are read only when one of them was written since."""
        if not self._lock.acquire(blocking=False):
            return  # another thread looks
        try:
            instead = self._instead
            if instead is not None and time.monotonic() - self._looked > LOOK_AGAIN:
                self._looked = time.monotonic()
                seen = self._seen(published)
                if seen != instead.seen:
                    current = self._published()
                    repaired = current is not None and has_whole_files(self._store, current)
                    self._instead = None if repaired else replace(instead, seen=seen)
        finally:
            self._lock.release()

    def _seen(self, published: str | None) -> str:
        """The stamps of the pointer and of the files that it names."""
        current = self._published()
        keys = [] if current is None else sorted(entry.key for entry in current.files.values())
        return "|".join([str(published), *(f"{key} {self._store.stamp(key)}" for key in keys)])

    def _published(self) -> Manifest | None:
        """The manifest under POINTER; None when there is none that can be read. StoreUnavailable: that is no damage."""
        try:
            return Manifest.read(self._store)
        except (FileMissing, TableInvalid):
            return None


def _stamp(published: str | None, instead: _Instead | None) -> str | None:
    return published if instead is None else f"{published}|{instead.manifest.version}"
