"""Learners as they forecast: from columns of numbers to the chances of home, draw and away. How they are fitted: fitting.py.

Only NumPy is needed here, and what a learner is made of is plain JSON, but for the trees, which stay in LightGBM's own text.
A column in which nothing is known is 0: no difference between the sides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from core.football.outcomes import floored
from core.learning.trees import Trees

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# A column that leaves its usual value in fewer rows of a fit than that (in a small fit: than a tenth of them) is not looked at.
SELDOM, OUT_OF_SIGHT = 300, 1e9

# Home, draw, away on neutral ground and on a home ground, as football is anywhere; they stand for so many matches.
ANYWHERE, STANDS_FOR = np.array([[0.385, 0.23, 0.385], [0.45, 0.26, 0.29]]), 30


class Learner(Protocol):
    """Something fitted that forecasts; `kind` names its form in the model's file."""

    @property
    def kind(self) -> str: ...

    def predict(self, rows: Floats) -> Floats:
        """Chances of home, draw and away, shape (n, 3), none below the floor, each row summing to one."""

    def said(self) -> dict[str, Any]:
        """All that `read` needs, as JSON, but for `text`."""

    @property
    def text(self) -> str:
        """What is kept in a file of its own; empty where there is none."""


def softmax(scores: Floats) -> Floats:
    """Rows of scores as rows of chances."""
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    found: Floats = raised / raised.sum(axis=1, keepdims=True)
    return found


