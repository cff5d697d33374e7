"""The models in memory, by stage: read from the published batch at the start, then following the registry's aliases.

A new version is read and tried before it takes over; when that fails, the old one keeps serving and `failures` says why.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from core.clock import from_iso, real_now
from core.errors import FileMissing, RegistryUnavailable, SoccerPredictError
from core.metrics import MODEL_INFO, MODEL_REGISTERED, MODEL_RELOADS
from core.serving.loaded import Loaded
from core.serving.origins import Pointer
from core.serving.steady import Steady
from core.settings import CHAMPION
from core.storage.files import Store
from core.storage.registry import Registry

POLL = 2.0  # seconds between two questions to the registry
PATIENCE = 15.0  # seconds until the registry is asked even if no page was served
PAUSE = 6.0  # seconds left to the first pages: the import of MLflow holds up whatever else this process does
AGAIN = 10.0  # seconds until a version that failed is tried again
WARM = 4  # versions kept beside those that serve, so that a rollback is immediate
# What a broken model can raise while it is read or tried.
BROKEN = (SoccerPredictError, ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError)

Card = Mapping[str, Any]


@dataclass(frozen=True)
class Serving:
    """What serves at one moment: by stage the model, and the card. Replaced as a whole, never changed."""

    models: Mapping[str, Loaded] = field(default_factory=dict)
    cards: Mapping[str, Card] = field(default_factory=dict)

    def versions(self) -> dict[str, int]:
        return {stage: loaded.version for stage, loaded in self.models.items()}


class Shelf:
    """`stages` are the aliases that serve; `try_on` raises for a model that must not take over; `on_change` is told of
    the versions by stage, after each change.
    """

    def __init__(
        self,
        stages: tuple[str, ...],
        store: Store,
        registry: Registry,
        try_on: Callable[[Loaded], None],
        on_change: Callable[[Mapping[str, int]], None] | None,
    ) -> None:
        self.serving = Serving()
        self.failures: Mapping[str, str] = {}
        self.error: str | None = None
        self._stages, self._store, self._registry = stages, store, registry
        self._try_on, self._on_change = try_on, on_change
        self._warm: dict[int, Loaded] = {}
        self._failed: dict[int, tuple[float, Exception]] = {}
        self._cards: dict[int, Card] = {}
        self._tried = float("-inf")
        self._answered = float("-inf")  # when the registry last answered, in monotonic seconds
        self._led: datetime | None = None  # when it last named aliases
        self._batch = ""  # the published batch whose models were last taken up
        self._lock = threading.RLock()
        self._page, self._closed = threading.Event(), threading.Event()
        self._pause = 0.0
        self._thread: threading.Thread | None = None

    def load(self, ask_registry: bool = True) -> None:
        """Read what the published batch names, or else what the registry's aliases name. At no cost once something serves."""
        if self.serving.models:
            return
        with self._lock:
            if not self.serving.models and time.monotonic() - self._tried > POLL:
                if not self._from_pointer() and ask_registry:
                    self.follow()
                self._tried = time.monotonic()

    def follow(self) -> None:
        """Ask the registry once, and take up what moved. While it has no aliases, or is away, a new batch leads."""
        try:
            aliases = self._registry.aliases()
        except RegistryUnavailable as error:
            self._from_pointer()
            self.error = str(error)
            for stage in self._stages:
                MODEL_RELOADS.labels(stage, "away").inc()
            return
        self._answered, self.error = time.monotonic(), None
        wanted = {stage: aliases[stage] for stage in self._stages if stage in aliases}
        with self._lock:
            if wanted:
                self._led = real_now()
                self._take_up(wanted, self._registry.card)
            else:
                self._from_pointer()

    def silence(self) -> float | None:
        """Seconds since the registry last answered; None while nothing follows it."""
        return None if self._thread is None else time.monotonic() - self._answered

    def start(self) -> None:
        """Follow the registry from now on, in a thread: after the first page, since MLflow's import takes the processor."""
        if self._thread is None:
            self._answered = time.monotonic()
            self._thread = threading.Thread(target=self._run, name="models", daemon=True)
            self._thread.start()

    def first_page_served(self, pause: float = PAUSE) -> None:
        """The registry may be asked from now on, after `pause` seconds."""
        if not self._page.is_set():
            self._pause = pause
            self._page.set()

    def close(self) -> None:
        self._closed.set()
        self._page.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _run(self) -> None:
        until, steady = time.monotonic() + PATIENCE, Steady("models")
        while not self._page.wait(POLL) and time.monotonic() < until:
            steady(lambda: self.load(ask_registry=False))  # a batch may be published meanwhile
        self._closed.wait(self._pause)
        while not self._closed.is_set():
            steady(self.follow)
            self._closed.wait(POLL)

    def _from_pointer(self) -> bool:
        """Take up what the published batch names, if it is news. False when there is no batch to read."""
        try:
            pointer = Pointer.read(self._store)
        except FileMissing:
            return False
        except SoccerPredictError as error:
            self.error = str(error)
            return False
        # What the registry said after the batch was written counts more than what the batch says.
        news = pointer.version != self._batch and (self._led is None or pointer.written_at > self._led)
        if pointer.models and (news or not self.serving.models):
            cards = {stage: pointer.models[stage] for stage in self._stages if stage in pointer.models}
            with self._lock:
                self._take_up({stage: card["model_version"] for stage, card in cards.items()}, lambda _, stage: cards[stage])
                if not self.failures:  # what could not be read is tried again
                    self._batch = pointer.version
        return True

    def _take_up(self, wanted: Mapping[str, int], card_of: Callable[[int, str], Card]) -> None:
        """Let each stage serve its version; where that fails, what served before goes on."""
        models: dict[str, Loaded] = {}
        failures: dict[str, str] = {}
        for stage, version in wanted.items():
            before = loaded = self.serving.models.get(stage)
            try:
                loaded = before if before is not None and before.version == version else self._loaded(stage, version, card_of)
            except BROKEN as error:
                failures[stage] = self._failure(stage, version, error)
            if loaded is not None:
                models[stage] = loaded
        self.failures = failures
        cards = {stage: models[stage].card if stage in models else self._cards.get(version, {}) for stage, version in wanted.items()}
        self._swap(Serving(models, {stage: {**card, "model_stage": stage} for stage, card in cards.items() if card}))

    def _loaded(self, stage: str, version: int, card_of: Callable[[int, str], Card]) -> Loaded:
        """This version, from memory or else from its files, tried. Raises one of BROKEN when it must not serve."""
        if version not in self._warm:
            failed = self._failed.get(version)
            if failed is not None and time.monotonic() - failed[0] < AGAIN:
                raise failed[1]
            card = self._cards[version] = card_of(version, stage)
            loaded = Loaded.read(version, card, self._files(version, str(card["artefact"])))
            self._try_on(loaded)
            self._warm[version] = loaded
            MODEL_RELOADS.labels(stage, "ok").inc()
        return self._warm[version]

    def _files(self, version: int, artefact: str) -> dict[str, bytes]:
        """The version's files: as published in the store, or else as the registry has them."""
        keys = self._store.list(artefact)
        if keys:
            return {key.removeprefix(f"{artefact}/"): self._store.read(key) for key in keys}
        with tempfile.TemporaryDirectory() as folder:
            fetched = self._registry.download(version, Path(folder))
            return {path.name: path.read_bytes() for path in fetched.iterdir() if path.is_file()}

    def _failure(self, stage: str, version: int, error: Exception) -> str:
        known = self._failed.get(version)
        if known is None or known[1] is not error:
            self._failed[version] = (time.monotonic(), error)
            MODEL_RELOADS.labels(stage, "error").inc()
        return f"Version {version} could not be loaded as {stage}: {error or type(error).__name__}"

    def _swap(self, serving: Serving) -> None:
        before, self.serving = self.serving, serving
        if serving.versions() == before.versions():
            return
        for version in list(self._warm)[: max(0, len(self._warm) - WARM)]:
            if version not in serving.versions().values():
                del self._warm[version]
        _show(before, 0)
        _show(serving, 1)
        if self._on_change is not None:
            self._on_change(serving.versions())


def _show(serving: Serving, value: int) -> None:
    for stage, loaded in serving.models.items():
        MODEL_INFO.labels(str(loaded.card.get("model_name", "")), str(loaded.version), stage).set(value)
        registered = loaded.card.get("registered_at")
        if stage == CHAMPION and value and registered:
            MODEL_REGISTERED.set(from_iso(str(registered)).timestamp())
