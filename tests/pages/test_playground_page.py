"""Playground from the front door: an answer at once, a task that is found again, and every wrong address in words."""

import json

import pytest

from core.storage.heartbeats import Pulse
from tests.pages.ops_fixtures import house, said  # noqa: F401
from tests.serving.batches import ids


def to_come():
    """The match that is next to kick off in the published batch of forty."""
    return int(ids(40)[20])


def result(match_id):
    chances = {"proba_home": 0.5, "proba_draw": 0.3, "proba_away": 0.2}
    model = {"model_name": "m", "model_version": 2, "model_run_id": "r", "model_stage": "challenger"}
    return {"match_id": match_id, "predicted_class": 0, "predicted_label": "home_win", **chances, **model}


def test_the_next_match_is_answered_at_once_by_the_champion(house):  # noqa: F811
    page = house.open("playground")
    assert not page.exception and not page.error
    assert page.selectbox(key="choose_match").value == to_come()
    shown = json.loads(page.code[0].value)
    assert (shown["match_id"], shown["model_stage"], shown["model_version"]) == (to_come(), "champion", 1)
    assert f"/predict/{to_come()}?stage=champion" in page.code[1].value


def test_match_and_stage_in_the_address_are_what_is_answered(house):  # noqa: F811
    played = int(ids(40)[3])
    shown = json.loads(house.open("playground", match_id=str(played), stage="baseline").code[0].value)
    assert (shown["match_id"], shown["model_stage"]) == (played, "baseline")


def test_a_choice_goes_into_the_address_and_the_address_leads_back(house):  # noqa: F811
    page = house.open("playground")
    assert "match_id" not in page.query_params
    later = int(ids(40)[25])
    page.selectbox(key="choose_match").select(later).run()
    page.segmented_control(key="choose_stage").set_value("baseline").run()
    assert (page.query_params["match_id"], page.query_params["stage"]) == (str(later), "baseline")
    del page.query_params["match_id"], page.query_params["stage"]  # as the browser's button does
    page.run()
    assert page.selectbox(key="choose_match").value == to_come()
    assert json.loads(page.code[0].value)["model_stage"] == "champion"


@pytest.mark.parametrize(
    ("name", "answer"), [("abc", "is not the number of a match"), ("-1", "is not the number"), ("12", "no match 12"), ("9" * 30, "is not")]
)
def test_an_absurd_match_is_answered_with_a_sentence_and_the_page_goes_on(house, name, answer):  # noqa: F811
    page = house.open("playground", match_id=name)
    assert not page.exception
    assert answer in page.warning[0].value
    assert json.loads(page.code[0].value)["match_id"] == to_come()


@pytest.mark.parametrize(
    ("name", "answer"), [("nope", "There is no task 'nope'"), ("../../x", "is not the id of a task"), ("x" * 300, "is not the id")]
)
def test_an_unknown_or_absurd_task_is_answered_with_a_sentence(house, name, answer):  # noqa: F811
    page = house.open("playground", task_id=name)
    assert not page.exception
    assert answer in page.warning[0].value


def test_a_queued_forecast_stands_in_the_ledger_and_in_the_address(house):  # noqa: F811
    page = house.open("playground", stage="challenger")
    page.button(key="go_queue").click().run()
    assert not page.exception
    task_id = page.query_params["task_id"]
    assert house.ledger.get(task_id)["status"] == "PENDING"
    assert "Waiting in the queue" in said(page)


def test_a_task_is_followed_to_its_result_and_found_again(house):  # noqa: F811
    page = house.open("playground", stage="challenger")
    page.button(key="go_queue").click().run()
    task_id = page.query_params["task_id"]
    assert house.ledger.claim(task_id, "ml@test:1", 30)
    house.ledger.beat(Pulse("ml@test:1", "ml", 1, "test", house.ledger.now(), {"challenger": 2}, 0, task_id))
    assert "A worker is at it" in said(house.open("playground", task_id=task_id))
    assert house.ledger.succeed(task_id, "ml@test:1", result(to_come()))
    again = house.open("playground", task_id=task_id)
    assert "after it was asked" in said(again)
    assert any('"proba_home": 0.5' in code.value for code in again.code)
    assert any(f"/monitoring/task_status/{task_id}" in code.value for code in again.code)


def test_a_failed_task_says_why(house):  # noqa: F811
    task_id = house.ledger.create("predict_match", "ml", {})
    assert house.ledger.claim(task_id, "w", 30)
    assert house.ledger.fail(task_id, "w", {"kind": "features_refused", "message": "elo is missing"})
    assert "It failed. Elo is missing." in said(house.open("playground", task_id=task_id))


def test_with_the_queue_down_the_page_says_so_and_still_answers_at_once(house, monkeypatch):  # noqa: F811
    monkeypatch.setenv("SOCCER_QUEUE_URL", "redis://127.0.0.1:1/0")
    page = house.open("playground")
    page.button(key="go_queue").click().run()
    assert not page.exception
    assert "The task queue does not answer" in page.warning[0].value
    assert json.loads(page.code[0].value)["match_id"] == to_come()


def test_with_the_database_away_the_answer_at_once_still_stands(house, monkeypatch):  # noqa: F811
    monkeypatch.setenv("SOCCER_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none?connect_timeout=1")
    page = house.open("playground")
    assert not page.exception and not page.error
    assert json.loads(page.code[0].value)["match_id"] == to_come()
    assert "The database does not answer" in page.warning[-1].value


def test_the_key_is_never_on_the_page(house):  # noqa: F811
    (house.settings.home / "api_key").write_text("very-secret-key")
    page = house.open("playground")
    assert "very-secret-key" not in said(page) and '"X-API-Key: $KEY"' in said(page)


def test_before_the_first_pipeline_run_the_page_has_its_head_and_says_what_to_do(house):  # noqa: F811
    house.unpublish()
    page = house.open("playground")
    assert not page.exception and not page.error
    assert "One match and one model" in said(page) and "make pipeline" in said(page)
