"""Names that several rooms share and that mean one thing each: stages, recipes, task states, files of a batch.

A *stage* is the role of a model in serving (the registry calls it an alias), a *recipe* is how a model is made, and a *version* is
one fitted artefact. The three are independent: a promotion moves a stage from one version to another, whatever their recipes.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

Stage = Literal["champion", "challenger", "baseline"]
CHAMPION: Final = "champion"
CHALLENGER: Final = "challenger"
BASELINE: Final = "baseline"
STAGES: tuple[Stage, ...] = get_args(Stage)
FORMER_CHAMPION: Final = "former_champion"  # a role in which a version is shown, and no stage: the version that was champion before
# How a forecast is recorded that is made by a version without a stage: the former champion, or the latest fit of a recipe.
SHADOW: Final = "shadow"

RecipeId = Literal["joint_boosted", "six_ratings", "form5", "elo"]
JOINT_BOOSTED: Final = "joint_boosted"
SIX_RATINGS: Final = "six_ratings"
FORM5: Final = "form5"
ELO: Final = "elo"
BASE_RATE: Final = "base_rate"  # not a recipe: how often each outcome occurred before; a reference beside the recipes
# Until November 2026 recipes were named for the stage that they had in the first run. Stored models and batches may still say so.
_FORMER_RECIPE_IDS = {"champion": JOINT_BOOSTED, "challenger": SIX_RATINGS, "baseline": FORM5}

TaskState = Literal["PENDING", "STARTED", "RETRY", "SUCCESS", "FAILURE", "REVOKED", "LOST", "EXPIRED"]
TASK_STATES: tuple[TaskState, ...] = get_args(TaskState)

PREDICTIONS_FILE: Final = "predictions.parquet"
FEATURES_FILE: Final = "match_features.parquet"
MATCHES_FILE: Final = "matches.parquet"
EVALUATION_FILE: Final = "evaluation.parquet"
SCORES_FILE: Final = "scores.json"
DRIFT_FILE: Final = "drift.json"
BATCH_FILES = (PREDICTIONS_FILE, FEATURES_FILE, MATCHES_FILE, EVALUATION_FILE, SCORES_FILE, DRIFT_FILE)


def recipe_id(name: str) -> str:
    """The id of a recipe by its present or former name; any other name is returned as it is."""
    return _FORMER_RECIPE_IDS.get(name, name)
