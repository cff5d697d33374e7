"""The models in memory, by stage: read at the start as the store says, then following the registry's aliases.

A new version is read and tried before it takes over; when that fails, the old one keeps serving and `failures` says why.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from core.clock import from_iso, real_now
from core.errors import AliasMissing, FileMissing, RegistryUnavailable, SoccerPredictError, StorageError, TableInvalid
from core.metrics import MODEL_INFO, MODEL_REGISTERED, MODEL_RELOADS
from core.serving import stage_file
from core.serving.batches import Batches
from core.serving.loaded import Loaded
from core.serving.stage_file import StageFile
from core.serving.steady import Steady
from core.storage.files import Store
from core.storage.manifest import Card, kept, model_files, with_artefact
from core.storage.registry import Registry
from core.vocabulary import CHAMPION

POLL = 2.0  # seconds between two questions to the registry
AGAIN = 10.0  # seconds until a version that failed is tried again
WARM = 4  # versions kept beside those that serve, so that a rollback is immediate
# What a broken model can raise while it is read or tried.
BROKEN = (SoccerPredictError, ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError)


@dataclass(frozen=True)
class Serving:
    """What serves at one moment: by stage the model, the card, and the version. Replaced as a whole, never changed.

    `assigned` is the version that a stage serves, or would if its model could be read: forecasts made ahead do not need the model.
    """

    models: Mapping[str, Loaded] = field(default_factory=dict)
    cards: Mapping[str, Card] = field(default_factory=dict)
    assigned: Mapping[str, int] = field(default_factory=dict)

    def versions(self) -> dict[str, int]:
        return {stage: loaded.version for stage, loaded in self.models.items()}


@dataclass(frozen=True)
class Former:
    """The version that was champion before, until when (real time), and its card."""

    version: int
    until: datetime | None
    card: Card


class Shelf:
    """`stages` are the aliases that serve; `try_on` raises for a model that must not take over; `on_change` is given
    the versions by stage, after each change; `on_difference` is called when the stage file differs from the registry.
    """

    def __init__(
        self,
        stages: tuple[str, ...],
        store: Store,
        registry: Registry,
        try_on: Callable[[Loaded], None],
        on_change: Callable[[Mapping[str, int]], None] | None,
        on_difference: Callable[[], object] | None = None,
        check_interval: float = 60.0,
        batches: Batches | None = None,
    ) -> None:
        self.serving = Serving()
        self.former: Former | None = None
        self.failures: Mapping[str, str] = {}
        self.damaged: Mapping[int, str] = {}
        self.error: str | None = None
        self._stages, self._store, self._registry = stages, store, registry
        self._try_on, self._on_change, self._on_difference = try_on, on_change, on_difference
        self._batches, self._check_interval = batches or Batches(store), check_interval
        self._warm: dict[int, Loaded] = {}
        self._failed: dict[int, tuple[float, Exception]] = {}
        self._cards: dict[int, Card] = {}
        self._stamps: dict[int, str] = {}  # of the files of each version in memory, as they were when it was read
        self._checked = time.monotonic()
        self._tried = float("-inf")
        self._answered = float("-inf")  # when the registry last answered, in monotonic seconds
        self._led: datetime | None = None  # when it last named aliases
        self._taken: datetime | None = None  # when what was last taken up from the store was written
        self._file_stamp: str | None = None
        self._file: StageFile | None = None
        self._lock = threading.RLock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def load(self, ask_registry: bool = True) -> None:
        """Read what the store names, or else what the registry's aliases name. At no cost once something serves.

        While the thread follows the registry and has said why nothing serves, nobody waits for it.
        """
        if self.serving.models or (self._thread is not None and self.failures):
            return
        with self._lock:
            if not self.serving.models and time.monotonic() - self._tried > POLL:
                if not self._from_store(ask_registry) and ask_registry:
                    self.follow()
                self._tried = time.monotonic()

    def follow(self) -> None:
        """Ask the registry once, and take up what moved. While it has no aliases, or is away, the store leads."""
        try:
            aliases = self._registry.aliases()
        except RegistryUnavailable as error:
            self._from_store(ask_registry=False)
            self.error = str(error)
            for stage in self._stages:
                MODEL_RELOADS.labels(stage, "away").inc()
            return
        self._answered, self.error = time.monotonic(), None
        wanted = {stage: aliases[stage] for stage in self._stages if stage in aliases}
        with self._lock:
            self._read_stages()
            if wanted:
                self._led = real_now()
                self._take_up(wanted, self._card_of, ask_registry=True)
            else:
                self._from_store(ask_registry=True)
            self._look_for_damage()
        if aliases and self._on_difference is not None and (self._file is None or dict(self._file.stages) != aliases):
            with suppress(StorageError):  # the next look tries again
                self._on_difference()

    def card_of(self, version: int) -> Card:
        """The card of any version that the registry holds now; AliasMissing names one that it does not."""
        if not self._registry.has(version):
            raise AliasMissing(f"The registry holds no version {version}. /predict/model/info names those that serve.")
        return self._card_of(version)

    def silence(self) -> float | None:
        """Seconds since the registry last answered; None while nothing follows it."""
        return None if self._thread is None else time.monotonic() - self._answered

    def start(self) -> None:
        """Follow the registry from now on, in a thread."""
        if self._thread is None:
            self._answered = time.monotonic()
            self._thread = threading.Thread(target=self._run, name="models", daemon=True)
            self._thread.start()

    def close(self) -> None:
        self._closed.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _run(self) -> None:
        steady = Steady("models")
        while not self._closed.is_set():
            steady(self.follow)
            self._closed.wait(POLL)

    def _read_stages(self) -> StageFile | None:
        """The stage file, read again when it was written since; what was read before while the store is away."""
        with suppress(StorageError):
            stamp = self._store.stamp(stage_file.KEY)
            if stamp != self._file_stamp:
                self._file, self._file_stamp = (None if stamp is None else StageFile.read(self._store)), stamp
        file = self._file
        if file is None or file.former_champion is None:
            self.former = None
        else:
            self.former = Former(file.former_champion, file.decided_at, file.models.get(file.former_champion, {}))
        return file

    def _from_store(self, ask_registry: bool) -> bool:
        """Take up the versions that the stage file names, or else the published batch, if that is news. False when there is no batch."""
        try:
            manifest = self._batches.manifest()
        except FileMissing:
            return False
        except TableInvalid as error:
            if not self._batches.fall_back(str(error)):
                self.error = str(error)
                return False
            manifest = self._batches.manifest()
        except SoccerPredictError as error:
            self.error = str(error)
            return False
        file = self._read_stages()
        stages, written_at = (manifest.stages, manifest.written_at) if file is None else (file.stages, file.written_at)
        self._cards |= {**({} if file is None else file.models), **manifest.models}
        # What the registry said after that was written counts more.
        news = written_at != self._taken and (self._led is None or written_at > self._led)
        if stages and (news or not self.serving.models):
            with self._lock:
                self._take_up({stage: stages[stage] for stage in self._stages if stage in stages}, self._card_of, ask_registry)
                if not self.failures:  # what could not be read is tried again
                    self._taken = written_at
        return True

    def _card_of(self, version: int) -> Card:
        """The card of a version: as published, or else as the registry has it, which imports MLflow."""
        if version not in self._cards:
            with suppress(SoccerPredictError):
                self._cards |= self._batches.manifest().models
            if self._file is not None:
                self._cards |= self._file.models
        if version not in self._cards:
            self._cards[version] = self._registry.card(version)
        return self._cards[version]

    def _take_up(self, wanted: Mapping[str, int], card_of: Callable[[int], Card], ask_registry: bool) -> None:
        """Let each stage serve its version; where that fails, what served before goes on, or else an earlier version of the stage."""
        models: dict[str, Loaded] = {}
        failures: dict[str, str] = {}
        for stage, version in wanted.items():
            before = loaded = self.serving.models.get(stage)
            try:
                loaded = before if before is not None and before.version == version else self._loaded(stage, version, card_of, ask_registry)
            except BROKEN as error:
                failures[stage] = self._failure(stage, version, error)
                if loaded is None and ask_registry:
                    loaded = self._earlier(stage, version)
            if loaded is not None:
                models[stage] = loaded
        self.failures = failures
        assigned = {stage: models[stage].version if stage in models else version for stage, version in wanted.items()}
        cards = {stage: models[stage].card if stage in models else self._cards.get(version, {}) for stage, version in wanted.items()}
        self._swap(Serving(models, {stage: {**card, "model_stage": stage} for stage, card in cards.items() if card}, assigned))

    def _loaded(self, stage: str, version: int, card_of: Callable[[int], Card], ask_registry: bool) -> Loaded:
        """This version, from memory or else from its files, tried. Raises one of BROKEN when it must not serve."""
        if version not in self._warm:
            failed = self._failed.get(version)
            if failed is not None and time.monotonic() - failed[0] < AGAIN:
                raise failed[1]
            card = card_of(version)
            loaded = Loaded.read(version, card, self._files(card, ask_registry))
            self._try_on(loaded)
            self._warm[version] = loaded
            self._stamps[version] = self._stamp(card)
            MODEL_RELOADS.labels(stage, "ok").inc()
        return self._warm[version]

    def _files(self, card: Card, ask_registry: bool) -> dict[str, bytes]:
        """The version's files: as published in the store, or else, if it may be asked, as the registry has them.

        What was published and is missing or damaged is put back from there.
        """
        try:
            return model_files(self._store, card)
        except (FileMissing, TableInvalid):
            if not ask_registry:
                raise
            files = self._from_registry(int(card["model_version"]))
            if with_artefact(card, files)["artefact"] == card["artefact"]:
                for name, data in files.items():
                    self._store.write(f"{card['artefact']}/{name}", data)
            return files

    def _from_registry(self, version: int) -> dict[str, bytes]:
        with tempfile.TemporaryDirectory() as folder:
            fetched = self._registry.download(version, Path(folder))
            return {path.name: path.read_bytes() for path in fetched.iterdir() if path.is_file()}

    def _earlier(self, stage: str, version: int) -> Loaded | None:
        """The latest version before this one that had the stage in a kept batch and can be read; None when there is none."""
        for batch in kept(self._store):
            other = batch.stages.get(stage, version)
            if other != version:
                with suppress(*BROKEN):
                    return self._loaded(stage, other, lambda number, batch=batch: batch.models[number], False)  # type: ignore[misc]
        return None

    def _failure(self, stage: str, version: int, error: Exception) -> str:
        known = self._failed.get(version)
        if known is None or known[1] is not error:
            self._failed[version] = (time.monotonic(), error)
            MODEL_RELOADS.labels(stage, "error").inc()
        return f"Version {version} could not be loaded as {stage}: {error or type(error).__name__}"

    def _stamp(self, card: Card) -> str:
        """A text that differs when one of the version's published files was written again, or is gone."""
        return "|".join(f"{key} {self._store.stamp(key)}" for key in self._store.list(str(card["artefact"])))

    def _look_for_damage(self) -> None:
        """Whether the published files of what serves are as they were read; a copy in memory goes on, but a start would not find them."""
        if time.monotonic() - self._checked < self._check_interval:
            return
        self._checked = time.monotonic()
        found: dict[int, str] = {}
        for stage, loaded in self.serving.models.items():
            with suppress(StorageError):
                problem = self._damage(loaded)
                if problem is not None:
                    found[loaded.version] = problem
                    MODEL_RELOADS.labels(stage, "damaged").inc()
        self.damaged = found

    def _damage(self, loaded: Loaded) -> str | None:
        stamp = self._stamp(loaded.card)
        if stamp == self._stamps.get(loaded.version):
            return None
        try:
            model_files(self._store, loaded.card)
        except (FileMissing, TableInvalid) as error:
            return f"{error} The copy in memory keeps serving; run `make pipeline` to publish the files again."
        self._stamps[loaded.version] = stamp
        return None

    def _swap(self, serving: Serving) -> None:
        before, self.serving = self.serving, serving
        if serving.versions() == before.versions() and serving.assigned == before.assigned:
            return
        for version in list(self._warm)[: max(0, len(self._warm) - WARM)]:
            if version not in serving.versions().values():
                del self._warm[version]
        _show(before, 0)
        _show(serving, 1)
        if self._on_change is not None:
            self._on_change(serving.assigned)


def _show(serving: Serving, value: int) -> None:
    for stage, loaded in serving.models.items():
        MODEL_INFO.labels(str(loaded.card.get("model_name", "")), str(loaded.version), stage).set(value)
        registered = loaded.card.get("registered_at")
        if stage == CHAMPION and value and registered:
            MODEL_REGISTERED.set(from_iso(str(registered)).timestamp())
