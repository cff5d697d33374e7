"""Match from the front door: one forecast in full, how it did, its receipt, and every wrong address in words."""

import json
import math
import re
from html import escape

import numpy as np
import pandas as pd
import pytest

from core.clock import real_now
from core.serving import stage_file
from core.serving.stage_file import StageFile
from core.storage import pipeline_log
from core.storage.forecast_chain import Forecast, seal
from core.storage.schema import match_id_aliases
from pages.shared import held
from tests.pages.ops_fixtures import STAGES, house, said  # noqa: F401
from tests.serving import models
from tests.serving.batches import FEATURES, LABEL_OF, card, ids, match_features, matches, parquet, predictions

COUNT = 40
CHANCES = ["proba_home", "proba_draw", "proba_away"]
PLAYED, TO_COME = (int(ids(COUNT)[place]) for place in (19, 20))
NASTY = "<b>Bold</b> & \"Sons\" 'FC' *x* <script>"


def history(**first):
    """The history with the statuses of the real one; `first` changes columns of the match to come."""
    table = matches(COUNT).replace({"status": {"played": "finished", "upcoming": "scheduled"}})
    row = table["match_id"] == TO_COME
    for column, value in first.items():
        table.loc[row, column] = value
    return table


def forecasts():
    """The batch's predictions, the champion's as its model makes them."""
    table = predictions(COUNT)
    own = match_features(COUNT)[[*FEATURES, "sex"]].to_numpy(dtype=float)
    table.loc[table["model_version"] == 1, CHANCES] = models.model(lean=1 / 4).predict(own)
    table["predicted_class"] = table[CHANCES].to_numpy().argmax(axis=1)
    table["predicted_label"] = np.array(LABEL_OF)[table["predicted_class"]]
    return table


def chances(match_id, stage="champion"):
    table = forecasts()
    row = table[(table.index == match_id) & (table["model_version"] == STAGES[stage])].iloc[0]
    return row[CHANCES].to_numpy(dtype=float)


def sealed(match_id, said_by, entry_day="12"):
    home, draw, away = said_by
    return Forecast(
        match_id,
        "champion",
        1,
        home,
        draw,
        away,
        "2026-03-13T15:00:00Z",
        f"2026-03-{entry_day}T12:00:00Z",
        "2026-11-23T13:00:00Z",
        "replay",
    )


def text(page):
    return re.sub(r"\s+", " ", re.sub(r"<style.*?</style>|<[^>]+>", " ", said(page), flags=re.DOTALL))


def tables(page):
    return [table.value for table in page.table]


@pytest.fixture
def told(house):  # noqa: F811
    house.publish(matches__parquet=parquet(history()), predictions__parquet=parquet(forecasts()))
    return house


def test_the_card_shows_the_forecast_of_the_batch_and_every_stages_beside_it(told):
    page = told.open("match", id=str(TO_COME))
    assert not page.exception and not page.error
    shown = [int(number) for number in re.findall(r"(\d+)%</span>", said(page))]
    bars = [shown[place : place + 3] for place in range(0, 12, 3)]
    assert all(sum(bar) == 100 for bar in bars)
    for bar, stage in zip(bars[1:], ("champion", "challenger", "baseline"), strict=True):
        assert np.abs(np.array(bar) - 100 * chances(TO_COME, stage)).max() < 1
    assert bars[0] == bars[1]
    for word in ("Likeliest score", "Expected goals", "Over 2.5 goals", "Both teams score", "Champion v1", "Challenger v2", "Baseline v3"):
        assert word in text(page)


def test_an_id_that_the_match_had_before_shows_it_under_its_present_one_with_what_was_sealed_then(told):
    before = 424242
    with told.database.write() as connection:
        connection.execute(match_id_aliases.insert(), {"old": before, "new": TO_COME})
        seal(connection, [sealed(before, (0.5, 0.3, 0.2))])
    pipeline_log.note(told.database, "published", "a batch")
    page = told.open("match", id=str(before))
    assert "There is no match" not in text(page) and "50 · 30 · 20" in text(page)
    assert page.query_params["id"] == str(TO_COME)
    assert told.open("playground", match_id=str(before)).selectbox(key="choose_match").value == TO_COME


