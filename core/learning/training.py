"""The recipes: which features, which form of model, how it is fitted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize

from core.errors import LearningError
from core.football.outcomes import Outcome
from core.learning.features import FORM, labelled
from core.learning.models import Feature, Model, MultinomialLogit, OrderedLogit, Origin, Sum, product, sigmoid

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FEWEST = 30  # matches below which no recipe is fitted
HALF_LIFE_OF_E = 8 * 365.25  # days in which a match's weight falls to 1/e
RIDGE = 1.0

Term = tuple[str, ...]
SEX = Feature("sex", "integer")


@dataclass(frozen=True)
class Recipe:
    """A way to make a model from a table of features: its title for people, its features, its fit."""

    title: str
    features: tuple[Feature, ...]
    fit: Callable[[Recipe, pd.DataFrame, Origin], Model]
    edge: tuple[Term, ...] = ()
    width: tuple[Term, ...] = ()


def fit(recipe: str, table: pd.DataFrame) -> Model:
    """A model by this recipe, fitted on the labelled rows of a features table; LearningError where there are too few."""
    found = RECIPES.get(recipe)
    if found is None:
        raise LearningError(f"There is no recipe {recipe!r}. Choose one of {', '.join(RECIPES)}.")
    rows = labelled(table)
    missing = [outcome.label for outcome in Outcome if not (rows["outcome"] == outcome).any()]
    if len(rows) < FEWEST or missing:
        what = f"holds no {missing[0].replace('_', ' ')}" if missing else f"has {len(rows)}"
        raise LearningError(f"The training table {what}; a recipe needs {FEWEST} played matches and all three outcomes. Load more matches.")
    first, last = rows["date"].min(), rows["date"].max()
    origin = Origin(recipe, f"{first:%Y-%m-%d}", f"{last + pd.Timedelta(days=1):%Y-%m-%d}", len(rows))
    return found.fit(found, rows, origin)


def inputs(table: pd.DataFrame, features: list[Feature] | tuple[Feature, ...]) -> Floats:
    """The columns of these features, shape (n, k)."""
    rows: Floats = table[[feature.name for feature in features]].to_numpy(np.float64)
    return rows


def _by_age(rows: pd.DataFrame) -> Floats:
    """A weight for each match: 1 for the latest, 1/e after eight years."""
    days = (rows["date"].max() - rows["date"]).dt.days.to_numpy(np.float64)
    weights: Floats = np.exp(-days / HALF_LIFE_OF_E)
    return weights


def _means(rows: Floats, weights: Floats) -> Floats:
    there = ~np.isnan(rows)
    total = (there * weights[:, None]).sum(axis=0)
    means: Floats = (np.where(there, rows, 0.0) * weights[:, None]).sum(axis=0) / np.where(total > 0, total, 1.0)
    return means


def _fit_ordered(recipe: Recipe, table: pd.DataFrame, origin: Origin) -> Model:
    """Weighted maximum likelihood with a small ridge on every term but the constant width."""
    weights, outcomes = _by_age(table), table["outcome"].to_numpy(np.int64)
    rows = inputs(table, recipe.features)
    means = _means(rows, weights)
    rows = np.where(np.isnan(rows), means, rows)
    edge, width = _columns(recipe, recipe.edge, rows), _columns(recipe, recipe.width, rows)
    scales = [np.sqrt((columns**2).mean(axis=0)) for columns in (edge, width)]
    scales = [np.where(scale > 0, scale, 1.0) for scale in scales]
    fitted = _likeliest(edge / scales[0], width / scales[1], outcomes, weights) / np.concatenate(scales)
    split = len(recipe.edge)
    return OrderedLogit(
        recipe.title,
        list(recipe.features),
        means,
        _sum(recipe, recipe.edge, fitted[:split]),
        _sum(recipe, recipe.width, fitted[split:]),
        origin,
    )


def _places(recipe: Recipe, term: Term) -> tuple[int, ...]:
    names = [feature.name for feature in recipe.features]
    return tuple(names.index(name) for name in term)


def _columns(recipe: Recipe, terms: tuple[Term, ...], rows: Floats) -> Floats:
    return np.column_stack([product(rows, _places(recipe, term)) for term in terms])


def _sum(recipe: Recipe, terms: tuple[Term, ...], weights: Floats) -> Sum:
    return Sum({_places(recipe, term): float(weight) for term, weight in zip(terms, weights, strict=True)})


def _likeliest(edge: Floats, width: Floats, outcomes: Ints, weights: Floats) -> Floats:
    split = edge.shape[1]
    free = np.ones(split + width.shape[1])
    free[split] = 0.0  # the constant width is not pulled towards anything

    def loss(numbers: Floats) -> tuple[float, Floats]:
        by_edge, half = edge @ numbers[:split], np.exp(width @ numbers[split:])
        home, away = sigmoid(by_edge - half), sigmoid(-by_edge - half)
        value, at_edge, at_half = _surprise(home, away, outcomes)
        slope = np.concatenate([edge.T @ (weights * at_edge), width.T @ (weights * at_half * half)])
        return float(weights @ value + RIDGE * (free * numbers**2).sum() / 2), slope + RIDGE * free * numbers

    start = np.zeros(len(free))
    start[split] = -0.5
    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500, "ftol": 1e-12, "gtol": 1e-7}).x)


def _surprise(home: Floats, away: Floats, outcomes: Ints) -> tuple[Floats, Floats, Floats]:
    """Minus the log chance of what happened, and its slopes along the edge and along half the draw's width."""
    draw = np.maximum(1 - home - away, 1e-12)
    by_home, by_away = home * (1 - home), away * (1 - away)
    options = [outcomes == Outcome.HOME, outcomes == Outcome.DRAW]
    value = -np.log(np.maximum(np.select(options, [home, draw], away), 1e-15))
    at_edge = np.select(options, [home - 1, (by_home - by_away) / draw], 1 - away)
    at_half = np.select(options, [1 - home, -(by_home + by_away) / draw], 1 - away)
    return value, at_edge, at_half


