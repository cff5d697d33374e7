"""Operations from the front door."""

from contextlib import contextmanager

import pytest

from core.clock import real_now
from core.settings import Settings
from core.storage import chain_check, process_events
from core.storage.forecast_chain import seal
from core.storage.heartbeats import Pulse
from core.storage.schema import forecasts
from pages.shared import held
from tests.pages.ops_fixtures import house, said  # noqa: F401
from tests.storage.test_forecast_chain import FORECAST
from tests.workers.house import eventually
from workers.repeat import Repeat


@contextmanager
def at_work(ledger, **tasks):
    """A worker for each of these queues, whose heart beats meanwhile, with the task that it is at."""

    def beat():
        for queue, task in tasks.items():
            ledger.beat(Pulse(f"{queue}@test:1", queue, 1, "test", real_now(), {"champion": 1, "baseline": 3}, 7, task))

    beat()
    hearts = Repeat("hearts", 1.0, beat)
    hearts.start()
    try:
        yield
    finally:
        hearts.stop()
        hearts.join()


def test_without_workers_the_page_says_which_queue_waits_and_what_to_do(house):  # noqa: F811
    house.ledger.create("predict_match", "ml", {})
    page = house.open("operations")
    assert not page.exception and not page.error
    assert "No worker serves the ml queue and batch queue. 1 task waits until it is back; nothing is lost." in said(page)
    assert "make run" in said(page)


def test_living_workers_are_shown_with_models_and_current_task(house):  # noqa: F811
    task_id = house.ledger.create("predict_match", "ml", {})
    house.ledger.claim(task_id, "ml@test:1", 30)
    with at_work(house.ledger, ml=task_id, batch=None):
        text = said(house.open("operations"))
    assert "All is well: 2 workers at work, nothing waits." in text
    assert "champion v1, baseline v3" in text and "Forecast one match" in text and "idle" in text


def test_a_failed_task_is_shown_with_its_reason_and_can_be_linked_to(house):  # noqa: F811
    house.ledger.create("export_data_raw", "batch", {})
    task_id = house.ledger.create("predict_match", "ml", {})
    house.ledger.claim(task_id, "w", 30)
    house.ledger.fail(task_id, "w", {"kind": "bug", "message": "<script>boom</script>"})
    page = house.open("operations", state="Failed")
    assert page.segmented_control(key="state").value == "Failed"
    table = next(element.proto.body for element in page.get("html") if "Forecast one match" in element.proto.body)
    assert "&lt;script&gt;boom" in table and "<script>" not in table
    assert "Export a table" not in table
    assert page.table[0].value["Id"].tolist() == [task_id]


def test_a_killed_worker_that_came_back_is_told_in_one_sentence(house):  # noqa: F811
    process_events.record(house.database, "ml", "started")
    process_events.record(house.database, "ml", "died", note="was killed by SIGKILL")
    process_events.record(house.database, "ml", "restarted")
    text = said(house.open("operations"))
    assert "The ml worker was killed by SIGKILL at" in text and "and was started again" in text


def test_the_published_files_and_the_backends_are_named(house):  # noqa: F811
    text = said(house.open("operations"))
    assert all(name in text for name in ("Forecasts", "Features", "Matches", "Evaluation", "Drift report", "Scores"))
    assert "Huey on SQLite" in text and "SQLite, one file" in text and "A folder" in text
    assert "It never ran here." in text


def test_the_record_of_forecasts_shows_how_the_last_check_went(house):  # noqa: F811
    assert "Not checked yet: a worker of the batch queue does it within a minute of its start." in said(house.open("operations"))
    with house.database.write() as connection:
        seal(connection, [FORECAST])
    chain_check.run(house.database)
    eventually(lambda: held.services().pulse.latest().chain)
    assert "The replay chain is whole: 1 entry, last sealed 23 November 2026, 10:00 UTC. Checked " in said(house.open("operations"))
    with house.database.write() as connection:
        connection.execute(forecasts.update().values(proba_home=0.9))
    chain_check.run(house.database)
    eventually(lambda: held.services().pulse.latest().chain.problem)
    with at_work(house.ledger, ml=None, batch=None):
        text = said(house.open("operations"))
    assert text.count("Entry 1 of the replay chain (match 7) was changed after it was sealed.") == 2, "in the banner, and below"
    assert "make verify" in text and "All is well" not in text


