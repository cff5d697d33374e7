import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from core.views import playground
from core.views.playground import answer, asked_for, options, task_problem, task_view

NOW = datetime(2026, 3, 13, 12, 0, 10, tzinfo=UTC)
RESPONSE = {
    "match_id": 11,
    "predicted_class": 0,
    "predicted_label": "home_win",
    "proba_home": 0.476,
    "proba_draw": 0.262,
    "proba_away": 0.262,
    "model_name": "soccer-match-outcome",
    "model_version": 3,
    "model_run_id": "r",
    "model_stage": "challenger",
    "features_computed_at": "2026-03-13T11:00:00Z",
    "predicted_at": "2026-03-13T12:00:10Z",
}


@pytest.fixture
def features():
    starts = pd.to_datetime(["2026-03-14T15:00:00Z", None, "2026-03-01T15:00:00Z"], utc=True)
    frame = pd.DataFrame(
        {"startTimeUtc": starts, "match_date": pd.to_datetime(["2026-03-14", "2026-03-15", "2026-03-01"])}, index=[11, 12, 7]
    )
    names = {"homeTeamName": ["1. FC Köln", "Arsenal", "Ajax"], "awayTeamName": ["Mainz", "Chelsea", "PSV"]}
    return frame.assign(is_future=[True, True, False], competition=["Bundesliga", "Premier League", "Eredivisie"], **names)


def test_matches_to_come_can_be_chosen_and_are_named_in_the_visitors_time(features):
    assert options(features, ZoneInfo("Europe/Berlin"), also=None) == {
        11: "1. FC Köln v Mainz, Sat 14 March 16:00, Bundesliga",
        12: "Arsenal v Chelsea, Sun 15 March, Premier League",
    }


def test_a_played_match_stays_chosen_when_its_link_names_it(features):
    assert list(options(features, UTC, also=7)) == [7, 11, 12]
    assert list(options(features, UTC, also=999)) == [11, 12]


@pytest.mark.parametrize("text", ["abc", "-1", "1.0", "٣", "9" * 30, "0x11", "<b>1</b>"])
def test_what_is_no_number_is_answered_with_a_sentence(text, features):
    asked = asked_for(text, features)
    assert asked.match_id is None
    assert "is not the number of a match" in asked.problem


def test_a_match_that_is_not_in_the_forecasts_is_answered_with_a_sentence(features):
    assert asked_for("404", features).problem.startswith("There is no match 404")
    assert asked_for(None, features) == asked_for("  ", features) == playground.Asked(None)
    assert asked_for(" 11 ", features) == playground.Asked(11)
    assert asked_for("404", features, {404: 11}.get) == playground.Asked(11), "by the id that it had before"


def test_an_absurd_task_id_is_refused_in_words_and_a_real_one_is_not():
    assert task_problem("0a5e7ad2-2f0e-4a2b-9d7f-0d6b3b1c2a11") is None
    for absurd in ("", "../../etc/passwd", "x" * 65, "<script>", "a b", "%00"):
        assert absurd == "" or "is not the id of a task" in task_problem(absurd)


TASK = {
    "status": "PENDING",
    "progress": None,
    "result": None,
    "error": None,
    "created_at": "2026-03-13T12:00:00Z",
    "started_at": None,
    "finished_at": None,
}


@pytest.mark.parametrize(
    ("changes", "final", "meaning"),
    [
        ({}, False, "Waiting in the queue for 10 s."),
        ({"status": "STARTED", "started_at": "2026-03-13T12:00:08Z"}, False, "A worker is at it, for 2.0 s now."),
        ({"status": "RETRY", "error": {"message": "no store"}}, False, "It failed and is tried again by itself. No store."),
        ({"status": "LOST"}, False, "Its worker died. It goes back into the queue by itself; nothing is lost."),
        ({"status": "SUCCESS", "finished_at": "2026-03-13T12:00:00.800000Z"}, True, "Done, 0.8 s after it was asked."),
        ({"status": "FAILURE", "error": {"kind": "dead_letter", "message": ""}}, True, "It failed. Dead letter."),
        ({"status": "FAILURE"}, True, "It failed. Nobody wrote down why."),
        ({"status": "REVOKED"}, True, "It was taken back before it ended."),
        ({"status": "EXPIRED"}, True, "It waited too long and was not started. Queue it again."),
        ({"status": "NEW"}, False, "In a state that this page does not know."),
    ],
)  # fmt: skip
def test_each_state_of_a_task_is_said_in_words(changes, final, meaning):
    view = task_view(TASK | changes, NOW)
    assert (view.final, view.meaning) == (final, meaning)


def test_a_result_is_shown_only_once_the_task_has_succeeded():
    assert task_view(TASK | {"result": RESPONSE}, NOW).result is None
    assert task_view(TASK | {"status": "SUCCESS", "result": RESPONSE}, NOW).result == RESPONSE


def test_the_answer_names_the_teams_and_keeps_the_services_json(features):
    shown = answer(RESPONSE, features)
    assert (shown.home, shown.away, shown.source) == ("1. FC Köln", "Mainz", "Challenger v3")
    assert shown.said == "1. FC Köln to win is the likeliest, at 48%."
    assert sum(shown.probabilities.percentages()) == 100
    assert json.loads(shown.json) == RESPONSE


def test_an_answer_for_no_known_match_speaks_of_home_and_away(features):
    assert answer(RESPONSE | {"match_id": None}, features).said == "Home to win is the likeliest, at 48%."


def test_the_commands_for_a_shell_hold_a_variable_and_never_a_key():
    commands = [
        playground.at_once_command("http://localhost:8501", 11, "champion"),
        playground.queue_command("http://localhost:8501", 11, "baseline"),
    ]
    assert all('"X-API-Key: $KEY"' in command for command in commands)
    assert commands[0].endswith('"http://localhost:8501/predict/11?stage=champion"')
    assert """-d '{"match_id": 11, "stage": "baseline"}'""" in commands[1]
    assert playground.status_command("http://localhost:8501", "t-1") == "curl http://localhost:8501/monitoring/task_status/t-1"


def test_the_queue_is_described_by_what_stands_before_you():
    assert playground.queue_words({"PENDING": 2, "LOST": 1, "STARTED": 1, "SUCCESS": 9}) == "3 tasks waiting, 1 running"
    assert playground.queue_words({"SUCCESS": 9}) == "the queue is empty"
