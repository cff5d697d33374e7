"""A tiny made-up league, from its file through the pipeline to every page."""

import re

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.football.outcomes import Probabilities
from core.settings import PROJECT
from pages.shared import held
from tests.installation import PATIENCE

PAGES = ("matches", "live", "match", "arena", "playground", "drift", "operations", "how_it_works")
MOMENT = "10 October 2024"


@pytest.fixture(scope="module")
def small(tiny):
    project, done = tiny
    assert done.code == 0, done.err
    return project


@pytest.fixture(scope="module")
def house(small):
    """The app on that league, as a visitor's browser would load it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in small.environment().items():
            patch.setenv(name, value)
        st.cache_resource.clear()
        yield lambda: AppTest.from_file(str(PROJECT / "app.py"), default_timeout=PATIENCE).run()
        held.jobs().close()
        held.services().close()
        st.cache_resource.clear()


def text_of(page):
    found = [element.proto.body for element in page.get("html")]
    return " ".join(re.sub(r"<style.*?</style>|<[^>]+>", " ", body, flags=re.DOTALL) for body in found)


@pytest.mark.parametrize("name", PAGES)
def test_every_page_draws_the_tiny_league(house, name):
    page = house()
    if name != "matches":
        page = page.switch_page(f"pages/{name}.py").run()
    assert not page.exception
    assert not page.error
    assert MOMENT in text_of(page)


def test_the_forecasts_of_the_tiny_league_are_for_its_own_teams(house, small):
    said = text_of(house())
    coming = small.league[small.league["date"] > "2024-10-10"]
    assert len(coming) > 5
    assert coming.iloc[0]["home_team"] in said
    assert len(re.findall(r"\d+%", said)) >= 3 * min(len(coming), 20)


def test_the_strongest_team_of_the_tiny_league_is_the_favourite_at_home_against_the_weakest(house):
    house()
    services = held.services()
    features = services.features.frame()
    row = features[(features["homeTeamName"] == "Ajax") & (features["awayTeamName"] == "Heerenveen")].index
    assert services.predictions.get_prediction(int(row[-1]))["predicted_label"] == "home_win"


def test_a_match_page_shows_the_forecast_of_the_file(house):
    page = house()
    match_id = next(iter(held.services().features.list_matches()))["match_id"]
    said = held.services().predictions.get_prediction(match_id)
    page.query_params["id"] = str(match_id)
    page = page.switch_page("pages/match.py").run()
    assert not page.exception
    before, title, after = text_of(page).partition(f"{said['homeTeamName']} v {said['awayTeamName']}")
    assert title, before
    bar = tuple(int(percent) for percent in re.findall(r"(\d+)%", after)[:3])
    assert bar == Probabilities(*(said[f"proba_{side}"] for side in ("home", "draw", "away"))).percentages()
