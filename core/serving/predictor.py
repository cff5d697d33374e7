"""The prediction service: what a model says of one match, at once, in the process, with its checks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from core.clock import iso, real_now
from core.errors import AliasMissing, MatchUnknown, NotReady, RegistryUnavailable, UnknownStage
from core.football.outcomes import Outcome
from core.metrics import INFERENCE_DURATION, PREDICTION_CONFIDENCE, PREDICTION_DURATION
from core.serving import stage_file
from core.serving.batches import Batches
from core.serving.loaded import Floats, Loaded
from core.serving.lookups import FeatureLookupService
from core.serving.shelf import Former, Shelf
from core.settings import Settings
from core.storage.database import Database
from core.storage.files import Store
from core.storage.registry import Registry
from core.vocabulary import CHAMPION

TOO_OLD = 30.0  # seconds after which what was heard from the registry is no longer told


class PredictionService:
    """The models of every stage. UnknownStage for one that the settings do not list; NotReady where none is loaded.

    `registry` is by default the one in the settings; `features` are needed by `predict_row` and `explain` only. `on_change` is given
    the versions by stage whenever they change. With a `database`, a stage file that differs from the registry is written again.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        registry: Registry | None = None,
        *,
        features: FeatureLookupService | None = None,
        on_change: Callable[[Mapping[str, int]], None] | None = None,
        database: Database | None = None,
        batches: Batches | None = None,
    ) -> None:
        self._stages, self._features = settings.stages, features
        known = registry or Registry(settings.tracking_uri, settings.model_name)
        rewrite = None if database is None else partial(stage_file.rewrite, database, known, store)
        self._shelf = Shelf(settings.stages, store, known, self._try_on, on_change, rewrite, settings.lookup_check_interval, batches)

    def load(self, ask_registry: bool = True) -> None:
        """Load every stage's model now; at no cost when they are. NotReady when there is none to load.

        Without `ask_registry` only the published batch is asked, which takes no import of MLflow.
        """
        self._shelf.load(ask_registry)
        if not self._shelf.serving.models:
            raise NotReady(self._why_none())

    def start_background(self) -> None:
        """Follow the registry's aliases from now on."""
        self._shelf.start()

    def refresh(self) -> None:
        """Ask the registry now; the background thread does so every two seconds anyway."""
        self._shelf.follow()

    def close(self) -> None:
        self._shelf.close()

    @property
    def failures(self) -> Mapping[str, str]:
        """By stage, why the version behind its alias does not serve."""
        return self._shelf.failures

    @property
    def damaged(self) -> Mapping[int, str]:
        """By version that serves, what is the matter with its files in the store: the copy in memory is good."""
        return self._shelf.damaged

    @property
    def former_champion(self) -> Former | None:
        """The version that was champion before this one; None when nothing was decided yet."""
        return self._shelf.former

    def assigned(self) -> dict[str, int]:
        """The version of each stage, whether or not its model could be read. Reads nothing."""
        return dict(self._shelf.serving.assigned)

    @property
    def error(self) -> str | None:
        """Why the registry, or the published batch, cannot be followed; None while it can."""
        return self._shelf.error

    def silence(self) -> float | None:
        """Seconds since the registry last answered; None while nothing follows it."""
        return self._shelf.silence()

    def card(self, stage: str = CHAMPION) -> Mapping[str, Any]:
        """The card of the version behind a stage, however long ago the registry answered; empty when there is none."""
        return self._shelf.serving.cards.get(stage, {})

    def card_of(self, version: int) -> Mapping[str, Any]:
        """The card of any version; AliasMissing when the registry holds no such version, RegistryUnavailable."""
        return self._shelf.card_of(version)

    def published_card(self, version: int) -> Mapping[str, Any]:
        """The card of a version that is published; empty for any other. Asks nobody."""
        return self._shelf.published_card(version)

    def versions(self) -> dict[str, int]:
        """The model version that serves each stage. Reads nothing."""
        return self._shelf.serving.versions()

    def get_model_info(self, stage: str = CHAMPION) -> dict[str, Any]:
        """What is known of a stage's model, in the shape of `ModelInfoResponse`, from the copy in memory.

        AliasMissing when no version has this alias; RegistryUnavailable when nothing was heard for 30 seconds.
        """
        self._known(stage)
        self._shelf.load()
        silence = self.silence()
        if silence is not None and silence > TOO_OLD:
            raise RegistryUnavailable(f"The model registry was last heard {silence:.0f} seconds ago. Check MLFLOW_TRACKING_URI.")
        serving = self._shelf.serving
        if not serving.cards:
            raise NotReady(self._why_none())
        if stage not in serving.cards:
            raise AliasMissing(f"No model version is {stage} yet. `make pipeline` registers one.")
        card = serving.cards[stage]
        return {
            **{name: card.get(name) for name in ("model_name", "model_version", "model_stage", "model_run_id")},
            "metrics": dict(card.get("metrics", {})),
            "params": dict(card.get("params", {})),
            "features": [dict(feature) for feature in card.get("features", [])],
            "loaded": stage in serving.models,
            "registered_at": card.get("registered_at"),
            "title": card.get("title"),
        }

    def predict(
        self,
        features: Mapping[str, Any],
        match_id: int | None = None,
        features_computed_at: datetime | None = None,
        stage: str = CHAMPION,
    ) -> dict[str, Any]:
        """One match's probabilities, in the shape of `PredictResponse`, plain Python throughout.

        A caller's features must be exactly the model's, or FeaturesRefused names each that is not. With
        `features_computed_at` they are a row of the features file: the model takes its own columns, and None is missing.
        """
        start = time.perf_counter()
        loaded = self._ready(stage)
        row = loaded.strictly(features) if features_computed_at is None else loaded.own(features)
        answer = self._answer(loaded, stage, row)
        PREDICTION_DURATION.observe(time.perf_counter() - start)
        computed_at = None if features_computed_at is None else iso(features_computed_at)
        return {"match_id": match_id, **answer, "features_computed_at": computed_at, "predicted_at": iso(real_now())}

    def predict_row(self, match_id: int, stage: str = CHAMPION) -> dict[str, Any]:
        """The same, for a match of the features file; MatchUnknown when it is not there."""
        held = self._file().held()
        row = held.value.row(match_id)
        if row is None:
            raise MatchUnknown(match_id)
        return self.predict(row, int(match_id), held.written_at, stage)

    def explain(self, match_id: int, stage: str = CHAMPION) -> dict[str, float] | None:
        """By group of features, its part of the log-odds of a home win, against the average match of the same competition;
        None for a match that is not in the features file."""
        loaded, table = self._ready(stage), self._file().held().value
        row, average = table.row(match_id), table.average(match_id)
        if row is None or average is None:
            return None
        return loaded.model.explain(loaded.own(row)[0], loaded.own(average)[0])

    def _file(self) -> FeatureLookupService:
        if self._features is None:
            raise TypeError("this needs the features lookup")
        return self._features

    def _answer(self, loaded: Loaded, stage: str, row: Floats) -> dict[str, Any]:
        start = time.perf_counter()
        home, draw, away = loaded.model.predict(row)[0].tolist()
        INFERENCE_DURATION.observe(time.perf_counter() - start)
        said = (home, draw, away).index(max(home, draw, away))
        label = Outcome(said).label
        PREDICTION_CONFIDENCE.labels(label).observe(max(home, draw, away))
        return {
            "predicted_class": said,
            "predicted_label": label,
            "proba_home": home,
            "proba_draw": draw,
            "proba_away": away,
            "model_name": loaded.card.get("model_name"),
            "model_version": loaded.version,
            "model_run_id": loaded.card.get("model_run_id"),
            "model_stage": stage,
        }

    def _known(self, stage: str) -> None:
        if stage not in self._stages:
            raise UnknownStage(stage, self._stages)

    def _ready(self, stage: str) -> Loaded:
        """The model of a stage, loaded on first use."""
        loaded = self._shelf.serving.models.get(stage)
        if loaded is None:
            self._known(stage)
            self._shelf.load()
            loaded = self._shelf.serving.models.get(stage)
        if loaded is None:
            raise NotReady(self.failures.get(stage) or f"No model serves as {stage} yet. {self._why_none()}")
        return loaded

    def _why_none(self) -> str:
        failed = next(iter(self.failures.values()), None)
        return failed or self.error or "No model was published yet. Run `make pipeline` to train and publish one."

    def _try_on(self, loaded: Loaded) -> None:
        """A new model must also take a real row, where there is one: the features file may lack its columns."""
        held = None if self._features is None else self._features.peek()
        if held is not None and len(held.value.ids):
            row = held.value.row(int(held.value.ids[-1]))
            loaded.try_on(loaded.own(row or {}))
