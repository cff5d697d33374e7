from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from core.clock import iso
from core.views.operations import backends, chain_line, file_row, happenings, headline, run_rows, source_rows, table, task_rows, worker_rows

NOW = datetime(2026, 3, 13, 12, 10, 0, tzinfo=UTC)


def before(seconds):
    return iso(NOW - timedelta(seconds=seconds))


def worker(queue="ml", **changes):
    known = {"worker": f"{queue}-1", "queue": queue, "pid": 1, "host": "h", "started_at": before(60), "heartbeat_at": before(0.4)}
    return known | {"model_versions": {"champion": 1, "baseline": 3}, "tasks_done": 7, "current_task": None} | changes


def task(**changes):
    known = {"task_id": "0a5e7ad2-2f0e", "name": "predict_match", "queue": "ml", "status": "SUCCESS", "attempts": 1, "kills": 0}
    times = {"created_at": before(5), "started_at": before(4), "finished_at": before(3.2)}
    return known | times | {"error": None, "progress_note": None} | changes


def event(process, what, seconds, note=None):
    return {"process": process, "event": what, "pid": 1, "at": before(seconds), "note": note}


def test_a_worker_shows_its_heartbeat_its_models_and_what_it_is_at():
    idle, busy = worker_rows([worker(), worker("batch", current_task="0a5e7ad2-2f0e", heartbeat_at=before(4))], [task()], NOW)
    assert (idle.heartbeat, idle.late, idle.models, idle.doing, idle.done) == ("now", False, "champion v1, baseline v3", "idle", 7)
    assert (busy.late, busy.doing) == (True, "Forecast one match")


def test_a_worker_at_a_task_that_is_not_listed_names_its_id():
    assert worker_rows([worker(current_task="ffffffff-1")], [], NOW)[0].doing == "task ffffffff"


def test_a_failed_task_shows_its_reason_and_a_lost_one_that_nothing_is_lost():
    failed, lost, done = task_rows(
        [
            task(status="FAILURE", error={"kind": "dead_letter", "message": "its worker died 5 times"}, kills=5, attempts=5),
            task(status="LOST"),
            task(),
        ],
        NOW,
        UTC,
    )
    assert (failed.state, failed.trouble, failed.reason, failed.tries) == ("Failed", True, "Its worker died 5 times.", "5, worker died 5×")
    assert lost.trouble and lost.reason == "Its worker died; it goes back into the queue by itself."
    assert (done.state, done.trouble, done.reason, done.took, done.asked) == ("Done", False, "", "0.8 s", "12:09:55")


def test_how_far_a_run_is_is_told_while_it_runs_and_afterwards_only_that_nothing_was_new():
    rows = [
        task(name="refresh", status="STARTED", finished_at=None, progress_note="starting"),
        task(name="advance", status="STARTED", finished_at=None, progress_note="featurize"),
        task(name="refresh", progress_note="starting", result={"stages": 0, "seconds": 2.1}),
        task(name="refresh", progress_note="monitor_drift", result={"stages": 6, "seconds": 20.0}),
    ]
    told = [row.reason for row in task_rows(rows, NOW, UTC)]
    assert told == ["It looks for what is new.", "The ratings are worked out.", "Nothing was new.", ""]


def test_times_are_the_visitors():
    assert task_rows([task()], NOW, ZoneInfo("Asia/Tokyo"))[0].asked == "21:09:55"


def test_a_kill_and_the_next_start_are_one_sentence():
    events = [event("ml", "died", 60.8, "was killed by SIGKILL"), event("ml", "restarted", 60)]
    (told,) = happenings(events, NOW, UTC)
    assert told.text == "The ml worker was killed by SIGKILL at 12:08:59 and was started again 0.8 s later."
    assert not told.bad


def test_a_process_that_is_not_back_is_told_as_trouble():
    told = happenings([event("batch", "died", 30, "was killed by SIGKILL"), event("web", "started", 90)], NOW, UTC)
    assert [row.text for row in told] == [
        "The batch worker was killed by SIGKILL at 12:09:30.",
        "The web process was started at 12:08:30.",
    ]
    assert [row.bad for row in told] == [True, False]


def test_two_deaths_are_each_joined_with_their_own_return():
    note = "ended with code 2"
    events = [
        event("ml-2", "died", 60, note),
        event("ml-2", "restarted", 59),
        event("ml-2", "died", 30, note),
        event("ml-2", "restarted", 27),
    ]
    assert [row.text for row in happenings(events, NOW, UTC)] == [
        "The ml worker 2 ended with code 2 at 12:09:30 and was started again 3.0 s later.",
        "The ml worker 2 ended with code 2 at 12:09:00 and was started again 1.0 s later.",
    ]


def test_one_start_of_everything_is_one_sentence():
    events = [
        event("supervisor", "stopped", 200),
        event("supervisor", "started", 60),
        event("web", "started", 59.9),
        event("ml", "started", 59.8),
    ]
    assert [row.text for row in happenings(events, NOW, UTC)] == [
        "Everything was started at 12:09:00.",
        "Everything was stopped at 12:06:40.",
    ]


