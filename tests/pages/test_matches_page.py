"""Matches from the front door: what is on, every choice in the address, and what a visitor may type."""

import re
from html import escape

import pytest
import streamlit as st
from icalendar import Calendar

from core.clock import real_now
from core.settings import Settings
from core.storage.files import Store
from core.views import matches as view
from core.views.calendar import calendar
from pages.shared import held, match_list, state
from tests.pages.match_list import COUNT, NASTY, cards, files, home, percentages, said_raw, to_come
from tests.serving import models
from tests.serving.batches import match_features, publish


@pytest.fixture(scope="module", autouse=True)
def installation(tmp_path_factory):
    """One installation for all these visitors, who only look."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SOCCER_CLOCK", "SOCCER_STORE_URL", "SOCCER_DATABASE_URL", "SOCCER_QUEUE_URL", "MLFLOW_TRACKING_URI"):
            patch.delenv(name, raising=False)
        patch.setenv("SOCCER_HOME", str(tmp_path_factory.mktemp("matches") / "home"))
        settings = Settings.from_environment()
        made = {name.replace("__", "."): data for name, data in files().items()}
        publish(Store.open(settings.store_url), files=made, model_files={number: models.files() for number in (1, 2, 3)})
        st.cache_resource.clear()
        yield
        held.services().close()
        st.cache_resource.clear()


def test_the_home_page_shows_matches_to_come_and_each_bar_sums_to_a_hundred():
    page = home()
    assert not page.exception and not page.error
    shown = cards(page)
    assert len(shown) == to_come() == 20
    assert all(len(numbers) == 3 and sum(numbers) == 100 for *_, numbers in shown)


def test_the_results_stand_beside_with_what_happened_underlined():
    rail = re.search(r'<div class="rail">.*', said_raw(home()), re.DOTALL)[0]
    rows = re.findall(r'<li class="r">.*?</li>', rail, re.DOTALL)
    assert len(rows) >= view.FEWEST_RESULTS
    assert all(row.count('out"') == 1 and sum(percentages(row)) == 100 for row in rows)
    clear = [row for row in rows if "toss-up" not in row]
    assert clear and all(("called" in row) is (f' out" style="--p:{max(percentages(row))}"' in row) for row in clear)


def test_the_results_beside_are_those_of_what_was_chosen():
    rail = re.search(r'<div class="rail">.*', said_raw(home(q="home 3")), re.DOTALL)[0]
    pairs = re.findall(r'target="_self">(.*?) <b>', rail)
    assert pairs and all("Home 3" in pair for pair in pairs)


@pytest.mark.parametrize("q", ["almeria", "ALMERÍA", "munchen", "  bayern  almería "])
def test_the_search_finds_a_name_without_its_accents(q):
    assert [home for _, home, _, _ in cards(home(q=q))] == ["Almería"]


@pytest.mark.parametrize("q", ["O'Neill", "o neill s", '"', "'; DROP TABLE matches; --", "%", "<b>", "\\", "𝔄", "x" * 5000])
def test_quotes_and_other_oddities_in_the_search_do_no_harm(q):
    page = home(q=q)
    assert not page.exception and not page.error
    assert cards(page) or "None of the 20 matches to come fits" in said_raw(page)


def test_a_name_is_shown_as_it_is_written_and_never_as_markup():
    page = home(q="bold")
    raw = said_raw(page)
    assert [home for _, home, _, _ in cards(page)] == [escape(NASTY)]
    assert "<script>" not in raw and "<b>Bold" not in raw


def test_typing_searches():
    page = home()
    page.text_input(key="q").set_value("nottingham").run()
    assert [home for _, home, _, _ in cards(page)] == ["Nottingham Forest"]


CHOICES = {
    "q": "home",
    "sex": "Men",
    "league": "Premier League",
    "team": "Home 3",
    "clear": "In between",
    "from": "2026-03-13",
    "to": "2026-12-31",
}


@pytest.mark.parametrize(("name", "value"), CHOICES.items())
def test_a_choice_in_the_address_narrows_the_list(name, value):
    page = home(**{name: value})
    assert not page.exception
    narrowed = {number for number, *_ in cards(page)}
    assert narrowed <= {number for number, *_ in cards(home())}
    assert len(narrowed) < to_come() or name in ("from", "to")


def test_men_and_women_are_told_apart():
    sex = match_features(COUNT)["sex"]
    women = {number for number, *_ in cards(home(sex="Women"))}
    assert women and women == {number for number, *_ in cards(home()) if sex[number] == 1}


@pytest.mark.parametrize(
    ("name", "value"),
    [("sex", "<b>"), ("league", "none"), ("team", "' OR 1=1"), ("clear", "?"), ("from", "yesterday"), ("to", "9999-99-99"), ("page", "-1"),
     ("page", "1e9"), ("page", "99"), ("tz", "Mars/Olympus"), ("tz", "../etc/passwd")],
)  # fmt: skip
def test_what_is_no_choice_is_left_aside_with_a_word(name, value):
    page = home(**{name: value})
    assert not page.exception and not page.error
    assert len(cards(page)) == to_come()
    if name != "page":
        assert f"“{escape(value)}” here." in said_raw(page)


def test_what_is_a_choice_is_taken_without_a_word():
    page = home(sex="Women", clear="Toss-up", tz="Asia/Tokyo", **{"from": "2026-03-13"})
    assert "left aside" not in said_raw(page)


def test_another_time_zone_moves_the_kick_offs_and_goes_with_the_links():
    tokyo, london = (said_raw(home(tz=zone)) for zone in ("Asia/Tokyo", "Europe/London"))
    assert re.findall(r"<time[^>]*>(\d\d):\d\d", tokyo)[0] != re.findall(r"<time[^>]*>(\d\d):\d\d", london)[0]
    assert "Times in <b>Tokyo</b>" in tokyo
    assert "tz=Asia%2FTokyo" in tokyo


def test_the_page_offers_what_it_shows_as_a_table_and_as_a_calendar():
    page = home(q="almeria")
    assert {button.proto.label for button in page.get("download_button")} >= {"These matches as CSV", "Add to calendar"}


def test_the_calendar_and_the_table_of_the_page_agree_with_the_cards():

    page = home()
    made = match_list.upcoming(held.services(), state.zone())
    events = list(Calendar.from_ical(calendar(made, real_now())).walk("VEVENT"))
    assert sorted(str(event["UID"]) for event in events) == sorted(f"{number}@soccerpredictai" for number, *_ in cards(page))
    assert all(re.search(r"\d+%, draw \d+%, .*\d+%", str(event["DESCRIPTION"])) for event in events)
    assert sorted(view.downloaded(made)["Match id"]) == sorted(number for number, *_ in cards(page))


def test_replay_is_said_plainly_and_the_versions_speak():
    text = re.sub("<[^>]+>", "", said_raw(home()))
    assert "Replaying 13 March 2026, 12:00 UTC" in text
    assert "Champion v1" in text and "Challenger v2" in text
