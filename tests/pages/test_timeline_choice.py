"""The way between the replay and today on Operations: there when there are two, and only who has the key goes it."""

from __future__ import annotations

import pytest

from core.settings import Settings
from tests.pages.ops_fixtures import house, said  # noqa: F401


def way(page):
    return [button for button in page.button if button.key == "timeline_way"]


@pytest.fixture
def arrived(house):  # noqa: F811
    """The replay is shown by choice; today's matches are there."""
    settings = Settings.from_environment()
    settings.key_file.write_text("the-key")
    settings.arrived_file.parent.mkdir(parents=True)
    settings.arrived_file.touch()
    settings.choose("replay")
    return house


def test_with_one_timeline_there_is_no_way_to_another(house):  # noqa: F811
    assert way(house.open("operations")) == []


def test_the_banner_and_operations_lead_to_todays_matches(arrived):
    page = arrived.open("operations")
    assert "Operations leads to them" in said(page)
    assert [button.label for button in way(page)] == ["See today's matches"]


def test_without_the_key_nothing_is_chosen_and_with_it_today_is(arrived):
    page = arrived.open("operations")
    way(page)[0].click().run()
    assert any("Give the key first" in warning.value for warning in page.warning)
    assert Settings.from_environment().timeline == "replay"
    page.text_input(key="operator_key").input("the-key").run()
    way(page)[0].click().run()
    assert not page.exception
    assert Settings.from_environment().timeline == "real"
