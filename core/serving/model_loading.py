"""Model versions in memory: read from their published files in the store, or else from what the registry has."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.errors import FileMissing, SoccerPredictError, StorageError, TableInvalid
from core.serving.loaded import Loaded
from core.storage.files import Store
from core.storage.manifest import Card, model_files, with_artefact
from core.storage.registry import Registry

AGAIN = 10.0  # seconds until a version that failed is tried again
WARM = 4  # versions kept beside those that serve, so that a rollback is immediate
# What a broken model can raise while it is read or tried.
BROKEN = (SoccerPredictError, ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError)


@dataclass(frozen=True)
class _Failure:
    """Why a version could not be read, and when. `is_absent`: the store lacks its files, and the registry was not asked yet."""

    error: Exception
    at: float
    is_absent: bool


class ModelLoader:
    """`try_on` raises for a model that must not serve. `read` asks the store only; `fetch` asks the registry, which takes seconds."""

    def __init__(self, store: Store, registry: Registry, try_on: Callable[[Loaded], None]) -> None:
        self._store, self._registry, self._try_on = store, registry, try_on
        self._warm: dict[int, Loaded] = {}
        self._published: Mapping[int, Card] = {}
        self._registered: dict[int, Card] = {}  # of versions that are in no batch
        self._failed: dict[int, _Failure] = {}
        self._fetched: dict[int, Mapping[str, bytes]] = {}  # what the registry gave, until it is read
        self._stamps: dict[int, str] = {}  # of the published files of each version in memory, as they were when it was read

    def publish(self, cards: Mapping[int, Card]) -> None:
        """These are the cards of all versions that are published now."""
        self._published = cards

    def card(self, version: int) -> Card | None:
        """The card of a version as published, or as the registry gave it; None when neither is known."""
        return self._published.get(version) or self._registered.get(version)

    def has(self, version: int) -> bool:
        """Whether it is in memory."""
        return version in self._warm

    def read(self, version: int, card: Card | None = None) -> Loaded:
        """This version from memory, or else from the store. Raises one of BROKEN when it must not serve: one error for some seconds."""
        failed = self._failed.get(version)
        if version not in self._warm:
            if failed is not None and time.monotonic() - failed.at < AGAIN:
                raise failed.error
            try:
                self._warm[version] = self._read(version, card or self.card(version))
            except BROKEN as error:
                is_absent = isinstance(error, FileMissing | TableInvalid)
                self._failed[version] = _Failure(error, time.monotonic(), is_absent)
                raise
            self._failed.pop(version, None)
        return self._warm[version]

    def _read(self, version: int, card: Card | None) -> Loaded:
        fetched = self._fetched.pop(version, None)
        if card is None:
            raise FileMissing(f"Neither the published batch nor {self._store.location('serving/stages.json')} has version {version}.")
        stamp = None if fetched is not None else self._stamp(card)  # before the files: what is written meanwhile is noticed
        loaded = Loaded.read(version, card, model_files(self._store, card) if fetched is None else fetched)
        self._try_on(loaded)
        if stamp is not None:
            self._stamps[version] = stamp
        return loaded

    def fetch(self, version: int) -> None:
        """Get a version that the store lacks from the registry, for the next `read`, and put its files back into the store."""
        failed = self._failed.get(version)
        if failed is None or not failed.is_absent:
            return
        try:
            self._fetched[version] = self._asked_for(version)
            self._failed.pop(version, None)
        except BROKEN as error:
            said = FileMissing(f"{failed.error} The registry cannot replace them: {error or type(error).__name__}")
            self._failed[version] = _Failure(said, time.monotonic(), is_absent=False)

    def _asked_for(self, version: int) -> Mapping[str, bytes]:
        published = self._published.get(version)
        if published is not None:
            return self._put_back(published, self._download(version))
        if version not in self._registered:
            self._registered[version] = self._registry.card(version)
        try:
            return model_files(self._store, self._registered[version])
        except (FileMissing, TableInvalid):
            return self._download(version)

    def _download(self, version: int) -> dict[str, bytes]:
        with tempfile.TemporaryDirectory() as folder:
            fetched = self._registry.download(version, Path(folder))
            return {path.name: path.read_bytes() for path in sorted(fetched.iterdir()) if path.is_file()}

    def _put_back(self, published: Card, files: dict[str, bytes]) -> dict[str, bytes]:
        """Write the files where they were published; TableInvalid when they are not those published."""
        artefact = str(published["artefact"])
        if "-" in artefact and with_artefact(published, files)["artefact"] != artefact:
            raise TableInvalid("its files are not those published.")
        with suppress(StorageError):  # it serves all the same, and the next start fetches them again
            self._store.remove(artefact)
            for name, data in files.items():
                self._store.write(f"{artefact}/{name}", data)
        return files

    def damage(self, loaded: Loaded) -> str | None:
        """What is the matter with the published files of a version in memory, in words; None while they are whole. StoreUnavailable."""
        card = self._published.get(loaded.version)
        if card is None:
            return None
        stamp = self._stamp(card)
        if stamp == self._stamps.get(loaded.version):
            return None
        try:
            model_files(self._store, card)
        except (FileMissing, TableInvalid) as error:
            return f"{error} The copy in memory keeps serving; run `make pipeline` to publish the files again."
        self._stamps[loaded.version] = stamp
        return None

    def _stamp(self, card: Card) -> str:
        """A text that differs when one of the version's published files was written again, or is gone."""
        return "|".join(f"{key} {self._store.stamp(key)}" for key in self._store.list(str(card["artefact"])))

    def forget_all_but(self, serving: set[int]) -> None:
        """Keep those that serve, the latest WARM others, and nothing of any further version."""
        others = [version for version in self._warm if version not in serving]
        for version in others[: max(0, len(others) - WARM)]:
            del self._warm[version]
        kept = {*self._warm, *serving}
        for known in (self._registered, self._failed, self._fetched, self._stamps):
            for version in [version for version in known if version not in kept]:
                del known[version]
