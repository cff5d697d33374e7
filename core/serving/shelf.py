"""The models in memory, by stage: read at the start as the store says, then following the registry's aliases.

A new version is read and tried before it takes over; when that fails, the old one keeps serving and `failures` says why.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from core.clock import from_iso, real_now
from core.errors import AliasMissing, FileMissing, RegistryUnavailable, SoccerPredictError, StorageError, TableInvalid
from core.metrics import MODEL_INFO, MODEL_REGISTERED, MODEL_RELOADS
from core.serving import stage_file
from core.serving.batches import Batches
from core.serving.loaded import Loaded
from core.serving.model_loading import BROKEN, ModelLoader
from core.serving.stage_file import StageFile
from core.serving.steady import Steady
from core.storage.files import Store
from core.storage.manifest import Card, Manifest, kept
from core.storage.registry import Registry
from core.vocabulary import CHAMPION

POLL = 2.0  # seconds between two questions to the registry


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

    Once the thread runs, whatever is asked of the registry is asked outside of the lock: a request waits for the store at most.
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
        self._on_change, self._on_difference = on_change, on_difference
        self._batches, self._check_interval = batches or Batches(store), check_interval
        self._loader = ModelLoader(store, registry, try_on)
        self._wanted: Mapping[str, int] = {}  # the version of each stage, whether or not it can be read
        self._told: dict[str, Exception] = {}  # by stage, the failure that was counted last
        self._sought: dict[str, Exception] = {}  # by stage, the failure after which an earlier version was looked for
        self._stand_in: dict[str, int] = {}  # by stage, the version of an earlier batch that serves
        self._checked = time.monotonic()
        self._tried = float("-inf")
        self._answered = float("-inf")  # when the registry last answered, in monotonic seconds
        self._led: datetime | None = None  # when it was asked and last named aliases
        self._taken: datetime | None = None  # when what was last taken up from the store was written
        self._file_stamp: str | None = None
        self._file: StageFile | None = None
        self._lock = threading.RLock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def load(self, ask_registry: bool = True) -> None:
        """Read what the store names, or else what the registry's aliases name. At no cost once something serves.

        While the thread follows the registry nobody else asks it, and nobody waits once it has said why nothing serves.
        """
        if self.serving.models or (self._thread is not None and self.failures):
            return
        with self._lock:
            if not self.serving.models and time.monotonic() - self._tried > POLL:
                found = self._from_store()
                if ask_registry and self._thread is None:
                    self._complete(ask_registry) if found else self.follow()
                self._tried = time.monotonic()

    def follow(self) -> None:
        """Ask the registry once, and take up what moved. While it has no aliases, or is away, the store leads."""
        asked_at = real_now()
        try:
            aliases = self._registry.aliases()
        except RegistryUnavailable as error:
            self._follow_store(str(error))
            return
        self._answered, self.error = time.monotonic(), None
        wanted = {stage: aliases[stage] for stage in self._stages if stage in aliases}
        if wanted:
            with self._lock:  # first of all, and without a word to the store where the model is in memory
                self._led = asked_at
                self._take_up(wanted)
            self._read_stages()
        else:
            self._from_store()
        self._complete(ask_registry=True)
        self._look_for_damage()
        self._tell_difference(aliases)

    def card_of(self, version: int) -> Card:
        """The card of any version that the registry holds now; AliasMissing names one that it does not."""
        if not self._registry.has(version):
            raise AliasMissing(f"The registry holds no version {version}. /predict/model/info names those that serve.")
        return self._loader.card(version) or self._registry.card(version)

    def published_card(self, version: int) -> Card:
        """The card of a version as published, or as the registry gave it; empty when neither is known."""
        return self._loader.card(version) or {}

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

    def _follow_store(self, why: str) -> None:
        """While the registry is away the store leads, and nobody can be asked for model files that it lacks."""
        with self._lock:
            self._from_store()
        self._complete(ask_registry=False)
        self._look_for_damage()
        self.error = why
        for stage in self._stages:
            MODEL_RELOADS.labels(stage, "away").inc()

    def _complete(self, ask_registry: bool) -> None:
        """Get from the registry what the store lacks, or let an earlier version stand in for what cannot be had."""
        lacking = {version for version in self._wanted.values() if not self._loader.has(version)}
        if ask_registry:
            for version in lacking:
                self._loader.fetch(version)
        if lacking:
            with self._lock:
                self._take_up(self._wanted, last=True)

    def _tell_difference(self, aliases: Mapping[str, int]) -> None:
        if aliases and self._on_difference is not None and (self._file is None or dict(self._file.stages) != aliases):
            with suppress(StorageError):  # the next look tries again
                self._on_difference()

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

    def _from_store(self) -> bool:
        """Take up the versions that the stage file names, or else the published batch, if that is news. False when neither is there."""
        file, manifest = self._read_stages(), self._published()
        leading = file or manifest
        if leading is None:
            return False
        # What the registry said after that was written counts more, and so does what was taken up and is newer.
        news = all(known is None or leading.written_at > known for known in (self._taken, self._led))
        if leading.stages and (news or not self.serving.models):
            with self._lock:
                self._take_up({stage: leading.stages[stage] for stage in self._stages if stage in leading.stages})
                if all(map(self._loader.has, self._wanted.values())):  # what could not be read is tried again
                    self._taken = leading.written_at
        return True

    def _published(self) -> Manifest | None:
        """The manifest of the batch to read, all cards made known; None when there is none, and `error` says why if that is a fault."""
        manifest, file = self._manifest(), self._file
        cards = {} if file is None else file.models
        if manifest is not None:
            self._loader.publish({**cards, **manifest.models})
        elif not self.serving.models:
            self._loader.publish(cards)
        return manifest

    def _manifest(self) -> Manifest | None:
        try:
            return self._batches.manifest()
        except FileMissing:
            return None
        except SoccerPredictError as error:
            # Only a start takes an earlier batch: a process that runs goes on with what it has in memory.
            if isinstance(error, TableInvalid) and self._thread is None and not self.serving.models:
                with suppress(SoccerPredictError):
                    if self._batches.fall_back(str(error)):
                        return self._batches.manifest()
            self.error = str(error)
            return None

    def _take_up(self, wanted: Mapping[str, int], last: bool = False) -> None:
        """Let each stage serve its version; where that fails, what served before goes on.

        `last`: nobody else is asked for the version, so a failure is said, and an earlier version of the stage serves if nothing does.
        """
        self._wanted = dict(wanted)
        if any(self._loader.card(version) is None for version in wanted.values()):
            self._published()
        models: dict[str, Loaded] = {}
        failures: dict[str, str] = {}
        for stage, version in wanted.items():
            loaded, failure = self._served(stage, version, last)
            if loaded is not None:
                models[stage] = loaded
            if failure is not None:
                failures[stage] = failure
        self.failures = failures
        # What neither the batch nor the stage file knows has no forecasts, and is not told of before the registry was asked for it.
        known = {stage: version for stage, version in wanted.items() if last or stage in models or self._loader.card(version) is not None}
        assigned = {stage: models[stage].version if stage in models else version for stage, version in known.items()}
        cards = {stage: models[stage].card if stage in models else self._loader.card(version) for stage, version in wanted.items()}
        self._swap(Serving(models, {stage: {**card, "model_stage": stage} for stage, card in cards.items() if card}, assigned))

    def _served(self, stage: str, version: int, last: bool) -> tuple[Loaded | None, str | None]:
        """The model that serves a stage which is to have this version, and why it is not this version."""
        is_new = not self._loader.has(version)
        try:
            loaded = self._loader.read(version)
        except BROKEN as error:
            return self._instead(stage, version, error, last)
        self._told.pop(stage, None), self._sought.pop(stage, None), self._stand_in.pop(stage, None)
        if is_new:
            MODEL_RELOADS.labels(stage, "ok").inc()
        return loaded, None

    def _instead(self, stage: str, version: int, error: Exception, last: bool) -> tuple[Loaded | None, str | None]:
        before = self.serving.models.get(stage)
        if before is not None and not last:
            return before, self.failures.get(stage)
        if self._told.get(stage) is not error:
            self._told[stage] = error
            MODEL_RELOADS.labels(stage, "error").inc()
        if before is None and last and self._sought.get(stage) is not error:
            self._sought[stage] = error
            before = self._earlier(stage, version)
        failure = f"Version {version} could not be loaded as {stage}: {error or type(error).__name__}"
        if stage in self._stand_in:
            failure += f" Version {self._stand_in[stage]}, which was {stage} in an earlier batch, serves instead."
        return before, failure

    def _earlier(self, stage: str, version: int) -> Loaded | None:
        """The latest other version that had the stage in a kept batch and can be read; None when there is none."""
        with suppress(StorageError):
            for batch in kept(self._store):
                other = batch.stages.get(stage, version)
                if other != version:
                    with suppress(*BROKEN):
                        found = self._loader.read(other, batch.models[other])
                        self._stand_in[stage] = other
                        return found
        return None

    def _look_for_damage(self) -> None:
        """Whether the published files of what serves are as they were read; a copy in memory goes on, but a start would not find them."""
        if time.monotonic() - self._checked < self._check_interval:
            return
        self._checked = time.monotonic()
        self._published()
        found: dict[int, str] = {}
        for stage, loaded in self.serving.models.items():
            problem = self._damage(loaded)
            if problem is not None:
                found[loaded.version] = problem
                MODEL_RELOADS.labels(stage, "damaged").inc()
        self.damaged = found

    def _damage(self, loaded: Loaded) -> str | None:
        try:
            return self._loader.damage(loaded)
        except StorageError:  # the store is away, which is no news of its files
            return self.damaged.get(loaded.version)

    def _swap(self, serving: Serving) -> None:
        before, self.serving = self.serving, serving
        if serving.versions() != before.versions():
            self._loader.forget_all_but({*serving.versions().values(), *self._wanted.values()})
            _show(before, 0)
            _show(serving, 1)
        if self._on_change is not None and (serving.assigned, serving.cards) != (before.assigned, before.cards):
            self._on_change(serving.assigned)


def _show(serving: Serving, value: int) -> None:
    for stage, loaded in serving.models.items():
        MODEL_INFO.labels(str(loaded.card.get("model_name", "")), str(loaded.version), stage).set(value)
        registered = loaded.card.get("registered_at")
        if stage == CHAMPION and value and registered:
            MODEL_REGISTERED.set(from_iso(str(registered)).timestamp())
