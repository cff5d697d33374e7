"""Learners that turn numbers known before a match into the chances of home, draw and away."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from core.football.outcomes import floored

if TYPE_CHECKING:
    import lightgbm as lgb

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def softmax(scores: Floats) -> Floats:
    """Rows of scores as rows of chances."""
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    found: Floats = raised / raised.sum(axis=1, keepdims=True)
    return found


def ages(days: Ints, until: int, half: float) -> Floats:
    """The weight of matches of these days for a fit on the day `until`: exp(-age / `half` years)."""
    weights: Floats = np.exp((days - until) / (365.25 * half))
    return weights


def summed(rows: Floats, beta: Floats) -> Floats:
    """`rows @ beta`, column by column: a match then gets the same bits whatever other matches are asked with it, which a
    matrix product does not promise.
    """
    total: Floats = np.zeros((len(rows), beta.shape[1]))
    for column, slopes in zip(rows.T, beta, strict=True):
        total += column[:, None] * slopes
    return total


@dataclass(frozen=True)
class Scale:
    """Mean and spread of each column, from the rows of the fit."""

    mean: Floats
    spread: Floats

    @classmethod
    def of(cls, rows: Floats) -> Scale:
        spread = rows.std(axis=0)
        return cls(rows.mean(axis=0), np.where(spread > 1e-9, spread, 1.0))

    def apply(self, rows: Floats) -> Floats:
        """Standardised, with a column of ones in front."""
        return np.column_stack([np.ones(len(rows)), (rows - self.mean) / self.spread])


@dataclass(frozen=True)
class Logit:
    """A standardised multinomial logit; the draw is the reference."""

    scale: Scale
    beta: Floats  # shape (columns + 1, 3)

    @classmethod
    def fit(cls, rows: Floats, outcomes: Ints, weights: Floats, ridge: float = 5.0) -> Logit:
        scale = Scale.of(rows)
        return cls(scale, _newton(scale.apply(rows), outcomes, weights, ridge))

    def scores(self, rows: Floats) -> Floats:
        return summed(self.scale.apply(rows), self.beta)

    def predict(self, rows: Floats) -> Floats:
        return floored(softmax(self.scores(rows)))

    def text(self) -> str:
        """As JSON; floats survive exactly."""
        return json.dumps({"mean": self.scale.mean.tolist(), "spread": self.scale.spread.tolist(), "beta": self.beta.tolist()})

    @classmethod
    def read(cls, text: str) -> Logit:
        held = json.loads(text)
        return cls(Scale(np.array(held["mean"]), np.array(held["spread"])), np.array(held["beta"]))


def _newton(rows: Floats, outcomes: Ints, weights: Floats, ridge: float) -> Floats:
    """Newton's method on the penalised likelihood (Hastie, Tibshirani, Friedman 2009, section 4.4); ones are not shrunk."""
    width = rows.shape[1]
    target = np.eye(3)[outcomes][:, [0, 2]]
    penalty = np.full(2 * width, ridge)
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


@dataclass(frozen=True)
class Ordered:
    """A proportional-odds logit, away < draw < home (McCullagh 1980), on standardised columns."""

    scale: Scale
    beta: Floats  # shape (columns,)
    cuts: tuple[float, float]

    @classmethod
    def fit(cls, rows: Floats, outcomes: Ints, weights: Floats, ridge: float = 5.0) -> Ordered:
        scale = Scale.of(rows)
        found = minimize(
            _ordered_loss, _ordered_start(rows.shape[1]), (scale.apply(rows)[:, 1:], outcomes, weights, ridge), "L-BFGS-B", True
        )
        low, width = float(found.x[0]), float(np.exp(found.x[1]))
        return cls(scale, found.x[2:], (low, low + width))

    def predict(self, rows: Floats) -> Floats:
        level = summed(self.scale.apply(rows)[:, 1:], self.beta[:, None])[:, 0]
        away, not_home = expit(self.cuts[0] - level), expit(self.cuts[1] - level)
        return floored(np.column_stack([1 - not_home, not_home - away, away]))

    def text(self) -> str:
        held = {"mean": self.scale.mean.tolist(), "spread": self.scale.spread.tolist(), "beta": self.beta.tolist(), "cuts": list(self.cuts)}
        return json.dumps(held)

    @classmethod
    def read(cls, text: str) -> Ordered:
        held = json.loads(text)
        low, high = held["cuts"]
        return cls(Scale(np.array(held["mean"]), np.array(held["spread"])), np.array(held["beta"]), (low, high))


