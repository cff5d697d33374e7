"""How each published file is read. The pipeline opens a batch with these very readers before it publishes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from core.errors import TableInvalid
from core.serving.feature_table import FeatureTable
from core.serving.parsing import by_match_id, read_json, read_parquet, refusing
from core.serving.prediction_table import PredictionTable
from core.tables import EVALUATION, MATCHES
from core.vocabulary import (
    BASE_RATE,
    DRIFT_FILE,
    ELO,
    EVALUATION_FILE,
    FEATURES_FILE,
    FORM5,
    JOINT_BOOSTED,
    MATCHES_FILE,
    PREDICTIONS_FILE,
    SCORES_FILE,
    SIX_RATINGS,
    recipe_id,
)

RECIPES = (JOINT_BOOSTED, SIX_RATINGS, FORM5, ELO, BASE_RATE)


def read_matches(data: bytes) -> pd.DataFrame:
    """The table MATCHES by ascending match id; TableInvalid."""
    with refusing(MATCHES_FILE):
        given = by_match_id(MATCHES_FILE, read_parquet(data))
        return MATCHES.check(given.reset_index())


def read_evaluation(data: bytes) -> pd.DataFrame:
    """The table EVALUATION, recipes under their present ids; TableInvalid."""
    with refusing(EVALUATION_FILE):
        table = EVALUATION.check(read_parquet(data).reset_index())
        return table.assign(recipe=table["recipe"].map(recipe_id).astype("str"))


def read_scores(data: bytes) -> dict[str, Any]:
    """The scores: under `versions` those of each version, by its number as text, under `recipes` those of a recipe or a reference.

    A file of the form before has the recipes at the top, under their former names; TableInvalid for anything else.
    """
    found = {recipe_id(name): value for name, value in read_json(SCORES_FILE, data).items()}
    recipes = {name: found.pop(name) for name in RECIPES if isinstance(found.get(name), dict)}
    versions = found.pop("versions", {})
    if not isinstance(versions, dict) or not all(isinstance(one, dict) for one in versions.values()):
        raise TableInvalid(f"{SCORES_FILE} holds no scores by version. Run the pipeline again to make it anew.")
    return {**found, "versions": versions, "recipes": recipes}


def read_drift(data: bytes) -> dict[str, Any]:
    """A drift report whose summary can be shown; TableInvalid when it is malformed."""
    with refusing(DRIFT_FILE):
        report = read_json(DRIFT_FILE, data)
        others = report.get("versions") or {}
        if not (isinstance(others, dict) and all(map(_is_report, (report, *others.values())))):
            raise TableInvalid(f"{DRIFT_FILE} holds no drift report. Run the pipeline again to make it anew.")
        return report


def _is_report(report: Any) -> bool:
    if not isinstance(report, dict):
        return False
    score = report.get("drift_score")
    share = score is None or (isinstance(score, int | float) and not isinstance(score, bool) and 0 <= score <= 1)
    features = report.get("features") or []
    named = isinstance(features, list) and all(isinstance(one, dict) and isinstance(one.get("feature"), str) for one in features)
    return share and named and all(isinstance(report.get(part), dict | None) for part in ("window", "realised"))


READERS: Mapping[str, Callable[[bytes], Any]] = {
    PREDICTIONS_FILE: PredictionTable.read,
    FEATURES_FILE: FeatureTable.read,
    MATCHES_FILE: read_matches,
    EVALUATION_FILE: read_evaluation,
    SCORES_FILE: read_scores,
    DRIFT_FILE: read_drift,
}
