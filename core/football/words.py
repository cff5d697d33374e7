"""The words for what the models look at: each feature's group, and its name as people say it. Home side minus away side where
nothing else is said."""

from __future__ import annotations

STRENGTH, SHOTS, FORM, STAKES = "Strength", "Shots", "Form", "What is at stake"
SEASON, REST, KNOWN, SETTING, OTHER = "Season so far", "Rest", "How well known", "Ground and occasion", "Other"

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
_PLACES = {"title": "the title", "top_four": "the top four", "europe": "the top six", "safety": "safety"}
_SIDES = {"home": "home side", "away": "away side"}

FEATURE_WORDS: dict[str, tuple[str, str]] = {
    "joint_to_home": (STRENGTH, "Home win against draw, by attack and defence"),
    "joint_to_away": (STRENGTH, "Away win against draw, by attack and defence"),
    "joint_total": (STRENGTH, "Goals expected of both, in logarithms"),
    "joint_unequal": (STRENGTH, "How unequal the sides are"),
    "joint_gap": (STRENGTH, "Goals expected, by attack and defence"),
    "joint_home": (STRENGTH, "Goals expected of the home side"),
    "joint_away": (STRENGTH, "Goals expected of the away side"),
    "gas_gap": (STRENGTH, "Goals expected, by quick ratings"),
    "elo": (STRENGTH, "Strength over the years (Elo)"),
    "elo_fast": (STRENGTH, "Strength of late (fast Elo)"),
    "pi": (STRENGTH, "Strength at home and away (pi-rating)"),
    "shots_to_home": (SHOTS, "What shots say beyond goals, home win"),
    "shots_to_away": (SHOTS, "What shots say beyond goals, away win"),
    **{f"stake_{place}": (STAKES, f"What the match means for {words}") for place, words in _PLACES.items()},
    **{
        f"stake_{place}_{side}": (STAKES, f"What it means for {words}, {whose}")
        for place, words in _PLACES.items()
        for side, whose in _SIDES.items()
    },
    "season_left": (STAKES, "Share of the season that is left"),
    "season_points": (SEASON, "Points a match this season"),
    "season_goals": (SEASON, "Goal difference a match this season"),
    "round_home": (SEASON, "Matches played this season, home side"),
    **{f"rest_{side}": (REST, f"Days since the last match, {whose}") for side, whose in _SIDES.items()},
    **{f"known_{side}": (KNOWN, f"How many matches are known, {whose}") for side, whose in _SIDES.items()},
    **{f"here_{side}": (KNOWN, f"Matches in a row in this league, {whose}") for side, whose in _SIDES.items()},
    "new_league": (KNOWN, "First day of a league"),
    "joint_doubt": (KNOWN, "Doubt about both sides’ strength"),
    "ground": (SETTING, "Plays on its own ground"),
    "own_ground": (SETTING, "What these sides’ own grounds are worth beyond the usual"),
    "weight": (SETTING, "Weight of the match: friendly to World Cup"),
    "gap_here": (STRENGTH, "Strength on one’s own ground"),
    "gap_weighty": (STRENGTH, "Strength where much counts"),
    "national": (SETTING, "Nations or clubs"),
    "sex": (SETTING, "Women’s or men’s football"),
    "diff_ground_w5": (FORM, "Goal difference at this ground, last five"),
    **{
        f"diff_{metric}_w{window}": (FORM, f"{words} a match, last {number}")
        for window, number in _NUMBERS.items()
        for metric, words in _METRIC_WORDS.items()
    },
}

GROUP_WORDS = {
    STRENGTH: "Attack, defence and ratings of both sides, from all their results",
    SHOTS: "What shots say beyond goals",
    FORM: "The last matches of both sides",
    STAKES: "Title, places and safety: what the match means for each side",
    SEASON: "Points and goals of this season",
    REST: "Days since the last match",
    KNOWN: "How many matches are known of both sides, and the doubt that is left",
    SETTING: "Whose ground it is, and the weight of the match",
    OTHER: "All else",
}


def words_of(feature: str) -> tuple[str, str]:
    """A feature's group and its name for people; one that nobody named is of the rest."""
    return FEATURE_WORDS.get(feature, (OTHER, feature.replace("_", " ").capitalize()))


def group_of(feature: str) -> str:
    return words_of(feature)[0]
