"""Operations from the front door."""

from contextlib import contextmanager

from core.clock import real_now
from core.storage import process_events
from core.storage.heartbeats import Pulse
from tests.pages.ops_fixtures import house, said  # noqa: F401
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
