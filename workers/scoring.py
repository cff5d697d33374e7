"""The stages that score: every match of the window by every alias, the chain of forecasts, and drift."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from core.clock import iso
from core.errors import AliasMissing, FileMissing, LearningError, PipelineBusy, PromotionRefused, RegistryUnavailable, TableInvalid
from core.football.promotion import before, former_champion
from core.learning.batch import importance, match_features, predictions
from core.learning.comparison import scores
from core.learning.drift import drift_reports
from core.learning.models import Model, load_model
from core.serving import stage_file
from core.serving.sealing import to_seal
from core.storage import logbook, pipeline_log
from core.storage.forecast_chain import seal
from core.storage.manifest import Manifest, model_files, recipe_of
from core.storage.registry import Registry
from core.tables import EVALUATION, PREDICTIONS
from core.vocabulary import (
    BASE_RATE,
    CHAMPION,
    ELO,
    EVALUATION_FILE,
    FEATURES_FILE,
    MATCHES_FILE,
    PREDICTIONS_FILE,
    SCORES_FILE,
    SHADOW,
    STAGES,
)
from workers.log import line
from workers.registration import DECISION_SECONDS, UNDER_WAY, open_registry
from workers.walks import Walks
from workers.workplace import Figures, Workplace

NO_MODEL = "The registry has no model behind any alias. Run `make pipeline`, which registers them."


class Scored(NamedTuple):
    """A version that forecasts: its card and its model."""

    card: dict[str, Any]
    model: Model


class Roles(NamedTuple):
    """Which versions forecast: `stages` by stage, the former champion, and others in shadow."""

    stages: dict[str, int]
    former_champion: int | None
    shadow: frozenset[int]

    @property
    def versions(self) -> list[int]:
        others = self.shadow if self.former_champion is None else self.shadow | {self.former_champion}
        return sorted({*self.stages.values(), *others})

    def sealed_as(self, version: int) -> str:
        """The first stage of a version; a version with two is sealed once."""
        return next((stage for stage in STAGES if self.stages.get(stage) == version), SHADOW)


def batch_inference(place: Workplace) -> Figures:
    """Score all matches of the window by each version once, and seal the forecasts of matches to come.

    A version forecasts if it has a stage, was champion before or is where a rollback leads, or is the latest fit of a recipe. One whose
    model cannot be read any more, or takes a feature that is no longer made, is left out by name; the others go on.
    """
    now = place.now
    table = match_features(
        place.read_table(f"work/{MATCHES_FILE}"),
        place.read_table("work/features.parquet"),
        now,
        int(place.parameters["batch"]["window_days"]),
    )
    registry = open_registry(place)
    roles = _roles(place, registry)
    scored, skipped = _fetch(place, registry, roles, table)
    forecasts = PREDICTIONS.check(
        pd.concat([predictions(table, model, version, card["model_run_id"]) for version, (card, model) in scored.items()])
    )
    place.write_table(f"predictions/{FEATURES_FILE}", table, index=True)
    place.write_table(f"predictions/{PREDICTIONS_FILE}", forecasts, index=True)
    _write_record(place, registry, [card for card, _ in scored.values()])
    new = _seal(place, registry, roles, table, forecasts)
    receipt = {
        "as_of": iso(now),
        "matches": len(table),
        "predictions": len(forecasts),
        "models": {str(version): card for version, (card, _) in scored.items()},
        "stages": {stage: version for stage, version in roles.stages.items() if version in scored},
        "former_champion": roles.former_champion,
        "skipped": skipped,
    }
    place.write_json(place.receipt("batch_inference"), receipt)
    return {"matches": len(table), "upcoming": int(table["is_future"].sum()), "predictions": len(forecasts), "sealed": new}


def _seal(place: Workplace, registry: Registry, roles: Roles, table: pd.DataFrame, forecasts: pd.DataFrame) -> int:
    """Seal what each version says, under the stage that it has by now: somebody may have decided since the versions were read.

    A decision that is under way is waited for: it seals its own champion, and must not be followed by the one before.
    """
    with stage_file.held(place.database, DECISION_SECONDS) as mine:
        if not mine:
            raise PipelineBusy(UNDER_WAY)
        now_assigned = {stage: version for stage, version in registry.aliases().items() if stage in place.settings.stages}
        sealed_as = roles._replace(stages=now_assigned).sealed_as
        rows = to_seal(table, forecasts, sealed_as, as_of=place.now, now=place.now, timeline=place.settings.timeline)
        with place.database.write() as connection:
            return seal(connection, rows)


def _roles(place: Workplace, registry: Registry) -> Roles:
    aliases, decided = registry.aliases(), logbook.decisions(place.database, logbook.ALL)
    stages = {stage: aliases[stage] for stage in place.settings.stages if stage in aliases}
    champion = stages.get(CHAMPION)
    path = place.receipt("register")
    latest = place.read_json(path)["versions"].values() if path.is_file() else ()
    with suppress(PromotionRefused):
        latest = [*latest, before(champion, decided)]
    former = former_champion(champion, decided)
    if former is not None and not registry.has(former):
        former = None  # deleted since
    return Roles(stages, former, frozenset(int(version) for version in latest if registry.has(int(version))))


def _fetch(place: Workplace, registry: Registry, roles: Roles, table: pd.DataFrame) -> tuple[dict[int, Scored], dict[str, str]]:
    """By version its card and model, whose files are put below data/work/registered; and by stage why a version is left out.

    LearningError when none can forecast, AliasMissing when there is none.
    """
    folder = place.work / "registered"
    shutil.rmtree(folder, ignore_errors=True)
    found: dict[int, Scored] = {}
    skipped: dict[str, str] = {}
    for version in roles.versions:
        files = folder / str(version)
        try:
            found[version] = Scored(_fetched(place, registry, version, files), _fit_for(table, _read(files)))
        except (LearningError, AliasMissing, FileMissing, TableInvalid) as error:
            shutil.rmtree(files, ignore_errors=True)
            line("model left out", logging.WARNING, version=version, role=roles.sealed_as(version), problem=str(error))
            held = [stage for stage, number in roles.stages.items() if number == version]
            skipped |= {stage: f"Version {version}, the {stage}, is left out: {error}" for stage in held}
    if not found:
        raise LearningError(" ".join(skipped.values())) if skipped else AliasMissing(NO_MODEL)
    return found, skipped


def _fetched(place: Workplace, registry: Registry, version: int, to: Path) -> dict[str, Any]:
    """The card of a version, its model files in the folder `to`: the registry's, or, where it has lost them, those published.

    AliasMissing, FileMissing, or TableInvalid where neither has them.
    """
    try:
        registry.download(version, to)
        return registry.card(version)
    except (RegistryUnavailable, AliasMissing, FileMissing):
        published = Manifest.read(place.store).models.get(version)
        if published is None or not registry.has(version):
            raise
        to.mkdir(parents=True, exist_ok=True)
        for name, data in model_files(place.store, published).items():
            (to / name).write_bytes(data)
        return {**published, "artefact": f"models/{version}"}


def _write_record(place: Workplace, registry: Registry, cards: Sequence[Mapping[str, Any]]) -> None:
    """Write the walk-forward and the scores of each version, as they are published: see `core.tables.EVALUATION`."""
    walks, latest = Walks.read(place), place.read_json(place.work / SCORES_FILE)
    references = pd.concat([walks.of_recipe(name).assign(walk=walks.id(name) or name) for name in (ELO, BASE_RATE)], ignore_index=True)
    rows, scored = [references], {}
    for card in cards:
        version, walk = int(card["model_version"]), walks.of_card(registry, card)
        rows.append(walk.rows.assign(model_version=version, walk=walk.id))
        own = latest.get(recipe_of(card) or "") if walk.id == walks.id(recipe_of(card) or "") else _scores_of(walk.rows, references)
        scored[str(version)] = {"recipe": recipe_of(card), "walk": walk.id, **(own or {"n": 0})}
    span = {name: latest.get(name) for name in ("matches", "from", "to", ELO, BASE_RATE)}
    place.write_table(f"predictions/{EVALUATION_FILE}", EVALUATION.check(pd.concat(rows, ignore_index=True)))
    place.write_json(place.root / "data" / "predictions" / SCORES_FILE, {"versions": scored, **span})


def _scores_of(rows: pd.DataFrame, references: pd.DataFrame) -> dict[str, Any]:
    """The scores of a walk that only one version has, on the matches that it shares with the references."""
    found: dict[str, Any] = scores(pd.concat([rows.assign(recipe="own"), references], ignore_index=True)).get("own", {"n": 0})
    return found


def _fit_for(table: pd.DataFrame, model: Model) -> Model:
    """The model, if the table has all its features; LearningError names those that are not there."""
    missing = [feature.name for feature in model.features if feature.name not in table.columns]
    if missing:
        named = f"{', '.join(missing[:5])}{f' and {len(missing) - 5} more' if len(missing) > 5 else ''}"
        raise LearningError(f"it takes features that are no longer made ({named}). Promote a newer version.")
    return model


def _read(folder: Path) -> Model:
    return load_model({path.name: path.read_bytes() for path in folder.iterdir()})


def monitor_drift(place: Workplace) -> Figures:
    """Write the drift report of this moment, for the champion and beside it for every other version; and a row in its history."""
    features = place.read_table("work/features.parquet")
    inputs = (
        features,
        pd.read_parquet(place.root / "data" / "predictions" / EVALUATION_FILE),
        place.read_table(f"predictions/{PREDICTIONS_FILE}"),
    )
    played = place.read_table(f"predictions/{FEATURES_FILE}")
    played = played[~played["is_future"]]
    receipt = place.read_json(place.receipt("batch_inference"))
    champion = receipt["stages"].get(CHAMPION)
    models = {version: _read(place.work / "registered" / str(version)) for version in map(int, receipt["models"])}
    weights: dict[int | None, Mapping[str, float] | None] = {version: importance(model, played) for version, model in models.items()}
    reports = drift_reports(*inputs, place.now, weights if champion in models else {None: None, **weights})
    report = reports.pop(champion if champion in models else None)
    place.write_json(
        place.root / "reports" / "drift" / "latest.json", {**report, "versions": {str(version): one for version, one in reports.items()}}
    )
    pipeline_log.add_drift(place.database, report)
    place.write_json(place.receipt("monitor_drift"), {"as_of": report["as_of"], "drift_score": report["drift_score"]})
    return {"drift_score": report["drift_score"], "hurts": report["hurts"], "window": report["window"]["matches"]}
