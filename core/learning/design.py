"""The columns that learners take, made from the numbers of the ratings: log-odds, gaps, and how they meet the occasion."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from core.learning.stakes import PLACES
from core.learning.streams import Floats

MOST = 13  # goals a side that are counted


def log_odds(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Logarithms of home to draw and of away to draw, for two independent Poisson counts with these log means (Maher 1982)."""
    home_mean, away_mean = np.exp(np.clip(first, -5, 2.2)), np.exp(np.clip(second, -5, 2.2))
    one, two = np.exp(-home_mean), np.exp(-away_mean)
    below_one, below_two = np.zeros(len(one)), np.zeros(len(two))
    home, draw, away = np.zeros(len(one)), np.zeros(len(one)), np.zeros(len(one))
    for goals in range(MOST):
        home += one * below_two
        draw += one * two
        away += two * below_one
        below_one, below_two = below_one + one, below_two + two
        one, two = one * home_mean / (goals + 1), two * away_mean / (goals + 1)
    return np.log(np.maximum(home, 1e-9) / draw), np.log(np.maximum(away, 1e-9) / draw)


def strengths(numbers: Mapping[str, Floats], name: str) -> dict[str, Floats]:
    """Log-odds, total and gap of a rating of goals."""
    first, second = numbers[f"{name}_home"], numbers[f"{name}_away"]
    home, away = log_odds(first, second)
    return {f"{name}_to_home": home, f"{name}_to_away": away, f"{name}_total": first + second, f"{name}_gap": first - second}


def occasion(numbers: Mapping[str, Floats], gap: Floats) -> dict[str, Floats]:
    """How the gap between the sides meets the ground and the weight of the match, and how well the sides are known."""
    return {
        "joint_unequal": np.abs(gap),
        "joint_doubt": numbers["joint_home_doubt"] + numbers["joint_away_doubt"],
        "ground": numbers["ground"],
        "weight": numbers["weight"],
        "gap_here": gap * numbers["ground"],
        "gap_weighty": gap * numbers["weight"],
    }


def stakes(numbers: Mapping[str, Floats]) -> dict[str, Floats]:
    """Home minus away of what the match is worth for each place."""
    return {f"stake_{place}": numbers[f"stake_{place}_home"] - numbers[f"stake_{place}_away"] for place in PLACES}
