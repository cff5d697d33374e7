"""The stages that score: every match of the window by every alias, the chain of forecasts, and drift."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import pandas as pd

from core.clock import iso, real_now
from core.errors import AliasMissing, LearningError
from core.football.competitions import earliest
from core.learning.batch import importance, match_features, predictions
from core.learning.drift import drift_report
from core.learning.models import Model, load_model
from core.settings import CHAMPION
from core.storage import pipeline_log
from core.storage.forecast_chain import Forecast, seal
from core.tables import PREDICTIONS
from workers.log import line
from workers.registration import open_registry
from workers.workplace import Figures, Workplace

NO_MODEL = "The registry has no model behind any alias. Run `make pipeline`, which registers them."
Scored = tuple[dict[str, Any], Model]


def batch_inference(place: Workplace) -> Figures:
    """Every alias over all matches of the window; what it says of those to come is sealed.

    A model that cannot be read any more, or that takes a feature which is no longer made, is left out by name; the others go on.
    """
    now = place.now
    table = match_features(
        place.read_table("work/matches.parquet"),
        place.read_table("work/features.parquet"),
        now,
        int(place.parameters["batch"]["window_days"]),
    )
    models, skipped = _fetch(place, table)
    said = [predictions(table, model, stage, card["model_version"], card["model_run_id"]) for stage, (card, model) in models.items()]
    together = PREDICTIONS.check(pd.concat(said))
    place.write_table("predictions/match_features.parquet", table, index=True)
    place.write_table("predictions/predictions.parquet", together, index=True)
    with place.database.write() as connection:
        new = seal(connection, _to_seal(place, table, together))
    receipt = {
        "as_of": iso(now),
        "matches": len(table),
        "predictions": len(together),
        "models": {s: card for s, (card, _) in models.items()},
        "skipped": skipped,
    }
    place.write_json(place.receipt("batch_inference"), receipt)
    return {"matches": len(table), "upcoming": int(table["is_future"].sum()), "predictions": len(together), "sealed": new}


def _fetch(place: Workplace, table: pd.DataFrame) -> tuple[dict[str, Scored], dict[str, str]]:
    """By stage the card and the model behind each alias, whose files are put below data/work/registered; and why others are left out.

    LearningError when none can forecast, AliasMissing when there is none.
    """
    registry, folder = open_registry(place), place.work / "registered"
    shutil.rmtree(folder, ignore_errors=True)
    aliases = registry.aliases()
    found: dict[str, Scored] = {}
    skipped: dict[str, str] = {}
    for stage in place.settings.stages:
        if stage not in aliases:
            continue
        files = registry.download(aliases[stage], folder / str(aliases[stage]))
        try:
            found[stage] = (registry.card(aliases[stage], stage), _fit_for(table, _read(files)))
        except LearningError as error:
            shutil.rmtree(files)
            skipped[stage] = f"Version {aliases[stage]}, the {stage}, is left out: {error}"
            line("model left out", logging.WARNING, stage=stage, version=aliases[stage], problem=str(error))
    if not found:
        raise LearningError(" ".join(skipped.values())) if skipped else AliasMissing(NO_MODEL)
    return found, skipped


def _fit_for(table: pd.DataFrame, model: Model) -> Model:
    """The model, if the table has all its features; LearningError names those that are not there."""
    missing = [feature.name for feature in model.features if feature.name not in table.columns]
    if missing:
        named = f"{', '.join(missing[:5])}{f' and {len(missing) - 5} more' if len(missing) > 5 else ''}"
        raise LearningError(f"it takes features that are no longer made ({named}). Promote a newer version.")
    return model


def _read(folder: Path) -> Model:
    return load_model({path.name: path.read_bytes() for path in folder.iterdir()})


def _to_seal(place: Workplace, table: pd.DataFrame, said: pd.DataFrame) -> list[Forecast]:
    """Forecasts of matches that have surely not begun: without a kick-off, those of days that have not begun where they are played."""
    now, written = place.now, iso(real_now())
    days = [earliest(code, day) for code, day in zip(table["competition_code"], table["match_date"].dt.date, strict=True)]
    begins = table["startTimeUtc"].fillna(pd.Series(pd.to_datetime(days, utc=True), table.index))
    to_come = table.index[table["is_future"] & (begins > pd.Timestamp(now))]
    rows = said.loc[said.index.isin(to_come)].reset_index()
    columns = ["match_id", "model_stage", "model_version", "proba_home", "proba_draw", "proba_away", "startTimeUtc"]
    return [
        Forecast(
            int(match_id), str(stage), int(version), home, draw, away,
            None if pd.isna(kickoff) else iso(kickoff.to_pydatetime()), iso(now), written, place.settings.timeline,
        )
        for match_id, stage, version, home, draw, away, kickoff in rows[columns].itertuples(index=False, name=None)
    ]  # fmt: skip


def monitor_drift(place: Workplace) -> Figures:
    """The drift report of this moment, and a row in its history."""
    features = place.read_table("work/features.parquet")
    table = pd.read_parquet(place.root / "data" / "predictions" / "match_features.parquet")
    card = place.read_json(place.receipt("batch_inference"))["models"].get(CHAMPION)
    model = None if card is None else _read(place.work / "registered" / str(card["model_version"]))
    report = drift_report(
        features,
        place.read_table("work/evaluation.parquet"),
        place.read_table("predictions/predictions.parquet"),
        place.now,
        recipe=model.origin.recipe if model else CHAMPION,
        importance=importance(model, table[~table["is_future"]]) if model else None,
        model_version=card["model_version"] if card else None,
    )
    place.write_json(place.root / "reports" / "drift" / "latest.json", report)
    pipeline_log.add_drift(place.database, report)
    place.write_json(place.receipt("monitor_drift"), {"as_of": report["as_of"], "drift_score": report["drift_score"]})
    return {"drift_score": report["drift_score"], "hurts": report["hurts"], "window": report["window"]["matches"]}
