"""What each task does. A body takes JSON values and gives them back; the recorder writes down how it ended."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from core.clock import from_iso
from core.errors import NotReady
from core.serving.predictor import PredictionService
from core.settings import CHAMPION, Settings
from core.storage.database import Database
from core.storage.exports import to_parquet
from core.storage.files import Store
from core.storage.registry import Registry
from workers.log import line
from workers.promotions import Promotions
from workers.refreshing import advance, refresh, retrain


class Tasks:
    """The bodies, with the clients they need: made once per process, at its start."""

    def __init__(self, models: PredictionService, database: Database, store: Store, registry: Registry) -> None:
        self.models = models
        self.database = database
        self.store = store
        self.promotions = Promotions(database, registry)

    @classmethod
    def open(cls, settings: Settings, database: Database) -> Tasks:
        store = Store.open(settings.store_url, settings.s3_endpoint)
        registry = Registry(settings.tracking_uri, settings.model_name)
        return cls(PredictionService(settings, store, registry, on_change=_tell), database, store, registry)

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
        self.models.start_background(wait_for_page=False)

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
