"""Goals in a real Chromium: how soon they are there, and a match day played by a newcomer without a network."""

import json
import shutil
import urllib.request
from dataclasses import replace
from datetime import timedelta

import pytest

from core.clock import SNAPSHOT_MOMENT
from core.football.live import LiveRow
from core.storage import live_scores
from core.storage.database import Database
from core.storage.schema import live_matches
from tests.installation import PATIENCE, Installation

ROW = LiveRow(
    "made-up", "7", SNAPSHOT_MOMENT, "eng.1", 0, "Arsenal", "Everton", "second_half", match_id=7,
    kickoff_utc=SNAPSHOT_MOMENT - timedelta(minutes=70), minute=53, home_score=0, away_score=0, sequence=1,
)  # fmt: skip


@pytest.fixture(scope="module")
def app(published, tmp_path_factory):
    """An app of its own: its clock will be moved."""
    project = tmp_path_factory.mktemp("live") / "project"
    shutil.copytree(published, project)
    app = Installation(project).start()
    yield app
    app.stop()


@pytest.fixture(scope="module")
def database(app):
    return Database(f"sqlite:///{app.project / 'var' / 'replay' / 'soccer.db'}")


def told(app):
    with urllib.request.urlopen(f"{app.address}/livescores/", timeout=PATIENCE) as answer:
        return {match["match_id"]: (match["home_score"], match["away_score"], match["status"]) for match in json.load(answer)}


def test_a_goal_is_on_the_page_and_in_the_api_soon_after_its_arrival(visit, app, database):
    live_scores.write(database, [ROW])
    page = visit("/live")
    page.wait_for_selector("#l7 .now:has-text('0–0')")
    page.evaluate("window.kept = true")
    for sequence, home, said in ((2, 1, "1–0"), (3, 2, "2–0"), (4, 1, "1–0")):
        live_scores.write(database, [replace(ROW, sequence=sequence, home_score=home)])
        page.wait_for_selector(f"#l7 .now:has-text('{said}')")
        assert told(app)[7] == (home, 0, "second_half")
    assert "goal taken back, it was 2–0" in page.inner_text("#l7")
    assert page.evaluate("window.kept"), "the page was never loaded anew"


def test_a_newcomer_plays_the_next_match_day_and_sees_matches_begin(visit, app, database):
    with database.write() as connection:
        connection.execute(live_matches.delete())
    page = visit("/live")
    page.get_by_role("button", name="Play the next match day").click()
    page.wait_for_selector("#replay:has-text('The replay plays')")
    page.wait_for_selector("article.lv.on:has-text('Burnley') .min:has-text('′')")
    playing = page.locator("article.lv.on").count()
    assert sum(status in ("first_half", "half_time") for _, _, status in told(app).values()) == playing >= 2
    assert "The replay plays: 14 March 2026, 15:" in page.inner_text("#replay")
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Let it play on").wait_for()


def test_a_newcomer_finds_the_replays_controls_without_a_key_on_operations_too(visit):
    page = visit("/operations")
    page.get_by_role("button", name="Play the next match day").click()
    assert not page.get_by_placeholder("the API’s key").count(), "whoever sits at this machine needs no key"
    page.get_by_text("It plays. Watch it on Live").click()
    page.wait_for_selector("h1:has-text('Live')")
    page.wait_for_selector("#replay:has-text('The replay plays')")
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Pause").wait_for(state="detached")
