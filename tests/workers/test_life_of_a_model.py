"""A model's whole life in the running app: what any page, route, metric or file says of it never contradicts another."""

import pytest

from tests.life import Life, live

pytestmark = pytest.mark.long


def test_a_models_life_on_a_tiny_league(tmp_path):
    live(Life.tiny(tmp_path))


def test_a_models_life_on_the_bundled_matches(tmp_path):
    live(Life.bundled(tmp_path))
