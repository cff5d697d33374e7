"""The recipes: which ratings a kind of football has, which columns each learner takes, and the constants behind them.

Constants were chosen on club matches before 2023-07 and internationals before 2022-03.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd

from core.learning import fitting
from core.learning.averaged import Averaged, OwnGround
from core.learning.design import occasion, stakes, strengths
from core.learning.joint import Drift, GoalsAndShots, JointFilter, Sight
from core.learning.learners import NEWCOMERS, Floats
from core.learning.stakes import PLACES, Stakes
from core.learning.streams import Elo, EloPace, Games, Pi, PiPace, PoissonPace, Rating, Rest, ScoreDriven, stream
from core.learning.windows import Circumstance, Form
from core.vocabulary import ELO, FORM5, JOINT_BOOSTED, SIX_RATINGS

Kind = Literal["clubs", "women_clubs", "men", "women"]
# What tells a kind of football in a row of features; each has ratings and models of its own.
WHERE: dict[Kind, dict[str, int]] = {
    "clubs": {"national": 0, "sex": 0},
    "women_clubs": {"national": 0, "sex": 1},
    "men": {"national": 1, "sex": 0},
    "women": {"national": 1, "sex": 1},
}
TITLES: dict[Kind, str] = {"clubs": "men's clubs", "women_clubs": "women's clubs", "men": "men's nations", "women": "women's nations"}
CLUB_DRIFT = Drift(
    start=0.06, daily=2.9e-6, summer=0.005, fast=0.01, memory=250, gap=60, below=0.1, step=0.236, level_rate=0.026, moved=0.005
)
WOMEN_CLUB_DRIFT = replace(CLUB_DRIFT, start=0.15, summer=0.01)
CLUB_SIGHT = Sight(ground_rate=0.0016, spread=1.06)
CLUB_SHOTS = Sight(ground_rate=0.0016, spread=1.06, shots=0.85, shots_spread=0.2)
MEN = Drift(start=0.5, daily=3e-5, summer=0, fast=0, gap=10**6, below=0.5, near=0.4, level_rate=0.0005)
MEN_SIGHT = Sight(goals=1.3, home=0.3, ground_rate=0.0015, spread=1.1, cap=8, weight=0.5)
WOMEN = Drift(start=0.74, daily=4e-5, summer=0, fast=0, gap=10**6, below=0.8, near=0.5, level_rate=0.0005, together=0.5)
PACES = 0.25, 4.0  # of the drift of nations: one filter remembers long, one is quick, and their mean beats either
WOMEN_SIGHT = Sight(goals=1.6, home=0.25, ground_rate=0.0014, spread=1.2, cap=10, weight=0.4)


def ratings(kind: Kind) -> list[Rating]:
    """Fresh ratings for one kind of football."""
    if kind in ("clubs", "women_clubs"):
        drift, rest = (CLUB_DRIFT if kind == "clubs" else WOMEN_CLUB_DRIFT), Rest(below=0.1, kept=0.95)
        return [
            GoalsAndShots(drift, CLUB_SIGHT, CLUB_SHOTS),
            ScoreDriven("gas", PoissonPace(0.025, rest=rest)),
            Elo("elo", EloPace(18, 65, rest=Rest(below=60))),
            Elo("elo_fast", EloPace(40, 65, rest=Rest(below=60))),
            Pi("pi", PiPace(0.035, rest=Rest(below=0.2))),
            Stakes(), Form(), Circumstance(),
        ]  # fmt: skip
    men = kind == "men"
    power = 1.15 if men else 1.3
    drift, sight = (MEN, MEN_SIGHT) if men else (WOMEN, WOMEN_SIGHT)
    paces = [replace(drift, daily=drift.daily * pace) for pace in PACES]
    joint = Averaged([JointFilter("joint", pace, sight, single=True, room=400) for pace in paces])
    return [
        OwnGround(joint) if men else joint,
        ScoreDriven("gas", PoissonPace(0.05 if men else 0.09, cap=6, weight=0.7)),
        Elo("elo", EloPace(40 if men else 90, 90, power, 0.7)),
        Elo("elo_fast", EloPace(75 if men else 160, 90, power, 0.7)),
        Pi("pi", PiPace(0.055 if men else 0.10)),
        Form(), Circumstance(),
    ]  # fmt: skip


def names(kind: Kind) -> tuple[str, ...]:
    return tuple(name for rating in ratings(kind) for name in rating.names)


def numbers(games: Games, kind: Kind, state: list[Rating] | None = None) -> dict[str, Floats]:
    """Every rating's numbers for each game, by name; `state` is taken further by the games."""
    found = stream(games, ratings(kind) if state is None else state)
    return dict(zip(names(kind), found.T, strict=True))


def columns(known: Mapping[str, Floats], kind: Kind) -> dict[str, Floats]:
    """Everything that a learner may take, by name: nations play for no places of a league, and their shots are not counted."""
    made = {**known, **strengths(known, "joint"), **strengths(known, "gas")}
    made |= occasion(known, made["joint_gap"])
    number = len(known["ground"])
    made.setdefault("own_ground", np.zeros(number))
    made["national"] = np.full(number, float(WHERE[kind]["national"]))
    made["new_league"] = (known["league_known"] == 0).astype(np.float64)
    if not WHERE[kind]["national"]:
        seen = strengths(known, "shots")
        return made | stakes(known) | {side: seen[side] - made[side.replace("shots", "joint")] for side in SHOTS}
    unknown = {name: np.zeros(number) for name in (*STAKES, *STAKES_OF_SIDES, *SHOTS)}
    return {**unknown, "season_left": np.ones(number), **made}


