"""How it works from the front door: it reads the same before and after the first run."""

from tests.pages.ops_fixtures import house, said  # noqa: F401
from tests.serving.batches import ids


def test_it_tells_how_to_read_a_forecast_and_ask_for_one(house):  # noqa: F811
    page = house.open("how_it_works")
    assert not page.exception and not page.error
    for title in (
        "How to read a forecast",
        "1–1 beside a clear favourite",
        "The method in a page",
        "Limits",
        "Sources and their terms",
        "Fetched from the network",
        "The API",
    ):
        assert title in said(page)
    assert f'"$API/predict/{ids(40)[20]}?stage=challenger"' in page.code[0].value


def test_before_the_first_pipeline_run_it_is_all_there(house):  # noqa: F811
    house.unpublish()
    page = house.open("how_it_works")
    assert not page.exception and not page.error
    assert "Limits" in said(page)
    assert "/predict/$MATCH?stage=challenger" in page.code[0].value


def test_the_key_itself_is_never_on_the_page(house):  # noqa: F811
    house.settings.key_file.write_text("very-secret-key")
    assert "very-secret-key" not in said(house.open("how_it_works"))
