"""Matches when there is nothing to show, nothing yet, or nothing newer."""

import pytest

from pages.shared import held
from tests.pages.match_list import COUNT, cards, files, home
from tests.pages.ops_fixtures import house, said  # noqa: F401
from tests.serving.batches import match_features, parquet


@pytest.fixture
def told(house):  # noqa: F811
    house.publish(**files())
    return house


def test_with_nothing_to_come_the_page_says_so(told):
    features = match_features(COUNT).assign(is_future=False)
    told.publish(match_features__parquet=parquet(features))
    page = home()
    assert not page.exception
    assert "No matches are to come in the data" in said(page)


def test_before_the_first_pipeline_run_the_page_says_what_to_do(house):  # noqa: F811
    house.store.remove("batch")
    held.timelines.clear()
    page = home()
    assert not page.exception
    assert "make pipeline" in said(page)


def test_a_file_that_breaks_leaves_the_last_good_matches_on_the_page(told):
    before = cards(home())
    services = held.services()
    told.publish(**files() | {"predictions__parquet": b"torn"})
    services.predictions.refresh()
    page = home()
    assert cards(page) == before
    assert "An earlier copy of the forecasts is shown" in said(page)
