"""What each task does. A body takes JSON values and gives them back; the recorder writes down how it ended."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from core.clock import from_iso
from core.errors import NotReady, QueueError, StorageError
from core.football.judging import Judged
from core.serving import stage_file
from core.serving.predictor import PredictionService
from core.serving.sealing import seal_champion
from core.serving.version_comparison import judge_published
from core.settings import Settings
from core.storage import replay
from core.storage.database import Database
from core.storage.exports import to_parquet
from core.storage.files import Store
from core.storage.registry import Registry
from core.vocabulary import CHAMPION
from workers.jobs import Jobs
from workers.log import line
from workers.promotions import Promotions
from workers.refreshing import advance, refresh, retrain


class Tasks:
    """The bodies, with the clients they need: made once per process, at its start."""

    def __init__(self, models: PredictionService, database: Database, store: Store, registry: Registry, settings: Settings) -> None:
        self.models = models
        self.database = database
        self.store = store
        self.registry = registry
        self.settings = settings
        self.promotions = Promotions(database, registry, self._judge, self._moved)

    @classmethod
    def open(cls, settings: Settings, database: Database) -> Tasks:
        store = Store.open(settings.store_url, settings.s3_endpoint)
        registry = Registry(settings.tracking_uri, settings.model_name)
        models = PredictionService(settings, store, registry, on_change=_tell, database=database)
        return cls(models, database, store, registry, settings)

    def _judge(self, champion: int | None, version: int) -> Judged:
        """What the gate says of a version against the champion, by the batch that is published now."""
        return judge_published(self.store, self.database, self.registry, self.settings.timeline, champion, version)

    def _moved(self, version: int) -> None:
        """A version is champion: the store says so, and its forecasts of matches to come are sealed as the champion's.

        Where one of the two is not possible now, a run of the pipeline makes up for it.
        """
        sealed = None
        try:
            stage_file.write(self.database, self.registry, self.store)
            now = replay.clock(self.database, self.settings.clock).now()
            sealed = seal_champion(self.store, self.database, version, now, self.settings.timeline)
        finally:
            if sealed is None:
                self._refresh()

    def _refresh(self) -> None:
        jobs = Jobs.open(self.settings, self.database)
        with suppress(QueueError):  # the refresher asks at its next turn anyway
            jobs.refresh()
        jobs.close()

    def bodies(self) -> Mapping[str, Callable[..., Any]]:
        """Each task's name and what it does."""
        return {
            "predict_match": self.predict_match,
            "get_model_info": self.get_model_info,
            "export_data_raw": self.export_data_raw,
            "promote": self.promotions.promote,
            "rollback": self.promotions.rollback,
            "refresh": refresh,
            "retrain": retrain,
            "advance": advance,
        }

    def load(self) -> None:
        """Load every stage's model now, so that no task waits for it, and follow the registry from then on.

        Without a published batch the worker starts all the same.
        """
        try:
            self.models.load(ask_registry=False)
        except NotReady as error:
            line("no model yet", logging.WARNING, trouble=str(error))
        self.models.start_background()
        threading.Thread(target=self._prepare, name="registry", daemon=True).start()

    def _prepare(self) -> None:
        """Import MLflow now: a promotion need not wait for it."""
        with suppress(StorageError):
            self.registry.prepare()

    def versions(self) -> Mapping[str, int]:
        """The model version held for each stage."""
        return self.models.versions()

    def predict_match(
        self, match_id: int, features: Mapping[str, Any], features_computed_at: str | None = None, model_stage: str | None = None
    ) -> dict[str, Any]:
        """One match's probabilities, in the shape of `PredictResponse`; no stage means the champion."""
        computed_at = None if features_computed_at is None else from_iso(features_computed_at)
        return self.models.predict(dict(features), match_id=match_id, features_computed_at=computed_at, stage=model_stage or CHAMPION)

    def get_model_info(self, model_stage: str | None = None) -> dict[str, Any]:
        """What is known of a stage's model, in the shape of `ModelInfoResponse`."""
        return self.models.get_model_info(model_stage or CHAMPION)

    def export_data_raw(self, name_table: str) -> dict[str, Any]:
        """One table of the database as a Parquet file in the store, whole or not at all: {name_table, rows, bytes, location}."""
        data, rows = to_parquet(self.database, name_table)
        key = f"exports/{name_table}.parquet"
        self.store.write(key, data)
        return {"name_table": name_table, "rows": rows, "bytes": len(data), "location": self.store.location(key)}


def _tell(versions: Mapping[str, int]) -> None:
    line("models", versions=dict(versions))
