"""The stages from the source to the models: read, call core, write. Each returns its figures for the log."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

import pandas as pd

from core.learning.comparison import scores
from core.learning.features import build_on, labelled
from core.learning.leaks import covers, leak_test
from core.learning.recipe import SERVED
from core.learning.training import FEWEST, fit
from core.learning.walk import base_rates, evaluated
from core.storage import match_rows
from core.vocabulary import ELO, EVALUATION_FILE, SCORES_FILE
from workers.ingesting import bundled, gather
from workers.remembered import forget, recall, remember
from workers.walks import WALKS_FILE, walk_ids
from workers.workplace import Figures, Workplace


def ingest(place: Workplace) -> Figures:
    """Matches into the database: the bundled ones as far as a replay's clock allows, or what the sources tell. MATCHES as a work file."""
    if place.settings.timeline == "real":
        gather(place)
    else:
        bundled(place)
    frame = match_rows.matches_frame(place.database)
    place.write_table("work/matches.parquet", frame)
    figures = asdict(match_rows.receipt(place.database, frame))
    place.write_json(place.receipt("ingest"), figures)
    return figures


def featurize(place: Workplace) -> Figures:
    """Features of every match, and the part of them that models may learn from: played before the cut."""
    memory = recall(place)
    matches = place.read_table("work/matches.parquet")
    features, checkpoints = build_on(matches, place.now.date(), memory)
    forget(place)
    training = labelled(features)
    training = training[training["date"] < pd.Timestamp(place.cut)].reset_index(drop=True)
    place.write_table("work/features.parquet", features)
    place.write_table("work/training.parquet", training)
    place.write_json(place.work / "data.json", _told(place, matches, training, memory is not None))
    remember(place, checkpoints)
    return {"matches": len(features), "training": len(training), "cut": place.cut.isoformat(), "from_memory": memory is not None}


def _told(place: Workplace, matches: pd.DataFrame, training: pd.DataFrame, same_code: bool) -> dict[str, Any]:
    """Which data models are fitted on, and what the leak test said of the code that made them."""
    leak = _leak(place, matches) if same_code else leak_test(matches)
    rows = pd.util.hash_pandas_object(training).to_numpy().tobytes()
    return {"training": hashlib.sha256(rows).hexdigest(), "cut": place.cut.isoformat(), "leak": leak}


def _leak(place: Workplace, matches: pd.DataFrame) -> dict[str, Any]:
    """The last run's leak test, if it speaks of these matches too; or else a new one."""
    path = place.work / "data.json"
    kept: dict[str, Any] = place.read_json(path)["leak"] if path.is_file() else {"ok": False}
    return kept if covers(kept, matches) else leak_test(matches)


def train(place: Workplace) -> Figures:
    """Each recipe, fitted on the training table; and walked forward through its last seasons, for the record."""
    training = place.read_table("work/training.parquet")
    models = place.work / "models"
    shutil.rmtree(models, ignore_errors=True)
    for recipe in SERVED:
        (models / recipe).mkdir(parents=True)
        for name, data in fit(recipe, training).to_files().items():
            (models / recipe / name).write_bytes(data)
    since = _evaluated_since(training, int(place.parameters["evaluation"]["seasons"]))
    evaluation = pd.concat([evaluated(training, (*SERVED, ELO), since), base_rates(training, since)], ignore_index=True)
    found = scores(evaluation)
    place.write_table(f"work/{EVALUATION_FILE}", evaluation)
    place.write_json(place.work / SCORES_FILE, found | _span(evaluation))
    place.write_json(place.work / WALKS_FILE, walk_ids(place, training, (*SERVED, ELO)))
    return {"recipes": len(SERVED), "evaluated": evaluation["match_id"].nunique(), "since": since.isoformat(), **_rps(found)}


def _evaluated_since(training: pd.DataFrame, seasons: int) -> date:
    """The first of July with which the last `seasons` seasons begin, or later: when enough was played to learn from."""
    last = training["date"].max()
    begin = date(last.year - seasons + (last.month >= 7), 7, 1)
    known = training["date"].sort_values(ignore_index=True)
    enough = known[min(FEWEST, len(known) * 2 // 3)] + pd.offsets.MonthBegin(1)
    return max(begin, date(enough.year, enough.month, 1))


def _span(evaluation: pd.DataFrame) -> Figures:
    matches = evaluation["match_id"].nunique()
    first, last = (f"{day:%Y-%m-%d}" if matches else None for day in (evaluation["date"].min(), evaluation["date"].max()))
    return {"matches": matches, "from": first, "to": last}


def _rps(found: Mapping[str, Any]) -> Figures:
    return {f"rps_{recipe}": round(found[recipe]["rps"]["point"], 4) for recipe in (*SERVED, ELO) if found.get(recipe, {}).get("n")}
