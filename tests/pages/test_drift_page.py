"""Drift from the front door."""

import json
import re

import streamlit as st

from core.clock import real_now
from core.serving import stage_file
from core.serving.stage_file import StageFile
from tests.pages.ops_fixtures import STAGES, house, said  # noqa: F401
from tests.serving.batches import card
from tests.views.reports import drift_report


def test_drift_begins_with_what_moved_and_whether_it_hurts(house):  # noqa: F811
    page = house.open("drift")
    assert not page.exception and not page.error
    text = said(page)
    assert "Goals scored in the last five moved, and it has not hurt: the score stays inside its band." in text
    assert "1 of 3 features drifts at a false discovery rate of 5%." in text
    assert text.index("Goals scored a match, last five") < text.index("Strength over the years (Elo)")
    assert '<span class="tag">drifts</span>' in text


def test_a_report_that_hurts_is_marked_as_one(house):  # noqa: F811
    house.publish(drift__json=json.dumps(drift_report(hurts=True)).encode())
    assert 'class="verdict no"' in said(house.open("drift"))


def test_the_feature_in_the_address_is_the_one_whose_distribution_is_shown(house):  # noqa: F811
    page = house.open("drift", feature="Women’s or men’s football")
    assert page.selectbox(key="feature").value == "Women’s or men’s football"
    assert any(element.value.startswith("Women’s or men’s football: the largest change") for element in page.caption)


def test_the_first_feature_shown_is_the_one_that_drifts(house):  # noqa: F811
    assert house.open("drift").selectbox(key="feature").value == "Goals scored a match, last five"
    assert house.open("drift", feature="nothing of the kind").selectbox(key="feature").value == "Goals scored a match, last five"


def test_the_weeks_table_says_what_the_chart_shows(house):  # noqa: F811
    weeks = house.open("drift").table[0].value
    assert list(weeks["Log loss"]) == ["0.980", "1.070", "0.990", "0.950"]


def test_before_there_is_a_report_the_page_says_what_to_do(house):  # noqa: F811
    house.publish(drift__json=json.dumps({"as_of": "2026-03-13T12:00:00Z", "drift_score": None}).encode())
    page = house.open("drift")
    assert not page.exception
    assert "make pipeline" in page.info[0].value


def test_an_unreadable_report_is_told_and_no_crash(house):  # noqa: F811
    house.publish(drift__json=b"{half")
    page = house.open("drift")
    assert not page.exception
    assert "drift.json" in said(page)


def test_before_the_first_pipeline_run_the_page_has_its_head_and_says_what_to_do(house):  # noqa: F811
    house.unpublish()
    page = house.open("drift")
    assert not page.exception and not page.error
    assert "Has what the models see" in said(page) and "make pipeline" in said(page)


def promoted(house):  # noqa: F811
    cards = {version: card(stage, version) for stage, version in STAGES.items()}
    stages = {"champion": 2, "challenger": 2, "baseline": 3}
    house.store.write(stage_file.KEY, StageFile(stages, real_now(), 1, real_now(), cards).to_json())


def test_after_a_promotion_the_report_is_the_new_champions_at_once(house):  # noqa: F811
    other = drift_report(model_version=2, performance=[{"week": "2026-02-23", "n": 38, "log_loss": 0.777, "low": 0.7, "high": 1.05}])
    house.publish(drift__json=json.dumps(drift_report() | {"versions": {"2": other}}).encode())
    assert "Log loss by week of version 1, the champion." in said(house.open("drift"))
    promoted(house)
    st.cache_resource.clear()
    page = house.open("drift")
    assert "Log loss by week of version 2, the champion." in said(page)
    assert "The three chances of version 2, the champion, tested in the same way." in said(page)
    assert page.table[0].value["Log loss"][0] == "0.777"


def test_where_there_is_no_report_of_the_new_champion_every_section_says_whose_it_is(house):  # noqa: F811
    promoted(house)
    text = said(house.open("drift"))
    assert len(re.findall(r"version 1, champion until \d\d:\d\d; version 2 has no report yet", text)) == 3


def test_every_section_of_a_report_says_whose_it_is(house):  # noqa: F811
    assert said(house.open("drift")).count("version 1, the champion") == 3
