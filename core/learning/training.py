"""A recipe and a table of features make a model: a part for each kind of football, fitted on the matches of its kind."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import LearningError
from core.football.outcomes import Outcome
from core.learning import models, recipe
from core.learning.features import labelled
from core.learning.fitting import ages
from core.learning.kinds import days
from core.learning.learners import Learner, Wide
from core.learning.models import Feature, Model, Origin
from core.learning.recipe import RECIPES, Recipe
from core.learning.threads import one_thread
from core.vocabulary import recipe_id

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FEWEST = 300  # matches of a kind of football below which no recipe is fitted
WHOLE = frozenset({"sex", "national"})


def known_recipe(name: str) -> Recipe:
    """The recipe with this id, or this former name; LearningError when there is none."""
    found = RECIPES.get(recipe_id(name))
    if found is None:
        raise LearningError(f"There is no recipe {name!r}. Choose one of {', '.join(RECIPES)}.")
    return found


def fit(name: str, table: pd.DataFrame) -> Model:
    """A model by this recipe, fitted on the labelled rows of a features table; LearningError where there are none.

    A kind of football with too few matches gets a wide forecast, and the model says so.
    """
    found, rows = known_recipe(name), labelled(table)
    if rows.empty:
        raise LearningError("The training table holds no played match. Load matches first.")
    first, last = rows["date"].min(), rows["date"].max() + pd.Timedelta(days=1)
    until = int(days(pd.Series([last]))[0])
    parts = tuple(_part(part, rows[part.own(rows)], until) for part in found.parts)
    features = [Feature(name, "integer" if name in WHOLE else "double") for name in found.features]
    return Model(found.title, features, parts, Origin(recipe_id(name), f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}", len(rows)))


def _part(part: recipe.Part, own: pd.DataFrame, until: int) -> models.Part:
    rows = part.rows(own)
    learner = learn(part, rows, own["outcome"].to_numpy(np.int64), days(own["date"]), until)
    means = rows.mean(axis=0) if len(rows) else np.zeros(len(part.takes))
    return models.Part(part.name, part.where, part.takes, means, learner, len(rows))


def learn(part: recipe.Part, rows: Floats, outcomes: Ints, played: Ints, until: int) -> Learner:
    """Fitted on matches of the days `played`, all before the day `until`; wide where there are too few to fit anything."""
    recent = played >= part.since(until)
    if recent.sum() < FEWEST or len(np.unique(outcomes[recent])) < len(Outcome):
        counts = np.bincount(outcomes[recent], minlength=len(Outcome)).tolist()
        return Wide(tuple(counts), part.takes.index("ground") if "ground" in part.takes else None)
    with one_thread():
        return part.fit(rows[recent], outcomes[recent], ages(played[recent], until, part.memory))


def inputs(table: pd.DataFrame, features: list[Feature]) -> Floats:
    """The columns of these features, shape (n, k)."""
    rows: Floats = table[[feature.name for feature in features]].to_numpy(np.float64)
    return rows
