"""Models that were fitted: from features to probabilities, and why. Their files are JSON, and hold no code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import LearningError
from core.football.outcomes import FLOOR, floored

Floats = NDArray[np.float64]

FILE = "model.json"
FORMAT = 1
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
# The path from the means to a row: whole, or cut in half towards the means again and again, for a row so far out that
# all that happens happens in the first thousandth of the way.
_WHOLE = np.array([0.0, 1.0])
_HALVED = np.array([0.0, *2.0 ** np.arange(-40, 1)])


@dataclass(frozen=True)
class Feature:
    """One input of a model: its name, and `double` or `integer`."""

    name: str
    type: str = "double"


@dataclass(frozen=True)
class Origin:
    """Which recipe a model was fitted by, and on what: played matches from day `since` up to, not with, day `until`."""

    recipe: str = ""
    since: str = ""
    until: str = ""
    matches: int = 0


class Model(Protocol):
    """Something that forecasts. Rows have shape (n, k), columns in the order of `features`; a missing value is NaN and
    stands for the training mean, which is the least that can be claimed.
    """

    @property
    def title(self) -> str: ...
    @property
    def features(self) -> list[Feature]: ...
    @property
    def means(self) -> Floats:
        """The training means, shape (k,), in the order of `features`."""

    @property
    def origin(self) -> Origin: ...

    def predict(self, rows: Floats) -> Floats:
        """Probabilities of home win, draw, away win, shape (n, 3), none below 0.001, each row summing to one."""

    def explain(self, row: Floats) -> dict[str, float]:
        """Each feature's part of the log-odds of a home win, against a match with the training means in every feature.

        `row` has shape (k,). The parts sum to the difference in log-odds.
        """

    def to_files(self) -> dict[str, bytes]:
        """All that `load_model` needs, by file name."""


class _Smooth:
    """What models with a gradient share: missing values, the floor, the explanation, the file."""

    kind: str
    title: str
    features: list[Feature]
    means: Floats
    origin: Origin

    def predict(self, rows: Floats) -> Floats:
        return floored(self._chances(self._filled(rows)))

    def explain(self, row: Floats) -> dict[str, float]:
        """Aumann-Shapley values: the gradient of the log-odds, integrated from the means to the row (Sundararajan and
        others 2017, "Axiomatic attribution for deep networks").
        """
        step = self._filled(row[None, :])[0] - self.means
        start, end = self.log_odds(np.vstack([self.means, row])).tolist()
        parts = self._integrated(step, _WHOLE)
        if abs(parts.sum() - (end - start)) > 1e-6:
            parts = self._integrated(step, _HALVED)
        total = parts.sum()
        # What the quadrature still misses, where the floor bends the path, is shared out in proportion.
        scale = (end - start) / total if abs(total) > 1e-9 else 1.0
        return {feature.name: float(part) for feature, part in zip(self.features, parts * scale, strict=True)}

    def _integrated(self, step: Floats, cuts: Floats) -> Floats:
        """The slopes along the way from the means, `step` long, integrated between these cuts by Gauss and Legendre."""
        lengths = np.diff(cuts)
        along = (cuts[:-1, None] + lengths[:, None] * (_NODES + 1) / 2).ravel()
        weights = (lengths[:, None] * _WEIGHTS / 2).ravel()
        parts: Floats = weights @ self._slopes(self.means + np.outer(along, step)) * step
        return parts

    def log_odds(self, rows: Floats) -> Floats:
        """The log-odds of a home win, shape (n,)."""
        home = self.predict(rows)[:, 0]
        odds: Floats = np.log(home / (1 - home))
        return odds

    def to_files(self) -> dict[str, bytes]:
        known = {
            "format": FORMAT,
            "kind": self.kind,
            "title": self.title,
            "features": [asdict(feature) for feature in self.features],
            "means": self.means.tolist(),
            "origin": asdict(self.origin),
            **self._numbers(),
        }
        return {FILE: json.dumps(known, indent=1, sort_keys=True, allow_nan=False).encode()}

    def _filled(self, rows: Floats) -> Floats:
        filled: Floats = np.where(np.isnan(rows), self.means, rows)
        return filled

    def _slopes(self, rows: Floats) -> Floats:
        """The gradient of the home win's log-odds, floor and all, shape (n, k); no value may be missing."""
        home = self._chances(rows)[:, 0]
        said = (1 - 3 * FLOOR) * home + FLOOR
        slopes: Floats = ((1 - 3 * FLOOR) / (said * (1 - said)))[:, None] * self._home_slopes(rows)
        return slopes

    def _chances(self, rows: Floats) -> Floats:
        raise NotImplementedError

    def _home_slopes(self, rows: Floats) -> Floats:
        """The gradient of the chance of a home win, before the floor."""
        raise NotImplementedError

    def _numbers(self) -> dict[str, Any]:
        raise NotImplementedError


@dataclass(frozen=True)
class Sum:
    """A weighted sum of products of features: `terms` maps the places of the features multiplied to the weight.

    The empty product is the constant.
    """

    terms: dict[tuple[int, ...], float] = field(default_factory=dict)

    def of(self, rows: Floats) -> Floats:
        total = np.zeros(len(rows))
        for places, weight in self.terms.items():
            total += weight * product(rows, places)
        return total

    def slopes(self, rows: Floats) -> Floats:
        found = np.zeros_like(rows)
        for places, weight in self.terms.items():
            for at, place in enumerate(places):
                found[:, place] += weight * product(rows, places[:at] + places[at + 1 :])
        return found


