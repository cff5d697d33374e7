"""Models that were fitted: from features to probabilities, and why. Their files are JSON and the trees' text, and hold no code."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import LearningError
from core.football.outcomes import floored
from core.football.words import group_of
from core.learning import learners
from core.learning.learners import ANYWHERE, Learner
from core.learning.shapley import shares
from core.vocabulary import recipe_id

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FILE = "model.json"
FORMAT = 2
BROKEN = (KeyError, IndexError, TypeError, ValueError, AttributeError)


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


@dataclass(frozen=True, eq=False)
class Part:
    """What forecasts one kind of football: the rows whose features say `where`. `takes` are the features it looks at, in its
    order; `means` are theirs in the `matches` it was fitted on."""

    name: str
    where: Mapping[str, int]
    takes: tuple[str, ...]
    means: Floats
    learner: Learner
    matches: int = 0

    @property
    def wide(self) -> bool:
        """Whether too few matches of this kind were known to fit anything."""
        return isinstance(self.learner, learners.Wide)

    def log_odds(self, rows: Floats) -> Floats:
        """The log-odds of a home win from the columns it takes, shape (n,)."""
        return log_odds(self.learner.predict(rows))

    def said(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "where": dict(self.where),
            "takes": list(self.takes),
            "means": self.means.tolist(),
            "matches": self.matches,
            "learner": {"kind": self.learner.kind, **self.learner.said()},
        }


@dataclass(frozen=True, eq=False)
class Model:
    """Something that forecasts. Rows have shape (n, k), columns in the order of `features`; a missing value is NaN and stands
    for no difference between the sides.
    """

    title: str
    features: list[Feature]
    parts: tuple[Part, ...]
    origin: Origin = Origin()

    def predict(self, rows: Floats) -> Floats:
        """Probabilities of home win, draw, away win, shape (n, 3), none below 0.001, each row summing to one."""
        known = np.nan_to_num(rows, nan=0.0, posinf=0.0, neginf=0.0)
        chances = np.tile(floored(ANYWHERE[1:]), (len(rows), 1))
        for part, places, here in self._shared_out(known):
            if here.all():
                return part.learner.predict(known[:, places])
            chances[here] = part.learner.predict(known[np.ix_(here, places)])
        return chances

    def explain(self, row: Floats, average: Floats | None = None) -> dict[str, float]:
        """By group of features, its part of the log-odds of a home win against a match with the `average` in every feature:
        by default the means of what its kind was fitted on. `row` and `average` have shape (k,); the parts sum to the difference.
        """
        known = np.nan_to_num(row)
        found = next(self._shared_out(known[None, :]), None)
        if found is None:
            return {}
        part, places, _ = found
        usual = part.means if average is None else np.nan_to_num(average)[places]
        return shares(part.log_odds, known[places], usual, [group_of(name) for name in part.takes])

    def wide(self, rows: Floats) -> NDArray[np.bool_]:
        """Which rows are of a kind of football that is hardly known, shape (n,)."""
        found = np.ones(len(rows), dtype=bool)
        for part, _, here in self._shared_out(np.nan_to_num(rows)):
            found[here] = part.wide
        return found

    def log_odds(self, rows: Floats) -> Floats:
        """The log-odds of a home win, shape (n,)."""
        return log_odds(self.predict(rows))

    def to_files(self) -> dict[str, bytes]:
        """All that `load_model` needs, by file name: the JSON, and each part's trees in LightGBM's text."""
        known = {
            "format": FORMAT,
            "title": self.title,
            "features": [asdict(feature) for feature in self.features],
            "parts": [part.said() for part in self.parts],
            "origin": asdict(self.origin),
        }
        texts = {_trees_of(place): part.learner.text.encode() for place, part in enumerate(self.parts) if part.learner.text}
        return {FILE: json.dumps(known, indent=1, sort_keys=True, allow_nan=False).encode(), **texts}

    @cached_property
    def _places(self) -> list[tuple[Part, Ints, Ints, Ints]]:
        """For each part the columns it takes, and the columns and values that say which rows are its own."""
        at = {feature.name: place for place, feature in enumerate(self.features)}
        return [
            (
                part,
                np.array([at[name] for name in part.takes], dtype=np.int64),
                np.array([at[name] for name in part.where], dtype=np.int64),
                np.array(list(part.where.values()), dtype=np.int64),
            )
            for part in self.parts
        ]

    def _shared_out(self, rows: Floats) -> Iterator[tuple[Part, Ints, NDArray[np.bool_]]]:
        """Each part that has rows here, the columns it takes, and which rows are its own."""
        for part, places, telling, values in self._places:
            here = (rows[:, telling] == values).all(axis=1)
            if here.any():
                yield part, places, here


def log_odds(chances: Floats) -> Floats:
    """The log-odds of a home win, from rows of chances."""
    home = chances[:, 0]
    odds: Floats = np.log(home / (1 - home))
    return odds


def _trees_of(place: int) -> str:
    return f"trees-{place}.txt"


def load_model(files: Mapping[str, bytes]) -> Model:
    """The model behind the files that `to_files` wrote; LearningError when they cannot be read."""
    try:
        known = json.loads(files[FILE])
        if known["format"] != FORMAT:
            raise LearningError(
                f"{FILE} has format {known['format']}; this version reads {FORMAT}. Run `make pipeline`, and promote a newer version."
            )
        texts = {name: data.decode() for name, data in files.items() if name != FILE}
        parts = tuple(_read_part(said, texts.get(_trees_of(place), "")) for place, said in enumerate(known["parts"]))
        model = Model(known["title"], [Feature(**feature) for feature in known["features"]], parts, _origin(known["origin"]))
        with np.errstate(all="ignore"):  # that the parts fit together is tried here, not whether they make sense
            model.predict(np.zeros((1, len(model.features))))
    except BROKEN as error:
        raise LearningError(f"{FILE} cannot be read ({type(error).__name__}: {error}). Run `make pipeline` to make it again.") from error
    return model


def _origin(said: Mapping[str, Any]) -> Origin:
    return Origin(**{**said, "recipe": recipe_id(said["recipe"])})


def _read_part(said: Mapping[str, Any], text: str) -> Part:
    means, takes = np.array(said["means"], dtype=np.float64), tuple(said["takes"])
    if means.shape != (len(takes),):
        raise ValueError(f"{len(means)} means for {len(takes)} features")
    learner = learners.read(said["learner"]["kind"], said["learner"], text)
    with np.errstate(all="ignore"):
        learner.predict(means[None, :])
    return Part(said["name"], said["where"], takes, means, learner, int(said["matches"]))