GOALS = ("joint_to_home", "joint_to_away", "joint_total", "joint_unequal")
STAKES = tuple(f"stake_{place}" for place in PLACES)
STAKES_OF_SIDES = tuple(f"{name}_{side}" for name in STAKES for side in ("home", "away"))
SHOTS = ("shots_to_home", "shots_to_away")
CLUB_LINEAR = (*GOALS, *STAKES, *SHOTS)
NATION_LINEAR = (*GOALS, "joint_doubt", "ground", "own_ground", "weight", "gap_here", "gap_weighty")
CLUB_TREES = (
    "joint_home", "joint_away", "joint_doubt", "season_left", *STAKES_OF_SIDES,
    "season_points", "season_goals", "rest_home", "rest_away", "here_home", "here_away", "round_home",
    "diff_goal_difference_w5", "diff_points_w5", "diff_ground_w5", "elo", "elo_fast", "pi",
)  # fmt: skip
NATION_TREES = (
    "joint_home", "joint_away", "known_home", "known_away", "rest_home", "rest_away", "diff_goal_difference_w5",
    "diff_goal_difference_w20", "diff_points_w5", "diff_ground_w5", "elo", "elo_fast", "pi",
)  # fmt: skip
SIX = ("joint_gap", "gas_gap", "elo", "elo_fast", "pi", "ground")
WINDOW = tuple(f"diff_{metric}_w5" for metric in ("goals_for", "goals_against", "goal_difference", "points", "wins", "draws", "losses"))


@dataclass(frozen=True)
class Part:
    """How one kind of football is learnt: the rows that are its own, the columns it takes, the fit on rows, outcomes, weights."""

    name: str
    where: Mapping[str, int]
    takes: tuple[str, ...]
    fit: fitting.Fit
    memory: float = 8.0  # years after which a match weighs 1/e

    def own(self, table: pd.DataFrame) -> pd.Series:
        """Which rows of a features table are of this kind."""
        found: pd.Series = (table[list(self.where)] == list(self.where.values())).all(axis=1)
        return found

    def rows(self, table: pd.DataFrame) -> Floats:
        """The columns of a features table, shape (n, k); what is not known is no difference."""
        rows: Floats = np.nan_to_num(table[list(self.takes)].to_numpy(np.float64))
        return rows

    def since(self, until: int) -> int:
        """The first day that is learnt from by a fit on the day `until`: earlier ones would weigh less than a twentieth."""
        return until - round(3 * 365.25 * self.memory)


@dataclass(frozen=True)
class Recipe:
    """A way to make a model: its title for people, and its parts, of which each row of features has one."""

    title: str
    parts: tuple[Part, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """The signature: every column that a part takes, then what tells the parts."""
        taken = dict.fromkeys(name for part in self.parts for name in part.takes)
        return (*taken, *(name for name in self.parts[0].where if name not in taken))


def _joint_boosted(kind: Kind) -> Part:
    """A logit on the strengths, and small trees grown from its scores; for nations the mean of that and of `six_ratings`."""
    if not WHERE[kind]["national"]:
        grown: fitting.Fit = partial(fitting.boosted, linear=len(CLUB_LINEAR), rounds=120)
        return _cautious(kind, (*CLUB_LINEAR, *CLUB_TREES), grown)
    taken = (*NATION_LINEAR, *NATION_TREES)
    both: fitting.Fit = partial(fitting.paired, linear=len(NATION_LINEAR), first=len(taken), rounds=60)
    return Part(TITLES[kind], WHERE[kind], (*taken, *SIX), both, memory=5.0)


def _cautious(kind: Kind, takes: tuple[str, ...], fit: fitting.Fit) -> Part:
    """For clubs, whose leagues may be new: nations share one, and their new sides are forecast well by their opponents."""
    ground = takes if "ground" in takes else (*takes, "ground")
    wary: fitting.Fit = partial(fitting.cautious, fit=fit, first=len(takes), ground=ground.index("ground"))
    return Part(TITLES[kind], WHERE[kind], (*ground, *NEWCOMERS), wary)


def _ordered(*takes: str) -> tuple[Part, ...]:
    return tuple(
        Part(TITLES[kind], where, takes, fitting.ordered) if where["national"] else _cautious(kind, takes, fitting.ordered)
        for kind, where in WHERE.items()
    )


RECIPES: dict[str, Recipe] = {
    JOINT_BOOSTED: Recipe("Joint ratings, logit and trees", tuple(map(_joint_boosted, WHERE))),
    SIX_RATINGS: Recipe("Six numbers, ordered logit", _ordered(*SIX)),
    FORM5: Recipe(
        "Form of the last five, logit",
        tuple(Part(f"{title} football", {"sex": sex}, WINDOW, fitting.logit) for sex, title in enumerate(("men's", "women's"))),
    ),
    ELO: Recipe("Elo, ordered logit", _ordered("elo", "ground")),
}
# Those that are registered and can serve; Elo is a reference that others use too.
SERVED: tuple[str, ...] = (JOINT_BOOSTED, SIX_RATINGS, FORM5)
# The columns of the features table, `sex` aside, which stands among those that lead it.
FEATURES = tuple(name for name in dict.fromkeys(name for recipe in RECIPES.values() for name in recipe.features) if name != "sex")
