"""Drift from the front door."""

import json

from tests.pages.ops_fixtures import house, said  # noqa: F401
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