def product(rows: Floats, places: tuple[int, ...]) -> Floats:
    """The product of some columns, shape (n,); of none it is one."""
    found: Floats = rows[:, places[0]] if len(places) == 1 else rows[:, list(places)].prod(axis=1)
    return found


def sigmoid(values: Floats) -> Floats:
    found: Floats = 1 / (1 + np.exp(-np.clip(values, -500, 500)))
    return found


@dataclass(frozen=True, eq=False)
class OrderedLogit(_Smooth):
    """An ordered logit (McCullagh 1980) whose two thresholds mirror one another.

    The home side's edge is `edge`, half the width of the draw is exp(`width`); then home wins with chance
    sigmoid(edge - half), away with sigmoid(-edge - half). Two sides that change places on neutral ground change chances.
    """

    title: str
    features: list[Feature]
    means: Floats
    edge: Sum
    width: Sum
    origin: Origin = Origin()
    kind = "ordered logit"

    def _chances(self, rows: Floats) -> Floats:
        edge, half = self.edge.of(rows), np.exp(np.clip(self.width.of(rows), -5, 3))
        home, away = sigmoid(edge - half), sigmoid(-edge - half)
        return np.column_stack([home, 1 - home - away, away])

    def _home_slopes(self, rows: Floats) -> Floats:
        width = self.width.of(rows)
        half = np.exp(np.clip(width, -5, 3))
        home = sigmoid(self.edge.of(rows) - half)
        inside = half * ((width > -5) & (width < 3))
        slopes: Floats = (home * (1 - home))[:, None] * (self.edge.slopes(rows) - inside[:, None] * self.width.slopes(rows))
        return slopes

    def _numbers(self) -> dict[str, Any]:
        return {"edge": self._named(self.edge), "width": self._named(self.width)}

    def _named(self, some: Sum) -> list[dict[str, Any]]:
        return [{"of": [self.features[place].name for place in places], "weight": weight} for places, weight in some.terms.items()]


@dataclass(frozen=True, eq=False)
class MultinomialLogit(_Smooth):
    """A multinomial logit: the three chances are in proportion to exp(intercepts + rows x weights), weights (k, 3)."""

    title: str
    features: list[Feature]
    means: Floats
    weights: Floats
    intercepts: Floats
    origin: Origin = Origin()
    kind = "multinomial logit"

    def _chances(self, rows: Floats) -> Floats:
        scores = np.tile(self.intercepts, (len(rows), 1))
        # Not a matrix product: that adds up in another order for one row than for many, and the last bit differs.
        for place, weights in enumerate(self.weights):
            scores += rows[:, place : place + 1] * weights
        raised = np.exp(scores - scores.max(axis=1, keepdims=True))
        chances: Floats = raised / raised.sum(axis=1, keepdims=True)
        return chances

    def _home_slopes(self, rows: Floats) -> Floats:
        chances = self._chances(rows)
        slopes: Floats = chances[:, :1] * (self.weights[:, 0] - chances @ self.weights.T)
        return slopes

    def _numbers(self) -> dict[str, Any]:
        return {"weights": self.weights.tolist(), "intercepts": self.intercepts.tolist()}


def load_model(files: Mapping[str, bytes]) -> Model:
    """The model behind the files that `to_files` wrote; LearningError when they cannot be read."""
    try:
        known = json.loads(files[FILE])
        if known["format"] != FORMAT:
            raise LearningError(f"{FILE} has format {known['format']}; this version reads {FORMAT}. Run `make pipeline` again.")
        return _READERS[known["kind"]](known)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LearningError(f"{FILE} cannot be read ({type(error).__name__}: {error}). Run `make pipeline` to make it again.") from error


def _read_ordered(known: dict[str, Any]) -> Model:
    features, means, origin = _read_common(known)
    places = {feature.name: place for place, feature in enumerate(features)}

    def terms(given: list[dict[str, Any]]) -> Sum:
        return Sum({tuple(places[name] for name in term["of"]): float(term["weight"]) for term in given})

    return OrderedLogit(known["title"], features, means, terms(known["edge"]), terms(known["width"]), origin)


def _read_multinomial(known: dict[str, Any]) -> Model:
    features, means, origin = _read_common(known)
    weights, intercepts = np.array(known["weights"], dtype=np.float64), np.array(known["intercepts"], dtype=np.float64)
    if weights.shape != (len(features), 3) or intercepts.shape != (3,):
        raise ValueError(f"weights of shape {weights.shape} for {len(features)} features")
    return MultinomialLogit(known["title"], features, means, weights, intercepts, origin)


def _read_common(known: dict[str, Any]) -> tuple[list[Feature], Floats, Origin]:
    features = [Feature(**feature) for feature in known["features"]]
    means = np.array(known["means"], dtype=np.float64)
    if means.shape != (len(features),):
        raise ValueError(f"{len(means)} means for {len(features)} features")
    return features, means, Origin(**known["origin"])


_READERS = {OrderedLogit.kind: _read_ordered, MultinomialLogit.kind: _read_multinomial}
