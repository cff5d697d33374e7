import pytest

from core.football.outcomes import Probabilities
from core.views.why import rounded_to_sum, why

SAID, EVEN = Probabilities(0.39, 0.28, 0.33), Probabilities(0.5, 0.25, 0.25)
PARTS = {"elo_diff": -0.0935, "elo_fast_diff": -0.0833, "home_ground": 0.0, "sex": 0.004}


def test_the_parts_shown_sum_to_the_total_shown():
    found = why(PARTS, SAID)
    assert sum(round(100 * value) for _, value in found.parts) == round(100 * found.total) == -17
    assert "add up to −0.17" in found.words


@pytest.mark.parametrize("values", [(0.005, 0.005, 0.005), (-0.005, -0.005), (0.1449, 0.1449, -0.29), (1e-9,), (0.333, 0.333, 0.334)])
def test_rounding_keeps_the_sum(values):
    named = {str(place): value for place, value in enumerate(values)}
    rounded = rounded_to_sum(named)
    assert sum(round(100 * value) for value in rounded.values()) == round(100 * sum(values))
    assert all(abs(rounded[name] - named[name]) <= 0.01 for name in named)


def test_it_speaks_football_and_starts_from_an_average_match():
    found = why(PARTS, SAID)
    assert found.parts[0][0].replace("<br>", " ") == "Strength over the years (Elo)"
    assert "from 43% in an average match to 39% here" in found.words
    assert "elo_diff" not in found.table.to_string()


def test_a_bar_without_a_length_is_left_to_the_table():
    found = why(PARTS, SAID)
    assert len(found.parts) == 2 and len(found.table) == 4


def test_many_features_become_one_bar_a_group():
    parts = {f"diff_{metric}_w{window}": 0.01 for metric in ("goals_for", "points", "wins") for window in (5, 10, 20)} | {"elo_diff": 0.2}
    found = why(parts, EVEN)
    assert dict(found.parts) == {"Strength": 0.2, "Form": 0.09}
    assert len(found.table) == 10


def test_a_feature_without_words_is_named_plainly():
    assert why({"rest_days": 0.1}, EVEN).parts[0][0] == "Rest days"


def test_nothing_that_moved_is_still_an_answer():
    found = why({"elo_diff": 0.0}, EVEN)
    assert found.total == 0 and len(found.parts) == 1


def test_the_chance_is_the_one_of_the_bar_and_the_start_follows_from_the_total():
    found = why({"elo_diff": -1.0}, Probabilities(0.1455, 0.2065, 0.648))
    assert Probabilities(0.1455, 0.2065, 0.648).percentages() == (14, 21, 65)
    assert "from 32% in an average match to 14% here" in found.words