def _ordered_start(width: int) -> Floats:
    return np.concatenate([[-0.8, 0.1], np.zeros(width)])


def _ordered_loss(free: Floats, rows: Floats, outcomes: Ints, weights: Floats, ridge: float) -> tuple[float, Floats]:
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
    loss = -float(weights @ np.log(np.maximum(chance, 1e-12))) + ridge / 2 * float(beta @ beta)
    gradient = np.concatenate([[-(weights @ total), -(weights @ by_high) * gap], rows.T @ (weights * total) + ridge * beta])
    return loss, gradient


TREES: dict[str, object] = {
    "objective": "multiclass", "num_class": 3, "learning_rate": 0.03, "max_depth": 3, "num_leaves": 8, "lambda_l2": 50.0,
    "feature_fraction": 0.5, "bagging_fraction": 0.7, "bagging_freq": 1, "min_data_in_leaf": 200, "boost_from_average": False,
    "verbosity": -1, "num_threads": 1, "deterministic": True, "force_row_wise": True, "seed": 1,
}  # fmt: skip


@dataclass(frozen=True)
class Boosted:
    """A logit, and trees that are grown from its scores: the answer lies half way, in log chances, between the two.

    Friedman 2001, "Greedy function approximation"; Ke and others 2017 (LightGBM). The geometric mean of two forecasts is
    the mean of their scores: so the trees' correction counts half.
    """

    logit: Logit
    trees: lgb.Booster
    linear: tuple[int, ...]  # the columns that the logit takes
    share: float = 0.5

    @classmethod
    def fit(cls, rows: Floats, outcomes: Ints, weights: Floats, linear: Sequence[int], rounds: int = 120, ridge: float = 5.0) -> Boosted:
        import lightgbm as lgb

        columns = tuple(linear)
        logit = Logit.fit(rows[:, columns], outcomes, weights, ridge)
        data = lgb.Dataset(rows, outcomes, weight=weights, init_score=logit.scores(rows[:, columns]))
        return cls(logit, lgb.train(dict(TREES), data, rounds), columns)

    def predict(self, rows: Floats) -> Floats:
        correction: Floats = np.asarray(self.trees.predict(rows, raw_score=True, num_threads=1), dtype=np.float64)
        return floored(softmax(self.logit.scores(rows[:, self.linear]) + self.share * correction))

    def files(self) -> dict[str, bytes]:
        """The whole model as text: nothing is pickled."""
        head = json.dumps({"linear": self.linear, "share": self.share, "logit": self.logit.text()})
        return {"boosted.json": head.encode(), "trees.txt": self.trees.model_to_string().encode()}

    @classmethod
    def read(cls, files: Mapping[str, bytes]) -> Boosted:
        import lightgbm as lgb

        head = json.loads(files["boosted.json"])
        trees = lgb.Booster(model_str=files["trees.txt"].decode())
        return cls(Logit.read(head["logit"]), trees, tuple(head["linear"]), float(head["share"]))


@dataclass(frozen=True)
class Paired:
    """The geometric mean of boosted trees and of an ordered logit on columns of its own: for internationals, where the two
    err differently (men before 2022-03: -0.0002 RPS, interval below zero)."""

    boosted: Boosted
    ordered: Ordered
    first: tuple[int, ...]
    second: tuple[int, ...]

    @classmethod
    def fit(cls, rows: Floats, outcomes: Ints, weights: Floats, linear: int, first: int, rounds: int) -> Paired:
        """The first `linear` columns go to the logit, the first `first` to the trees, the others to the ordered logit."""
        boosted = Boosted.fit(rows[:, :first], outcomes, weights, range(linear), rounds)
        return cls(boosted, Ordered.fit(rows[:, first:], outcomes, weights), tuple(range(first)), tuple(range(first, rows.shape[1])))

    def predict(self, rows: Floats) -> Floats:
        product = np.sqrt(self.boosted.predict(rows[:, self.first]) * self.ordered.predict(rows[:, self.second]))
        return floored(product / product.sum(axis=1, keepdims=True))

    def files(self) -> dict[str, bytes]:
        """The whole model as text."""
        held = {"first": self.first, "second": self.second, "ordered": self.ordered.text()}
        return {**self.boosted.files(), "paired.json": json.dumps(held).encode()}

    @classmethod
    def read(cls, files: Mapping[str, bytes]) -> Paired:
        held = json.loads(files["paired.json"])
        return cls(Boosted.read(files), Ordered.read(held["ordered"]), tuple(held["first"]), tuple(held["second"]))
