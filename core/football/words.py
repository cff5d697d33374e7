"""The words for what the models look at: each feature's group, and its name as people say it. Home side minus away side."""

from __future__ import annotations

STRENGTH, FORM, SETTING = "Strength", "Form", "Setting"

_METRIC_WORDS = {
    "goals_for": "Goals scored",
    "goals_against": "Goals conceded",
    "goal_difference": "Goal difference",
    "points": "Points",
    "wins": "Wins",
    "draws": "Draws",
    "losses": "Defeats",
}
_NUMBERS = {5: "five", 10: "ten", 20: "twenty"}

FEATURE_WORDS: dict[str, tuple[str, str]] = {
    "elo_diff": (STRENGTH, "Strength over the years (Elo)"),
    "elo_fast_diff": (STRENGTH, "Strength of late (fast Elo)"),
    "pi_diff": (STRENGTH, "Strength at home and away (pi-rating)"),
    "home_ground": (SETTING, "Plays on its own ground"),
    "sex": (SETTING, "Women's or men's football"),
    **{
        f"diff_{metric}_w{window}": (FORM, f"{words} a match, last {number}")
        for window, number in _NUMBERS.items()
        for metric, words in _METRIC_WORDS.items()
    },
}
