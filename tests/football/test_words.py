from core.football.words import FEATURE_WORDS, GROUP_WORDS, group_of
from core.learning.recipe import FEATURES


def test_every_feature_has_a_group_and_a_name_of_its_own():
    assert {*FEATURES, "sex"} <= set(FEATURE_WORDS)
    names = [words for _, words in FEATURE_WORDS.values()]
    assert len(set(names)) == len(names)
    assert all(group_of(feature) == group and group in GROUP_WORDS for feature, (group, _) in FEATURE_WORDS.items())
