"""How learners are fitted: maximum likelihood with a small ridge, and trees grown from a logit's scores."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from core.learning.learners import Boosted, Cautious, Floats, Ints, Learner, Logit, Ordered, Paired, Scale, expit, softmax
from core.learning.trees import Trees

Fit = Callable[[Floats, Ints, Floats], Learner]  # of rows, outcomes and weights
RIDGE = 5.0
TREES: dict[str, object] = {
    "objective": "multiclass", "num_class": 3, "learning_rate": 0.03, "max_depth": 3, "num_leaves": 8, "lambda_l2": 50.0,
    "feature_fraction": 0.5, "bagging_fraction": 0.7, "bagging_freq": 1, "min_data_in_leaf": 200, "boost_from_average": False,
    "verbosity": -1, "num_threads": 1, "deterministic": True, "force_row_wise": True, "seed": 1,
}  # fmt: skip


def ages(days: Ints, until: int, memory: float) -> Floats:
    """The weight of matches of these days for a fit on the day `until`: exp(-age / `memory` years)."""
    weights: Floats = np.exp((days - until) / (365.25 * memory))
    return weights


def logit(rows: Floats, outcomes: Ints, weights: Floats) -> Logit:
    scale = Scale.of(rows)
    return Logit(scale, _newton(scale.apply(rows), outcomes, weights))


def _newton(rows: Floats, outcomes: Ints, weights: Floats) -> Floats:
    """Newton's method on the penalised likelihood (Hastie, Tibshirani, Friedman 2009, section 4.4); ones are not shrunk."""
    width = rows.shape[1]
    target = np.eye(3)[outcomes][:, [0, 2]]
    penalty = np.full(2 * width, RIDGE)
    penalty[[0, width]] = 1e-9
    beta = np.zeros(2 * width)
    for _ in range(25):
        chances = softmax(np.column_stack([rows @ beta[:width], np.zeros(len(rows)), rows @ beta[width:]]))[:, [0, 2]]
        error = weights[:, None] * (chances - target)
        slope = (rows.T @ error).T.ravel() + penalty * beta
        first, second = chances[:, 0], chances[:, 1]
        own, other, across = (
            rows.T @ (rows * (weights * curve)[:, None]) for curve in (first * (1 - first), second * (1 - second), -first * second)
        )
        move = np.linalg.solve(np.block([[own, across], [across, other]]) + np.diag(penalty), slope)
        beta -= move
        if np.abs(move).max() < 1e-8:
            break
    return np.column_stack([beta[:width], np.zeros(width), beta[width:]])


def ordered(rows: Floats, outcomes: Ints, weights: Floats) -> Ordered:
    from scipy.optimize import minimize

    scale = Scale.of(rows)
    start = np.concatenate([[-0.8, 0.1], np.zeros(rows.shape[1])])
    found = minimize(_ordered_loss, start, (scale.apply(rows)[:, 1:], outcomes, weights), "L-BFGS-B", True)
    low, width = float(found.x[0]), float(np.exp(found.x[1]))
    return Ordered(scale, found.x[2:], (low, low + width))


def _ordered_loss(free: Floats, rows: Floats, outcomes: Ints, weights: Floats) -> tuple[float, Floats]:
    """Penalised minus log-likelihood and its gradient; `free` holds the lower cut, the log of the gap, the coefficients."""
    low, gap, beta = free[0], np.exp(free[1]), free[2:]
    level = rows @ beta
    under, above = expit(low - level), expit(low + gap - level)
    draw = np.maximum(above - under, 1e-12)
    home, away = outcomes == 0, outcomes == 2
    chance = np.where(home, 1 - above, np.where(away, under, draw))
    slope_low, slope_high = under * (1 - under), above * (1 - above)
    by_low = np.where(home, 0.0, np.where(away, slope_low, -slope_low)) / np.maximum(chance, 1e-12)
    by_high = np.where(home, -slope_high, np.where(away, 0.0, slope_high)) / np.maximum(chance, 1e-12)
    total = by_low + by_high
    loss = -float(weights @ np.log(np.maximum(chance, 1e-12))) + RIDGE / 2 * float(beta @ beta)
    gradient = np.concatenate([[-(weights @ total), -(weights @ by_high) * gap], rows.T @ (weights * total) + RIDGE * beta])
    return loss, gradient


def boosted(rows: Floats, outcomes: Ints, weights: Floats, linear: int, rounds: int) -> Boosted:
    """The first `linear` columns go to the logit, all of them to the trees, of which there are three a round."""
    import lightgbm as lgb

    first = logit(rows[:, :linear], outcomes, weights)
    data = lgb.Dataset(rows, outcomes, weight=weights, init_score=first.scores(rows[:, :linear]))
    grown = lgb.train(dict(TREES), data, rounds)
    return Boosted(first, Trees.read(grown.model_to_string()), linear)


def paired(rows: Floats, outcomes: Ints, weights: Floats, linear: int, first: int, rounds: int) -> Paired:
    """The first `first` columns go to the boosted logit, the others to the ordered one."""
    grown = boosted(rows[:, :first], outcomes, weights, linear, rounds)
    return Paired(grown, ordered(rows[:, first:], outcomes, weights), first)


def cautious(
    rows: Floats, outcomes: Ints, weights: Floats, fit: Callable[[Floats, Ints, Floats], Learner], first: int, ground: int
) -> Cautious:
    """`fit` on the `first` columns; `ground` is the place of that column, and the last ones are NEWCOMERS."""
    return Cautious(fit(rows[:, :first], outcomes, weights), first, ground)