def test_the_grid_on_the_page_has_the_margins_of_the_card(told):
    page = told.open("match", id=str(TO_COME))
    grid = next(table for table in tables(page) if "Home 0 goals" in table.columns)
    numbers = grid.iloc[:, 1:].to_numpy(dtype=float)
    margins = (np.tril(numbers, -1).sum(), np.trace(numbers), np.triu(numbers, 1).sum())
    np.testing.assert_allclose(margins, 100 * chances(TO_COME), atol=0.3)


def test_the_parts_of_the_reason_are_the_models_own_and_sum_to_the_total_shown(told):
    page = told.open("match", id=str(TO_COME))
    services = held.services()
    own = services.models.explain(TO_COME)
    reasons = next(table for table in tables(page) if "Log-odds of a home win" in table.columns)
    shown = [float(value.replace("−", "-")) for value in reasons["Log-odds of a home win"]]
    assert sum(shown) == pytest.approx(sum(own.values()), abs=0.002)
    total = float(re.search(r"(?:add up to|log-odds:) ([+−]\d\.\d\d)", text(page))[1].replace("−", "-"))
    assert total == pytest.approx(sum(own.values()), abs=0.006)
    bars = json.loads(page.get("plotly_chart")[0].proto.spec)["data"][0]["text"]
    assert sum(float(bar.replace("−", "-")) for bar in bars) == pytest.approx(total, abs=1e-9)
    assert not any("_" in word for word in reasons.astype(str).to_numpy().ravel())


def test_a_forecast_that_is_not_todays_models_gets_no_reasons_of_todays_model(told):
    with told.database.engine.begin() as connection:
        seal(connection, [sealed(PLAYED, (0.5, 0.3, 0.2))])
    page = told.open("match", id=str(PLAYED))
    assert "Champion v1 gave it" in text(page)
    assert "Why these numbers" not in text(page)
    assert "Why these numbers" in text(told.open("match", id=str(TO_COME)))


@pytest.mark.parametrize(("status", "words"), [("scheduled", "no forecast of this match yet"), ("postponed", "This match was postponed")])
def test_a_match_without_a_forecast_is_still_told(told, status, words):
    told.publish(matches__parquet=parquet(history(match_id=5, status=status)))
    page = told.open("match", id="5")
    assert not page.exception
    assert words in text(page)
    assert "Form and meetings" in text(page) and "Sealed forecast" not in text(page)


def test_a_played_match_says_how_the_forecast_did(told):
    page = told.open("match", id=str(PLAYED))
    result = history().set_index("match_id").loc[PLAYED]
    outcome = 0 if result["home_score"] > result["away_score"] else 1 if result["home_score"] == result["away_score"] else 2
    assert f"Full time {result['home_score']:.0f}–{result['away_score']:.0f}" in text(page)
    assert f"Log loss {-math.log(chances(PLAYED)[outcome]):.3f}" in text(page)
    assert "RPS" in text(page)
    assert "not sealed in time" in text(page)
    assert 'class="s h out"' in said(page) or "out" in re.findall(r'class="s [hda]( out)?"', said(page))[outcome]


def test_the_receipt_names_the_entry_and_how_the_forecast_moved(told):
    with told.database.engine.begin() as connection:
        seal(connection, [sealed(TO_COME, (0.5, 0.3, 0.2), "11"), sealed(TO_COME, (0.6, 0.2, 0.2))])
    page = told.open("match", id=str(TO_COME))
    assert "Sealed 2 times. A home win went up from 50% to 60%." in text(page)
    assert "entry 2, of the replay" in text(page)
    assert re.search(r"(?:[0-9a-f]{8} ){7}[0-9a-f]{8}", text(page))
    moves = next(table for table in tables(page) if "Entry" in table.columns)
    assert list(moves["Home win"]) == ["50.0%", "60.0%"]


def test_a_match_without_a_seal_says_so(told):
    assert "None yet. The pipeline seals the forecasts" in text(told.open("match", id=str(TO_COME)))


