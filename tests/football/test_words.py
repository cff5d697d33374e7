from core.football.words import FEATURE_WORDS
from core.learning.features import FEATURES


def test_every_feature_has_a_group_and_a_name_of_its_own():
    assert {*FEATURES, "sex"} <= set(FEATURE_WORDS)
    names = [words for _, words in FEATURE_WORDS.values()]
    assert len(set(names)) == len(names)
    assert {group for group, _ in FEATURE_WORDS.values()} == {"Strength", "Form", "Setting"}