def _fit_multinomial(recipe: Recipe, table: pd.DataFrame, origin: Origin) -> Model:
    """scikit-learn's multinomial logit on standardised features; a missing value stands at the mean."""
    from sklearn.linear_model import LogisticRegression

    weights = _by_age(table)
    rows = inputs(table, recipe.features)
    means = _means(rows, weights)
    centred = np.where(np.isnan(rows), 0.0, rows - means)
    scale = np.sqrt((centred**2).mean(axis=0))
    scale = np.where(scale > 0, scale, 1.0)
    learner: Any = LogisticRegression
    fitted = learner(C=1 / RIDGE, max_iter=500).fit(centred / scale, table["outcome"].to_numpy(np.int64), sample_weight=weights)
    slopes = fitted.coef_.T / scale[:, None]
    return MultinomialLogit(recipe.title, list(recipe.features), means, slopes, fitted.intercept_ - means @ slopes, origin)


def _features(*names: str) -> tuple[Feature, ...]:
    return tuple(Feature(name) for name in names)


RECIPES: dict[str, Recipe] = {
    "champion": Recipe(
        "Elo, ordered logit",
        (*_features("elo_diff", "elo_fast_diff", "home_ground"), SEX),
        _fit_ordered,
        edge=(("elo_diff",), ("elo_fast_diff",), ("home_ground",), ("home_ground", "sex")),
        width=((), ("sex",)),
    ),
    "challenger": Recipe(
        "Pi-ratings, ordered logit",
        (*_features("pi_diff", "home_ground"), SEX),
        _fit_ordered,
        edge=(("pi_diff",), ("home_ground",), ("home_ground", "sex")),
        width=((), ("sex",)),
    ),
    "baseline": Recipe("Form of the last five, logit", (*_features(*FORM), SEX), _fit_multinomial),
}
