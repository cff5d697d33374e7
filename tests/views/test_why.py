import pytest

from core.football.outcomes import Probabilities
from core.football.words import FEATURE_WORDS, GROUP_WORDS, group_of
from core.views.why import rounded_to_sum, why

SAID, EVEN = Probabilities(0.39, 0.28, 0.33), Probabilities(0.5, 0.25, 0.25)
PARTS = {"Strength": -0.0935, "Form": -0.0833, "Rest": 0.0, "What is at stake": 0.004}


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


def test_it_speaks_football_and_starts_from_an_average_match_of_the_competition():
    found = why(PARTS, SAID)
    assert found.parts[0][0] == "Strength"
    assert "from 43% in an average match of this competition to 39% here" in found.words
    assert found.table["In words"].str.len().min() > 10 and set(found.table["What"]) == set(PARTS)


def test_a_bar_without_a_length_is_left_to_the_table():
    found = why(PARTS, SAID)
    assert len(found.parts) == 2 and len(found.table) == 4


def test_every_group_of_features_has_its_words():
    assert {group_of(feature) for feature in FEATURE_WORDS} <= set(GROUP_WORDS)


def test_nothing_that_moved_is_still_an_answer():
    found = why({"Strength": 0.0}, EVEN)
    assert found.total == 0 and len(found.parts) == 1


def test_the_chance_is_the_one_of_the_bar_and_the_start_follows_from_the_total():
    found = why({"Strength": -1.0}, Probabilities(0.1455, 0.2065, 0.648))
    assert Probabilities(0.1455, 0.2065, 0.648).percentages() == (14, 21, 65)
    assert "from 32% in an average match of this competition to 14% here" in found.words