def test_a_queue_that_is_away_is_the_headline_and_the_rest_of_the_page_is_there(house):  # noqa: F811
    house.open("operations")
    (house.settings.folder / "queue.db").mkdir()
    held.services().follow_queue(held.jobs().check)
    eventually(lambda: held.services().probes.get("queue").trouble)
    with at_work(house.ledger, ml=None, batch=None):
        text = said(house.open("operations"))
    assert "All is well" not in text and text.count("The task queue is away.") == 2
    assert "single forecasts" in text and "What happened lately" in text


def test_a_database_that_is_away_leaves_sentences_and_no_crash(house, monkeypatch):  # noqa: F811
    monkeypatch.setenv("SOCCER_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none?connect_timeout=1")
    page = house.open("operations")
    assert not page.exception
    assert any("database does not answer" in element.value for element in page.warning)


def test_before_the_first_pipeline_run_the_page_has_its_head_and_says_what_to_do(house):  # noqa: F811
    house.unpublish()
    page = house.open("operations")
    assert not page.exception and not page.error
    assert "What runs, what waits" in said(page) and "make pipeline" in said(page)


@pytest.fixture
def at_the_machine(monkeypatch):
    monkeypatch.setattr("pages.shared.keyed.spared", lambda settings: True)


def press(page, key):
    return next(button for button in page.button if button.key == key).click().run()


def test_EP_17_a_failed_task_is_queued_again_and_taken_back_by_hand(house, at_the_machine):  # noqa: F811
    task_id = house.ledger.create("predict_match", "ml", {})
    house.ledger.claim(task_id, "w", 30)
    house.ledger.fail(task_id, "w", {"kind": "bug", "message": "boom"})
    page = house.open("operations")
    page = press(page, "task_again")
    assert house.ledger.get(task_id)["status"] == "PENDING"
    page = press(page.run(), "task_back")
    assert house.ledger.get(task_id)["status"] == "REVOKED" and not page.exception


def test_EP_17_a_button_means_the_task_that_it_stood_for_though_that_one_has_ended_meanwhile(house, at_the_machine):  # noqa: F811
    other = house.ledger.create("predict_match", "ml", {})
    task_id = house.ledger.create("predict_match", "ml", {})
    house.ledger.claim(task_id, "w", 30)
    page = house.open("operations")
    house.ledger.succeed(task_id, "w", {})
    page = press(page, "task_back")
    (toast,) = page.toast
    assert "The task has ended as SUCCESS" in toast.value, "a warning among the tasks would be gone with their next look"
    assert house.ledger.get(other)["status"] == "PENDING"
    assert page.selectbox(key="task_to_change").value == other, "one that is done is not offered"


def test_EP_18_EP_19_a_refresh_and_an_export_are_asked_for_as_tasks(house, at_the_machine):  # noqa: F811
    page = press(press(house.open("operations"), "refresh_now"), "export_table")
    assert not page.exception
    assert {task["name"] for task in house.ledger.recent()} == {"refresh", "export_data_raw"}


def test_what_an_operator_does_wants_the_key_of_whoever_sits_elsewhere(house, monkeypatch):  # noqa: F811
    monkeypatch.setattr("pages.shared.keyed.spared", lambda settings: False)
    monkeypatch.setattr(Settings, "keys_in_force", lambda settings: ("the-key",))
    page = press(house.open("operations"), "refresh_now")
    assert any("Give the key first." in warning.value for warning in page.warning)
    assert house.ledger.recent() == []
    page = page.text_input(key="operator_key").input("the-key").run()
    press(page, "refresh_now")
    (task,) = house.ledger.recent()
    assert task["name"] == "refresh"
    page = press(house.open("operations"), "task_back")
    assert "Give the key first." in page.toast[0].value and house.ledger.get(task["task_id"])["status"] == "PENDING"
