"""The lookups: tables made ahead by the pipeline, kept in memory, read-only.

Features and forecasts by match, for pages, requests and workers alike. Nothing is read before the first call.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypedDict, TypeVar, Unpack

import pandas as pd

from core.clock import Clock
from core.errors import NotReady
from core.serving.batches import Batches
from core.serving.feature_table import FeatureTable
from core.serving.origins import Fetched, origin
from core.serving.parsing import Row
from core.serving.prediction_table import Forecasts, PredictionTable
from core.serving.snapshot import MAX_AGE, Held, Kept, Watch
from core.settings import Settings
from core.storage.files import Store
from core.vocabulary import CHAMPION, FEATURES_FILE, PREDICTIONS_FILE, STAGES

T = TypeVar("T")


class Lookup(Generic[T]):
    """What every lookup tells about the file behind it."""

    def __init__(self, kept: Kept[T]) -> None:
        self._kept = kept

    @property
    def computed_at(self) -> datetime | None:
        """When the file was written: aware, UTC; None while there is none."""
        held = self._kept.get()
        return None if held is None else held.written_at

    @property
    def as_of(self) -> datetime | None:
        """The moment on the timeline that the batch speaks of; for a file without a pointer, when it was written."""
        held = self._kept.get()
        return None if held is None else held.as_of or held.written_at

    @property
    def ready(self) -> bool:
        return self._kept.get() is not None

    @property
    def error(self) -> str | None:
        """Why something newer could not be taken up, in words; None while all is well."""
        return self._kept.error

    @property
    def error_since(self) -> datetime | None:
        """When that began: real time, aware, UTC; None while all is well."""
        return self._kept.error_since

    @property
    def stale(self) -> bool:
        return self.stale_reason is not None

    @property
    def stale_reason(self) -> str | None:
        return self._kept.stale_reason(self._kept.get())

    @property
    def age_seconds(self) -> float | None:
        return self._kept.age(self._kept.peek())

    def warm(self) -> None:
        """Read it now, unless it was."""
        self._kept.get()

    def refresh(self) -> None:
        """Look for something newer now; a background thread does so at the interval anyway."""
        self._kept.refresh()

    def measure(self) -> None:
        """Show the age of what is served to Prometheus; nothing is read."""
        self._kept.measure()

    def peek(self) -> Held[T] | None:
        """What is served, without reading; None while there is nothing."""
        return self._kept.peek()

    def held(self) -> Held[T]:
        """What is served; NotReady, with the next step, while there is nothing."""
        held = self._kept.get()
        if held is None:
            raise NotReady(self._kept.error or self._kept.absent or f"{self._kept.name} is being read. Try again in a moment.")
        return held


class Options(TypedDict, total=False):
    """How a lookup finds its file and follows it; a shared `watch` stands in for `check_interval`. Seconds."""

    store: Store | None
    check_interval: float
    clock: Clock | None
    max_age: float
    watch: Watch | None
    batches: Batches | None


class FeatureLookupService(Lookup[FeatureTable]):
    """The features of each match. `features_path` is a local file or an `s3://` address; without it, what `store` publishes."""

    def __init__(self, features_path: str | Path | None = None, **options: Unpack[Options]) -> None:
        super().__init__(_kept(FEATURES_FILE, features_path, FeatureTable.read, None, options))

    @property
    def features_computed_at(self) -> datetime | None:
        return self.computed_at

    def get_features(self, match_id: int) -> Row | None:
        """The features of a match by name; None when it is not in the batch. Missing values are None, and in `.missing`."""
        held = self._kept.get()
        return None if held is None else held.value.row(match_id)

    def list_matches(self) -> list[dict[str, Any]]:
        """The matches to come, by kick-off: {match_id, home_team, away_team, match_date, kickoff_utc, competition, ...}."""
        held = self._kept.get()
        return [] if held is None else [row.copy() for row in held.value.upcoming]

    def frame(self) -> pd.DataFrame:
        """Everything, by match_id: who and when, the labels, then the features. NotReady while there is nothing."""
        return self.held().value.frame.copy(deep=False)


@dataclass(frozen=True)
class Serving:
    """The forecasts that serve at one moment: what was read, and whose of it stand behind each stage. Replaced as a whole."""

    held: Held[PredictionTable]
    stages: Mapping[str, Forecasts]


class Told(NamedTuple):
    """A forecast, when the file behind it was written, and whether that file is too old: all three of one reading."""

    row: Row
    computed_at: datetime
    stale: bool


class PredictionLookupService(Lookup[PredictionTable]):
    """The forecasts of each match by each model version. Which version is the champion is decided in memory."""

    def __init__(self, predictions_path: str | Path | None = None, **options: Unpack[Options]) -> None:
        self._aliases: Mapping[str, int] = {}
        self._published: Mapping[str, int] = {}
        self.skipped: Mapping[str, str] = {}  # by stage, why its model forecast nothing in this batch
        self._serving: Serving | None = None
        self._guard = threading.Lock()  # a new file and moved aliases may come at once, from two threads
        super().__init__(_kept(PREDICTIONS_FILE, predictions_path, PredictionTable.read, self._changed, options))

    @property
    def predictions_computed_at(self) -> datetime | None:
        return self.computed_at

    def get_prediction(self, match_id: int, stage: str = CHAMPION) -> Row | None:
        """The forecast of a match by the version behind `stage`; None when there is none. Missing values are None."""
        serving = self._serving or self._first()
        forecasts = None if serving is None else serving.stages.get(stage)
        return None if forecasts is None else forecasts.row(match_id, stage)

    def of_version(self, match_id: int, version: int | None, role: str) -> Row | None:
        """The forecast of a match by a version, whether or not it has a stage; `role` is given as its `model_stage`."""
        serving = self._serving or self._first()
        forecasts = None if serving is None else serving.held.value.versions.get(version)
        return None if forecasts is None else forecasts.row(match_id, role)

    def tell(self, match_id: int, stage: str = CHAMPION) -> Told | None:
        """The same forecast, with what is to be said of the file it stands in."""
        serving = self._serving or self._first()
        forecasts = None if serving is None else serving.stages.get(stage)
        row = None if forecasts is None else forecasts.row(match_id, stage)
        if serving is None or row is None:
            return None
        return Told(row, serving.held.written_at, self._kept.stale_reason(serving.held) is not None)

    def list_matches(self, limit: int | None = None, offset: int = 0) -> list[Row]:
        """All rows, of every version, for diagnosis; `limit` of them from the one numbered `offset`.

        `model_stage` is the first stage that the version has now, or None.
        """
        return list(self.rows(limit, offset)) if self.ready else []

    def rows(self, limit: int | None = None, offset: int = 0) -> Iterator[Row]:
        """The same one by one, all of one reading; NotReady while there is nothing."""
        serving = self._serving or self._first()
        if serving is None:
            self.held()
            return iter(())
        stages = {serving.stages[stage].version: stage for stage in reversed(STAGES) if stage in serving.stages}
        return serving.held.value.all(stages, limit, offset)

    def versions(self) -> dict[str, int | None]:
        """The model version whose forecasts each stage serves."""
        serving = self._serving or self._first()
        return {} if serving is None else {stage: forecasts.version for stage, forecasts in serving.stages.items()}

    def set_aliases(self, aliases: Mapping[str, int]) -> None:
        """Serve these versions from now on. A stage whose version has no forecasts in the batch keeps the one it had."""
        with self._guard:
            self._aliases = dict(aliases)
            if self._serving is not None:
                self._serving = Serving(self._serving.held, self._resolved(self._serving.held.value))

    def frame(self) -> pd.DataFrame:
        """Every row, by match_id, columns as `core.tables.PREDICTIONS`. NotReady while there is nothing."""
        return self.held().value.frame.copy(deep=False)

    def _first(self) -> Serving | None:
        self._kept.get()  # the first call of all reads the file
        return self._serving

    def _changed(self, held: Held[PredictionTable], fetched: Fetched) -> None:
        with self._guard:
            self._published, self.skipped = fetched.aliases, fetched.skipped
            self._serving = Serving(held, self._resolved(held.value))

    def _resolved(self, table: PredictionTable) -> dict[str, Forecasts]:
        if None in table.versions:
            return {CHAMPION: table.versions[None]}
        wanted = self._aliases or self._published or table.aliases
        found = {stage: self._forecasts(table, stage, version) for stage, version in wanted.items()}
        return {stage: forecasts for stage, forecasts in found.items() if forecasts is not None}

    def _forecasts(self, table: PredictionTable, stage: str, version: int | None) -> Forecasts | None:
        """Those of this version, or else of the one that the stage had, here or when the batch was made."""
        stages = {} if self._serving is None else self._serving.stages
        before = stages[stage].version if stage in stages else None
        known = [number for number in (version, before, self._published.get(stage), table.aliases.get(stage)) if number in table.versions]
        return table.versions[known[0]] if known else None


def _kept(
    name: str, path: str | Path | None, parse: Callable[[bytes], T], on_change: Callable[[Held[T], Fetched], None] | None, options: Options
) -> Kept[T]:
    store, clock = _from_environment(path, options.get("store"), options.get("clock"))
    watch = options.get("watch") or Watch(options.get("check_interval", 60.0))
    return Kept(name, origin(path, name, store, options.get("batches")), parse, watch, clock, options.get("max_age", MAX_AGE), on_change)


def _from_environment(path: str | Path | None, store: Store | None, clock: Clock | None) -> tuple[Store | None, Clock]:
    """With neither a path nor a store: the store, and the clock, that the environment names."""
    if path is not None or store is not None:
        return store, clock or Clock()
    settings = Settings.from_environment()
    return Store.open(settings.store_url, settings.s3_endpoint), clock or settings.clock