def test_a_team_name_that_looks_like_code_is_shown_as_it_is_written(told):
    told.publish(matches__parquet=parquet(history(home_team=NASTY)))
    page = told.open("match", id=str(TO_COME))
    assert not page.exception
    html = "".join(element.proto.body for element in page.get("html"))
    assert "<b>Bold" not in html and "<script" not in html
    assert escape(NASTY) in html
    for chart in page.get("plotly_chart"):
        assert "<b>Bold" not in json.dumps(json.loads(chart.proto.spec), ensure_ascii=False)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("", "Choose it from the list"),
        ("0", "“0” is not the number of a match"),
        ("-1", "“-1” is not the number"),
        ("abc", "“abc” is not the number"),
        ("1.0", "“1.0” is not the number"),
        ("1e99", "“1e99” is not the number"),
        ("9" * 40, "is not the number"),
        (str(2**53), "is not the number"),
        ("12", "no match with the number 12"),
        ("<script>alert(1)</script>", "<script>"),
        ('\' OR "1"=1 --', "is not the number"),
        ("١٢", "is not the number"),
        ("\x00\ud7ff", "is not the number"),
    ],
    ids=[
        "none",
        "zero",
        "negative",
        "letters",
        "decimal",
        "huge",
        "forty digits",
        "2^53",
        "unknown",
        "script",
        "quotes",
        "Arabic",
        "control",
    ],
)
def test_an_absurd_match_is_answered_with_a_sentence_and_a_way_back(told, name, answer):
    page = told.open("match", id=name)
    assert not page.exception and not page.error
    assert answer in said(page)
    assert "<script" not in "".join(element.proto.body for element in page.get("html"))
    assert [link.proto.label for link in page.get("page_link")] == ["All matches"]


def test_playground_is_one_link_away_with_this_match_in_its_address(told):
    page = told.open("match", id=str(TO_COME))
    onward = next(link.proto for link in page.get("page_link") if "Playground" in link.proto.label)
    assert str(TO_COME) in onward.query_string


def test_with_the_database_away_the_forecast_still_stands(told, monkeypatch):
    monkeypatch.setenv("SOCCER_DATABASE_URL", f"sqlite:///{told.settings.home / 'nowhere' / 'soccer.db'}")
    page = told.open("match", id=str(TO_COME))
    assert not page.exception
    assert "Likeliest score" in text(page)


def test_before_the_first_pipeline_run_the_page_has_its_head_and_says_what_to_do(house):  # noqa: F811
    house.unpublish()
    page = house.open("match", id=str(TO_COME))
    assert not page.exception
    assert "make pipeline" in text(page) or any("make pipeline" in str(info.value) for info in page.info)


def test_the_csv_under_a_chart_and_the_forecast_are_files(told):
    page = told.open("match", id=str(TO_COME))
    labels = [button.proto.label for button in page.get("download_button")]
    assert {"This forecast as CSV", "Add to calendar", "Download as CSV"} <= set(labels)
    assert pd.Series(labels).eq("Download as CSV").sum() >= 2


def promoted(house):  # noqa: F811
    """As after the promotion of version 2: the former champion takes the challenger's row."""
    cards = {STAGES[stage]: card(stage, STAGES[stage]) for stage in STAGES}
    stages = {"champion": 2, "challenger": 2, "baseline": 3}
    house.store.write(stage_file.KEY, StageFile(stages, real_now(), 1, real_now(), cards).to_json())


def test_after_a_promotion_what_each_model_says_is_of_the_versions_that_have_the_stages_now(told):
    promoted(told)
    page = told.open("match", id=str(TO_COME))
    assert not page.exception and not page.error
    table = next(table for table in tables(page) if list(table.columns) == ["Model", "Home win", "Draw", "Away win"])
    assert list(table["Model"]) == ["Champion v2", "Former champion v1", "Baseline v3"]
    expected = [f"{100 * chances(TO_COME, stage)[0]:.1f}%" for stage in ("challenger", "champion", "baseline")]
    assert list(table["Home win"]) == expected


def test_after_a_promotion_the_verdict_and_the_receipt_are_of_what_was_sealed_and_the_champion_of_today_has_its_own_row(told):
    with told.database.engine.begin() as connection:
        seal(connection, [sealed(PLAYED, (0.5, 0.3, 0.2))])
    promoted(told)
    page = told.open("match", id=str(PLAYED))
    assert "Champion then, v1 gave it" in text(page) and "v2 gave it" not in text(page)
    assert "champion v1" in text(page), "the receipt names the version that was sealed"
    table = next(table for table in tables(page) if list(table.columns) == ["Model", "Home win", "Draw", "Away win"])
    assert list(table["Model"]) == ["Champion then, v1", "Champion now, v2", "Baseline v3"] and table["Home win"][0] == "50.0%"
