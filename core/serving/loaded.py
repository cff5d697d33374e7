"""One model version in memory: read from its files, tried before it serves, handed exactly its own features."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import FeaturesRefused, LearningError
from core.learning.models import Model, load_model

Floats = NDArray[np.float64]
CODES = {"sex": ("men", "women"), "national": ("clubs", "nations")}


@dataclass(frozen=True)
class Loaded:
    """A model and its card. `whole` are the features that take whole numbers only."""

    version: int
    card: Mapping[str, Any]
    model: Model
    names: tuple[str, ...]
    whole: frozenset[str]

    @classmethod
    def read(cls, version: int, card: Mapping[str, Any], files: Mapping[str, bytes]) -> Loaded:
        """The model in these files, tried on two rows: of zeros, and of nothing known. LearningError when it fails."""
        model = load_model(files)
        names = tuple(feature.name for feature in model.features)
        whole = frozenset(feature.name for feature in model.features if feature.type == "integer")
        loaded = cls(version, card, model, names, whole)
        loaded.try_on(np.array([np.zeros(len(names)), np.full(len(names), np.nan)]))
        return loaded

    def try_on(self, rows: Floats) -> None:
        """LearningError unless the model gives probabilities for these rows."""
        with np.errstate(all="ignore"):  # what comes out is judged, whatever happened on the way
            chances = np.asarray(self.model.predict(rows))
        sound = chances.shape == (len(rows), 3) and bool(np.isfinite(chances).all()) and float(chances.min()) >= 0
        if not sound or float(np.abs(chances.sum(axis=1) - 1).max()) > 1e-6:
            raise LearningError(f"Version {self.version} gives no probabilities for a smoke row, so it does not take over.")

    def strictly(self, features: Mapping[str, Any]) -> Floats:
        """A caller's features as a row, shape (1, k); FeaturesRefused names each that is missing, extra or no fit number."""
        problems = {name: "is not a feature of this model" for name in features if name not in self.names}
        row = np.empty((1, len(self.names)))
        for place, name in enumerate(self.names):
            problem = self._problem(name, features[name]) if name in features else "is missing"
            if problem is None:
                row[0, place] = features[name]
            else:
                problems[name] = problem
        if problems:
            raise FeaturesRefused(problems)
        return row

    def own(self, row: Mapping[str, Any]) -> Floats:
        """The model's own columns of a row of the features file, shape (1, k); what is missing there is NaN.

        FeaturesRefused names the columns that the file does not have.
        """
        problems = {name: "is not in the features file" for name in self.names if name not in row}
        if problems:
            raise FeaturesRefused(problems)
        try:
            own = np.array([[row[name] for name in self.names]], dtype=np.float64)
        except (TypeError, ValueError):
            raise FeaturesRefused({name: "must be a number" for name in self.names if not _is_number(row[name], True)}) from None
        if np.isinf(own).any():
            raise FeaturesRefused({name: "must be finite" for name, value in zip(self.names, own[0], strict=True) if np.isinf(value)})
        return own

    def _problem(self, name: str, value: Any) -> str | None:
        if not _is_number(value):
            return "must be a number"
        if not _is_finite(value):
            return "must be finite"
        if name in CODES and value not in (0, 1):
            return f"must be 0 ({CODES[name][0]}) or 1 ({CODES[name][1]})"
        if name in self.whole and value != int(value):
            return "must be a whole number"
        return None


def _is_number(value: Any, or_missing: bool = False) -> bool:
    if value is None:
        return or_missing
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond any float
        return False
