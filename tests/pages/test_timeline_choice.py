"""The way between the replay and today on Operations: there when there are two, and only who has the key goes it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from core.settings import Settings
from pages.shared import held
from tests.installation import PATIENCE
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


def test_a_page_that_is_open_when_the_other_timeline_is_shown_is_drawn_anew(house, monkeypatch):  # noqa: F811
    def page():
        import streamlit as st

        from pages.shared import frame

        st.session_state.drawn = st.session_state.get("drawn", 0) + 1
        frame.masthead("Matches", "Who is likely to win?")

    house.open("matches")
    shown = held.services()
    given = iter([replace(shown)])  # what the page was drawn with at first; its head, and whoever asks later, sees the others
    monkeypatch.setattr(held, "services", lambda: next(given, shown))
    visit = AppTest.from_function(page, default_timeout=PATIENCE).run()
    assert not visit.exception
    assert visit.session_state.drawn == 2