def test_a_stop_that_was_asked_for_is_no_trouble():
    assert not happenings([event("ml", "stopped", 3)], NOW, UTC)[0].bad


def test_the_headline_says_that_all_is_well_only_when_every_queue_is_served():
    both = worker_rows([worker(), worker("batch")], [], NOW)
    good = headline(both, {"SUCCESS": 12, "FAILURE": 0}, [])
    assert good.good and good.sentence == "All is well: 2 workers at work, nothing waits." and good.detail == "12 done."
    absent = headline(both[:1], {"PENDING": 3}, [])
    assert not absent.good
    assert absent.sentence == "No worker serves the batch queue. 3 tasks wait until it is back; nothing is lost."


def test_a_fault_of_what_the_app_stands_on_is_the_headline_and_what_stops_work_comes_first():
    both = worker_rows([worker("ml"), worker("batch")], [], NOW)
    said = headline(both, {"SUCCESS": 3}, [], {"store": "The store is slow.", "queue": "The task queue is away.", "replay": "Replaying."})
    assert (said.good, said.sentence) == (False, "The task queue is away.") and "3 done" in said.detail
    assert headline([], {}, [], {"locked": "Nothing can be written."}).sentence == "Nothing can be written.", "so no heart can beat"
    assert headline([], {}, [], {"store": "The store is slow."}).sentence.startswith("No worker serves the ml queue")
    assert headline(both, {}, [], {"replay": "Replaying.", "worker": "The ml process was started again."}).good


def test_a_process_that_is_down_is_the_headline():
    rows = worker_rows([worker(), worker("batch")], [], NOW)
    told = headline(rows, {}, happenings([event("web", "died", 2, "was killed by SIGKILL")], NOW, UTC))
    assert not told.good and told.sentence.startswith("The web process was killed by SIGKILL")
    assert told.detail == "No task was ever queued."


def test_each_published_file_shows_its_age_its_rows_and_its_problem():
    row = file_row("predictions.parquet", NOW - timedelta(minutes=12), 1234, None, NOW)
    assert (row.meaning, row.written, row.rows, row.problem) == ("Forecasts", "12 min ago", "1,234", "")
    odd = file_row("odd.bin", None, None, "the store does not answer", NOW)
    assert (odd.meaning, odd.written, odd.rows, odd.problem) == ("odd.bin", "never", "–", "The store does not answer.")


def test_a_run_that_has_not_ended_says_how_long_it_has_been_going():
    going, failed = run_rows(
        [
            {"started_at": before(30), "finished_at": None, "status": "RUNNING", "note": None},
            {"started_at": before(90), "finished_at": before(60), "status": "FAILED", "note": "no disk"},
        ],
        NOW,
        UTC,
    )
    assert (going.took, going.good, going.state) == ("30 s so far", True, "Running")
    assert (failed.took, failed.good, failed.note) == ("30 s", False, "No disk.")


def test_what_each_part_runs_on_is_said_without_its_secrets():
    addresses = {"database": "postgresql+psycopg://user:secret@db/soccer", "registry": "sqlite:////home/x/mlflow.db"}
    facts = backends(addresses, "Redis", "a folder")
    assert [fact.uses for fact in facts] == ["PostgreSQL", "Huey on Redis", "A folder", "MLflow, SQLite, one file"]
    assert "secret" not in str(facts) and "/home" not in str(facts)
    elsewhere = backends(addresses | {"registry": "http://127.0.0.1:5000"}, "Redis", "S3 bucket soccer")
    assert [fact.uses for fact in elsewhere[2:]] == ["S3 bucket soccer", "MLflow server"]


def test_a_table_has_names_for_people():
    frame = table(task_rows([task()], NOW, UTC), {"name": "Task", "state": "State"})
    assert frame.to_dict("list") == {"Task": ["Forecast one match"], "State": ["Done"]}


def document(source="openfootball", status="loaded", asked="2026-03-13T11:00:00Z", reason=None):
    return {"source": source, "status": status, "asked_at": asked, "reason": reason, "digest": None if status == "missing" else "x"}


def test_each_source_says_when_it_was_asked_what_is_loaded_and_what_is_the_matter():
    told = [document(), document(status="missing"), document(status="refused", asked="2026-03-13T11:30:00Z", reason="a score is gone")]
    men, germany = source_rows([*told, document("openligadb")], datetime(2026, 3, 13, 12, tzinfo=UTC))
    assert (men.name, men.asked, men.loaded, men.problem) == ("openfootball", "30 min ago", "2", "A score is gone.")
    assert (germany.name, germany.problem) == ("OpenLigaDB", "")


def test_the_record_of_forecasts_says_when_it_was_checked_and_how_to_check_again_when_it_is_broken():
    assert chain_line(None, None, None, NOW).startswith("Not checked yet")
    whole = chain_line(None, "The replay chain is whole: 3 entries.", NOW - timedelta(minutes=3), NOW)
    assert whole == "The replay chain is whole: 3 entries. Checked 3 min ago."
    assert chain_line("Entry 3.", "Entry 3.", NOW, NOW) == "Entry 3. Checked just now. Run `make verify` to check again."
