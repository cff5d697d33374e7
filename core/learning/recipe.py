"""The recipes: which ratings a kind of football has, which columns each learner takes, and the constants behind them.

Constants were chosen on club matches before 2023-07 and internationals before 2022-03.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from core.learning.design import occasion, stakes, strengths
from core.learning.joint import Drift, JointFilter, Sight
from core.learning.learners import Boosted, Floats, Ints, Logit, Ordered, Paired, ages
from core.learning.stakes import PLACES, Stakes
from core.learning.streams import Elo, EloPace, Games, Pi, PiPace, PoissonPace, Rating, Rest, ScoreDriven, stream
from core.learning.windows import Circumstance, Form

Kind = Literal["clubs", "women_clubs", "men", "women"]
CLUB_DRIFT = Drift(
    start=0.06, daily=2.9e-6, summer=0.005, fast=0.01, memory=250, gap=60, below=0.1, step=0.236, level_rate=0.026, moved=0.005
)
WOMEN_CLUB_DRIFT = Drift(
    start=0.15, daily=2.9e-6, summer=0.01, fast=0.01, memory=250, gap=60, below=0.1, step=0.236, level_rate=0.026, moved=0.005
)
CLUB_SIGHT = Sight(ground_rate=0.0016, spread=1.06)
CLUB_SHOTS = Sight(ground_rate=0.0016, spread=1.06, shots=0.7, shots_spread=0.35)
MEN = Drift(start=0.5, daily=3e-5, summer=0, fast=0, gap=10**6, below=0.5, near=0.4, level_rate=0.0005)
MEN_SIGHT = Sight(goals=1.3, home=0.3, ground_rate=0.0015, spread=1.1, cap=8, weight=0.5)
WOMEN = Drift(start=0.74, daily=4e-5, summer=0, fast=0, gap=10**6, below=0.8, near=0.5, level_rate=0.0005)
WOMEN_SIGHT = Sight(goals=1.6, home=0.25, ground_rate=0.0014, spread=1.2, cap=10, weight=0.4)


def ratings(kind: Kind) -> list[Rating]:
    """Fresh ratings for one kind of football."""
    if kind in ("clubs", "women_clubs"):
        drift, rest = (CLUB_DRIFT if kind == "clubs" else WOMEN_CLUB_DRIFT), Rest(below=0.1, kept=0.95)
        return [
            JointFilter("joint", drift, CLUB_SIGHT),
            JointFilter("shots", drift, CLUB_SHOTS),
            ScoreDriven("gas", PoissonPace(0.025, rest=rest)),
            Elo("elo", EloPace(18, 65, rest=Rest(below=60))),
            Elo("elo_fast", EloPace(40, 65, rest=Rest(below=60))),
            Pi("pi", PiPace(0.035, rest=Rest(below=0.2))),
            Stakes(), Form(), Circumstance(),
        ]  # fmt: skip
    men = kind == "men"
    power = 1.15 if men else 1.3
    return [
        JointFilter("joint", MEN if men else WOMEN, MEN_SIGHT if men else WOMEN_SIGHT, single=True, room=400),
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
    """Everything that a learner may take, by name."""
    made = {**known, **strengths(known, "joint"), **strengths(known, "gas")}
    made |= occasion(known, made["joint_gap"])
    made["ground_form"] = np.nan_to_num(known["diff_ground_w5"])
    if "shots_home" in known:
        seen = strengths(known, "shots")
        made |= {f"shots_{side}": seen[f"shots_{side}"] - made[f"joint_{side}"] for side in ("to_home", "to_away")}
        made |= stakes(known)
    made["sex"] = np.full(len(known["ground"]), float(kind in ("women", "women_clubs")))
    return made


GOALS = ("joint_to_home", "joint_to_away", "joint_total", "joint_unequal")
STAKES = tuple(f"stake_{place}" for place in PLACES)
SHOTS = ("shots_to_home", "shots_to_away")
CLUB_LINEAR = (*GOALS, *STAKES, "sex", *SHOTS)
NATION_LINEAR = (*GOALS, "joint_doubt", "ground", "weight", "gap_here", "gap_weighty")
CLUB_TREES = (
    "joint_home", "joint_away", "joint_doubt", "season_left", *(f"stake_{place}_{side}" for place in PLACES for side in ("home", "away")),
    "season_points", "season_goals", "rest_home", "rest_away", "here_home", "here_away", "round_home",
    "diff_goal_difference_w5", "diff_points_w5", "diff_ground_w5", "elo", "elo_fast", "pi",
)  # fmt: skip
NATION_TREES = (
    "joint_home", "joint_away", "known_home", "known_away", "rest_home", "rest_away", "diff_goal_difference_w5",
    "diff_goal_difference_w20", "diff_points_w5", "diff_ground_w5", "elo", "elo_fast", "pi",
)  # fmt: skip
SIX = ("joint_gap", "gas_gap", "elo", "elo_fast", "pi", "ground")
WINDOW = tuple(f"diff_{metric}_w5" for metric in ("goals_for", "goals_against", "goal_difference", "points", "wins", "draws", "losses"))


class Model(Protocol):
    def predict(self, rows: Floats) -> Floats:
        """Chances of home, draw and away, a row a match."""


Fit = Callable[[Floats, Ints, Floats], Model]


@dataclass(frozen=True)
class Recipe:
    """The columns a learner takes, and how it is fitted on rows, outcomes and weights."""

    takes: tuple[str, ...]
    fit: Fit
    memory: float = 8.0  # years after which a match weighs 1/e

    def rows(self, made: Mapping[str, Floats]) -> Floats:
        return np.nan_to_num(np.column_stack([made[name] for name in self.takes]))

    def since(self, until: int) -> int:
        """The first day that is learnt from by a fit on the day `until`."""
        return until - round(3 * 365.25 * self.memory)

    def learn(self, rows: Floats, outcomes: Ints, days: Ints, until: int) -> Model:
        """Fitted on matches before the day `until`; those that would weigh less than a twentieth are left out."""
        recent = days >= self.since(until)
        return self.fit(rows[recent], outcomes[recent], ages(days[recent], until, self.memory))


def recipe(name: str, kind: Kind, shots: bool = True) -> Recipe:
    clubs = kind in ("clubs", "women_clubs")
    if name == "baseline":
        return Recipe((*WINDOW, "sex"), Logit.fit)
    if name == "challenger":
        return Recipe(SIX, Ordered.fit)
    linear, trees = (CLUB_LINEAR, CLUB_TREES) if clubs else (NATION_LINEAR, NATION_TREES)
    if clubs and not shots:
        linear = linear[: -len(SHOTS)]
    taken = (*linear, *trees)
    if clubs:
        return Recipe(taken, lambda rows, outcomes, weights: Boosted.fit(rows, outcomes, weights, range(len(linear)), 120))
    fit: Fit = lambda rows, outcomes, weights: Paired.fit(rows, outcomes, weights, len(linear), len(taken), 60)  # noqa: E731
    return Recipe((*taken, *SIX), fit, 5.0)
