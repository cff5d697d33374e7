"""Which published batch a process reads: that of the manifest under POINTER, or, where that is damaged at a start, an earlier one."""

from __future__ import annotations

import threading
import time

from core.errors import FileMissing, SoccerPredictError
from core.storage.files import POINTER, Store
from core.storage.manifest import Manifest, is_whole, kept

CHECK_AGAIN = 30.0  # seconds between two looks whether a damaged batch was repaired


class Batches:
    """Shared by all lookups and models of a process, so that all of them read one batch.

    `trouble` says in words that an earlier batch is read, and why; None while the published one is.
    """

    def __init__(self, store: Store) -> None:
        self.trouble: str | None = None
        self._store = store
        self._earlier: Manifest | None = None
        self._damaged: str | None = None  # the stamp of the pointer to the damaged batch
        self._checked = 0.0
        self._lock = threading.Lock()

    def stamp(self) -> str | None:
        """A text that differs when another batch is to be read; None while nothing is published."""
        published = self._store.stamp(POINTER)
        if self._earlier is None or published is None:
            return published
        if published != self._damaged or self._is_repaired():
            self._earlier = self.trouble = self._damaged = None
            return published
        return f"{published}|{self._earlier.version}"

    def manifest(self) -> Manifest:
        """The manifest of the batch to read; FileMissing while nothing is published, TableInvalid for a malformed manifest."""
        return self._earlier or Manifest.read(self._store)

    def fall_back(self, why: str) -> bool:
        """Read the latest kept batch that is whole, since the published one is damaged: `why` says how.

        False when there is none, or when the published one is whole after all: then it was read while it was written.
        """
        with self._lock:
            if self._earlier is not None:
                return True
            published = self._store.stamp(POINTER)
            current = self._published()
            if current is not None and is_whole(self._store, current):
                return False
            others = (batch for batch in kept(self._store) if current is None or batch.version != current.version)
            found = next((batch for batch in others if is_whole(self._store, batch)), None)
            if found is not None:
                as_of = f"{found.as_of.day} {found.as_of:%B %Y, %H:%M} UTC"
                self.trouble = f"The published batch is damaged, so the one before, as of {as_of}, is shown. {why}"
                self._earlier, self._damaged, self._checked = found, published, time.monotonic()
            return found is not None

    def _published(self) -> Manifest | None:
        try:
            return Manifest.read(self._store)
        except SoccerPredictError:
            return None

    def _is_repaired(self) -> bool:
        if time.monotonic() - self._checked < CHECK_AGAIN:
            return False
        self._checked = time.monotonic()
        try:
            return is_whole(self._store, Manifest.read(self._store))
        except (FileMissing, SoccerPredictError):
            return False