def expit(values: Floats) -> Floats:
    """The logistic function."""
    found: Floats = 1 / (1 + np.exp(-np.clip(values, -500, 500)))
    return found


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
    """Mean and spread of each column, from the rows of the fit.

    A column that hardly ever leaves its usual value is put out of sight: standardised, it would escape the ridge, and one
    match would decide its coefficient.
    """

    mean: Floats
    spread: Floats

    @classmethod
    def of(cls, rows: Floats) -> Scale:
        spread = rows.std(axis=0)
        seldom = (rows != np.median(rows, axis=0)).sum(axis=0) < min(SELDOM, len(rows) // 10)
        return cls(rows.mean(axis=0), np.where(seldom, OUT_OF_SIGHT, np.where(spread > 1e-9, spread, 1.0)))

    def apply(self, rows: Floats) -> Floats:
        """Standardised, with a column of ones in front."""
        found = np.empty((len(rows), rows.shape[1] + 1))
        found[:, 0] = 1.0
        found[:, 1:] = (rows - self.mean) / self.spread
        return found

    def said(self) -> dict[str, Any]:
        return {"mean": self.mean.tolist(), "spread": self.spread.tolist()}

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Scale:
        return cls(_vector(said["mean"], len(said["spread"])), _vector(said["spread"], len(said["mean"])))


def _vector(given: Any, length: int) -> Floats:
    found = np.array(given, dtype=np.float64)
    if found.shape != (length,):
        raise ValueError(f"{found.shape} numbers where {length} belong")
    return found


@dataclass(frozen=True)
class Logit:
    """A standardised multinomial logit; the draw is the reference."""

    scale: Scale
    beta: Floats  # shape (columns + 1, 3)
    kind: ClassVar[str] = "logit"
    text: ClassVar[str] = ""

    def scores(self, rows: Floats) -> Floats:
        return summed(self.scale.apply(rows), self.beta)

    def predict(self, rows: Floats) -> Floats:
        return floored(softmax(self.scores(rows)))

    def said(self) -> dict[str, Any]:
        return {**self.scale.said(), "beta": self.beta.tolist()}

    @classmethod
    def read(cls, said: Mapping[str, Any], text: str = "") -> Logit:
        beta = np.array(said["beta"], dtype=np.float64)
        if beta.shape != (len(said["mean"]) + 1, 3):
            raise ValueError(f"coefficients of shape {beta.shape} for {len(said['mean'])} columns")
        return cls(Scale.read(said), beta)


@dataclass(frozen=True)
class Ordered:
    """A proportional-odds logit, away < draw < home (McCullagh 1980), on standardised columns."""

    scale: Scale
    beta: Floats  # shape (columns,)
    cuts: tuple[float, float]
    kind: ClassVar[str] = "ordered logit"
    text: ClassVar[str] = ""

    def predict(self, rows: Floats) -> Floats:
        level = summed(self.scale.apply(rows)[:, 1:], self.beta[:, None])[:, 0]
        away, not_home = expit(self.cuts[0] - level), expit(self.cuts[1] - level)
        return floored(np.column_stack([1 - not_home, not_home - away, away]))

    def said(self) -> dict[str, Any]:
        return {**self.scale.said(), "beta": self.beta.tolist(), "cuts": list(self.cuts)}

    @classmethod
    def read(cls, said: Mapping[str, Any], text: str = "") -> Ordered:
        low, high = said["cuts"]
        return cls(Scale.read(said), _vector(said["beta"], len(said["mean"])), (float(low), float(high)))


@dataclass(frozen=True)
class Boosted:
    """A logit, and trees that are grown from its scores: the answer lies half way, in log chances, between the two.

    Friedman 2001, "Greedy function approximation"; Ke and others 2017 (LightGBM). The geometric mean of two forecasts is
    the mean of their scores: so the trees' correction counts half.
    """

    logit: Logit
    trees: Trees
    linear: int  # so many columns, the first, are the logit's
    share: float = 0.5
    kind: ClassVar[str] = "boosted logit"

    def predict(self, rows: Floats) -> Floats:
        return floored(softmax(self.logit.scores(rows[:, : self.linear]) + self.share * self.trees.scores(rows)))

    def said(self) -> dict[str, Any]:
        return {"logit": self.logit.said(), "linear": self.linear, "share": self.share}

    @property
    def text(self) -> str:
        return self.trees.text

    @classmethod
    def read(cls, said: Mapping[str, Any], text: str = "") -> Boosted:
        return cls(Logit.read(said["logit"]), Trees.read(text), int(said["linear"]), float(said["share"]))


@dataclass(frozen=True)
class Paired:
    """The geometric mean of a boosted logit and of an ordered logit on columns of its own: for internationals, where the two
    err differently (men before 2022-03: -0.0002 RPS, interval below zero)."""

    boosted: Boosted
    ordered: Ordered
    first: int  # so many columns, the first, are the boosted logit's
    kind: ClassVar[str] = "boosted and ordered logit"

    def predict(self, rows: Floats) -> Floats:
        product = np.sqrt(self.boosted.predict(rows[:, : self.first]) * self.ordered.predict(rows[:, self.first :]))
        return floored(product / product.sum(axis=1, keepdims=True))

    def said(self) -> dict[str, Any]:
        return {"boosted": self.boosted.said(), "ordered": self.ordered.said(), "first": self.first}

    @property
    def text(self) -> str:
        return self.boosted.text

    @classmethod
    def read(cls, said: Mapping[str, Any], text: str = "") -> Paired:
        return cls(Boosted.read(said["boosted"], text), Ordered.read(said["ordered"]), int(said["first"]))


@dataclass(frozen=True)
class Wide:
    """What football is like, bent by the few matches seen: for a kind of football that is hardly known.

    `counts` are the outcomes seen; the column `ground`, where there is one, tells a home ground from a neutral one.
    """

    counts: tuple[int, ...] = (0, 0, 0)
    ground: int | None = None
    kind: ClassVar[str] = "hardly known"
    text: ClassVar[str] = ""

    def predict(self, rows: Floats) -> Floats:
        at_home = np.ones(len(rows), np.int64) if self.ground is None else (rows[:, self.ground] > 0).astype(np.int64)
        mixed = STANDS_FOR * ANYWHERE[at_home] + np.array(self.counts, dtype=np.float64)
        return floored(mixed / mixed.sum(axis=1, keepdims=True))

    def said(self) -> dict[str, Any]:
        return {"counts": list(self.counts), "ground": self.ground}

    @classmethod
    def read(cls, said: Mapping[str, Any], text: str = "") -> Wide:
        return cls(tuple(int(count) for count in said["counts"]), said["ground"])


NEWCOMERS = ("known_home", "known_away", "new_league")  # what tells a side's first match, and its league's first day
AMONG_STRANGERS = ", wide among strangers"


@dataclass(frozen=True)
class Cautious:
    """What a learner says; where a side plays its first match on the first day of its league, what football is like anywhere.

    On that day nobody knows how a new side compares with one that comes from elsewhere. `learner` takes the `first` columns;
    `ground` is the place of that column; the last ones are NEWCOMERS.
    """

    learner: Learner
    first: int
    ground: int

    @property
    def kind(self) -> str:
        return f"{self.learner.kind}{AMONG_STRANGERS}"

    @property
    def text(self) -> str:
        return self.learner.text

    def predict(self, rows: Floats) -> Floats:
        known, new_league = rows[:, -3:-1].min(axis=1), rows[:, -1]
        strangers = (new_league > 0.5) & (known <= 0)
        return np.where(strangers[:, None], Wide(ground=self.ground).predict(rows), self.learner.predict(rows[:, : self.first]))

    def said(self) -> dict[str, Any]:
        return {"learner": self.learner.said(), "first": self.first, "ground": self.ground}

    @classmethod
    def read(cls, kind: str, said: Mapping[str, Any], text: str) -> Cautious:
        return cls(read(kind.removesuffix(AMONG_STRANGERS), said["learner"], text), int(said["first"]), int(said["ground"]))


_READERS: dict[str, Callable[[Mapping[str, Any], str], Learner]] = {
    Logit.kind: Logit.read,
    Ordered.kind: Ordered.read,
    Boosted.kind: Boosted.read,
    Paired.kind: Paired.read,
    Wide.kind: Wide.read,
}


def read(kind: str, said: Mapping[str, Any], text: str) -> Learner:
    """The learner that said this of itself; KeyError or ValueError where it cannot be one."""
    return Cautious.read(kind, said, text) if kind.endswith(AMONG_STRANGERS) else _READERS[kind](said, text)
