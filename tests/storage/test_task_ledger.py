"""The ledger of tasks, on a real SQLite file and a real PostgreSQL server. Time is an argument: nothing here waits."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from core.errors import TaskStateError, TaskUnknown
from core.storage import audit_log, leases, logbook
from core.storage.database import Database
from core.storage.heartbeats import Pulse
from core.storage.schema import schema
from core.storage.task_ledger import KILLS_ALLOWED, TaskLedger
from core.storage.task_queries import STATES

ON_EACH_DATABASE = True
START = datetime(2026, 3, 13, 12, 0, tzinfo=UTC)


class Watch:
    """A clock that is put forward by hand."""

    def __init__(self) -> None:
        self.moment = START

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def watch():
    return Watch()


@pytest.fixture
def ledger(database, watch):
    return TaskLedger(database, watch)


def pulse(worker: str, current_task: str | None = None, tasks_done: int = 0) -> Pulse:
    return Pulse(worker, "ml", 1234, "here", START, {"champion": 3}, tasks_done, current_task)


def started(ledger: TaskLedger, worker: str = "w1", limit: float = 30.0) -> str:
    task_id = ledger.create("predict_match", "ml", {"match_id": 7})
    ledger.beat(pulse(worker, task_id))
    assert ledger.claim(task_id, worker, limit) is not None
    return task_id


def lose(ledger: TaskLedger, watch: Watch) -> str:
    """Its worker is not heard of any more; the task's new state."""
    watch.forward(6)
    (task_id,) = ledger.reap(5)
    return str(ledger.get(task_id)["status"])


def statuses(ledger: TaskLedger, task_id: str) -> list[str]:
    return [event["status"] for event in ledger.events(task_id)]


def test_EP_8_a_new_task_is_pending_and_has_exactly_the_fields_of_the_contract(ledger):
    task = ledger.get(ledger.create("predict_match", "ml", {"match_id": 7}))
    assert set(task) == {"task_id", "status", "progress", "result", "error", "created_at", "started_at", "finished_at"}
    assert (task["status"], task["created_at"], task["result"]) == ("PENDING", "2026-03-13T12:00:00.000000Z", None)


def test_EP_8_an_unknown_id_is_unknown(ledger):
    with pytest.raises(TaskUnknown, match="nothing-like-it"):
        ledger.get("nothing-like-it")


def test_EP_8_reading_a_result_does_not_use_it_up(ledger):
    task_id = started(ledger)
    assert ledger.succeed(task_id, "w1", {"proba_home": 0.5})
    assert ledger.get(task_id) == ledger.get(task_id)
    assert ledger.get(task_id)["result"] == {"proba_home": 0.5}


def test_a_task_is_claimed_by_one_worker_only(ledger):
    task_id = ledger.create("predict_match", "ml", {"match_id": 7})
    claim = ledger.claim(task_id, "w1", 30)
    assert claim is not None
    assert (claim.arguments, claim.attempt, claim.failures) == ({"match_id": 7}, 1, 0)
    assert ledger.claim(task_id, "w2", 30) is None


@pytest.mark.parametrize("said", [{"name": "promote"}, {"queue": "batch"}, {"name": "promote", "queue": "ml"}])
def test_TK_4_a_message_that_names_another_task_or_queue_starts_nothing(ledger, said):
    task_id = ledger.create("predict_match", "ml", {})
    assert ledger.claim(task_id, "w1", 30, **said) is None
    assert ledger.claim(task_id, "w1", 30, "predict_match", "ml") is not None


@pytest.mark.parametrize("odd", ["\x00", "no such task", "", "a" * 500, "\ud800", "٣" * 36])
def test_EP_8_what_is_no_id_is_unknown_and_never_reaches_the_database(ledger, odd):
    for ask in (ledger.get, ledger.kind, ledger.revoke, ledger.requeue):
        with pytest.raises(TaskUnknown):
            ask(odd)
    assert ledger.claim(odd, "w1", 30) is None


def test_TK_4_words_that_no_database_takes_do_not_keep_a_task_from_ending(ledger):
    task_id = started(ledger)
    assert ledger.progress(task_id, "w1", 0.5, "half\x00way \ud800")
    assert ledger.fail(task_id, "w1", {"kind": "bug", "message": "a\x00b\ud800"})
    assert ledger.events(task_id)[-1]["note"] == "ab?"
    assert ledger.recent(1)[0]["progress_note"] == "halfway ?"


def test_TK_5_of_twenty_threads_claiming_and_ending_one_task_exactly_one_succeeds(database):
    ledger = TaskLedger(database)
    task_id = ledger.create("predict_match", "ml", {})
    claims, ends = [], []

    def run(name: str) -> None:
        claims.append(ledger.claim(task_id, name, 30) is not None)
        ends.append(ledger.succeed(task_id, name, name))

    threads = [threading.Thread(target=run, args=(f"w{n}",)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sum(claims), sum(ends)) == (1, 1)
    assert statuses(ledger, task_id) == ["PENDING", "STARTED", "SUCCESS"]


def test_TK_5_a_worker_that_fell_silent_loses_its_task_and_its_late_result_changes_nothing(ledger, watch):
    task_id = started(ledger, "w1")
    watch.forward(6)
    assert ledger.reap(5) == [task_id]
    assert ledger.get(task_id)["status"] == "LOST"
    assert not ledger.succeed(task_id, "w1", "too late")
    ledger.beat(pulse("w2", task_id))
    assert ledger.claim(task_id, "w2", 30) is not None
    assert not ledger.succeed(task_id, "w1", "much too late")
    assert not ledger.progress(task_id, "w1", 0.5), "it should stop: the task is another's"
    assert ledger.get(task_id)["progress"] is None
    assert ledger.succeed(task_id, "w2", "in time")
    assert ledger.get(task_id)["result"] == "in time"
    assert statuses(ledger, task_id) == ["PENDING", "STARTED", "LOST", "STARTED", "SUCCESS"]


def test_TK_5_a_worker_that_beats_keeps_its_task(ledger, watch):
    task_id = started(ledger, "w1", limit=3600)
    for _ in range(20):
        watch.forward(1)
        ledger.beat(pulse("w1", task_id))
        assert ledger.reap(5) == []
    assert ledger.get(task_id)["status"] == "STARTED"


def test_TK_5_a_task_whose_living_worker_works_at_something_else_is_lost(ledger, watch):
    task_id = started(ledger, "w1")
    watch.forward(6)
    ledger.beat(pulse("w1", None))
    assert ledger.reap(5) == [task_id]
    row = ledger.recent(1)[0]
    assert (row["status"], row["kills"], ledger.events(task_id)[-1]["note"]) == ("LOST", 0, "its worker let go of it")


def test_TK_5_a_worker_that_is_heard_while_the_reaper_waits_for_the_database_keeps_its_task(ledger, database, watch):
    task_id = started(ledger)
    watch.forward(6)
    before = database.write

    @contextmanager
    def after_a_heartbeat():
        database.write = before
        ledger.beat(pulse("w1", task_id))
        with before() as connection:
            yield connection

    database.write = after_a_heartbeat
    assert ledger.reap(5) == []
    assert ledger.get(task_id)["status"] == "STARTED"
    assert [row["worker"] for row in ledger.workers()] == ["w1"]


def test_TK_5_a_worker_of_before_the_clock_was_put_back_does_not_live_on(ledger, watch):
    task_id = started(ledger)
    watch.forward(-3600)
    assert ledger.workers() == []
    watch.forward(10)
    ledger.beat(pulse("w2"))
    ledger.reap(5)
    assert [row["worker"] for row in ledger.workers()] == ["w2"]
    watch.forward(3600)
    ledger.reap(5)
    assert ledger.get(task_id)["status"] == "LOST"


def test_TK_5_two_machines_whose_clocks_differ_agree_by_the_database(empty_postgresql, monkeypatch):
    """The other machine's clock is a minute slow."""
    here, there = Database(empty_postgresql), Database(empty_postgresql)
    here.create()
    monkeypatch.setattr("core.storage.database.real_now", lambda: datetime.now(UTC) - timedelta(minutes=1))
    task_id = started(TaskLedger(there), "far")
    assert leases.take(there, "far", "there", 30)
    monkeypatch.undo()
    ledger = TaskLedger(here)
    assert abs((ledger.now() - there.now()).total_seconds()) < 30
    assert [row["worker"] for row in ledger.workers()] == ["far"]
    assert ledger.reap() == []
    assert ledger.get(task_id)["status"] == "STARTED"
    assert not leases.take(here, "far", "here", 30)
    here.close()
    there.close()


def test_TK_5_a_task_that_was_just_claimed_is_not_lost_before_the_first_heartbeat_that_names_it(ledger, watch):
    ledger.beat(pulse("w1", None))
    task_id = ledger.create("predict_match", "ml", {})
    ledger.claim(task_id, "w1", 30)
    watch.forward(1)
    assert ledger.reap(5) == []


def test_TK_4_the_fifth_kill_makes_a_dead_letter_and_failures_are_not_touched(ledger, watch):
    task_id = ledger.create("predict_match", "ml", {})
    for kill in range(1, KILLS_ALLOWED + 1):
        ledger.claim(task_id, f"w{kill}", 30)
        assert lose(ledger, watch) == ("LOST" if kill < KILLS_ALLOWED else "FAILURE")
    assert ledger.get(task_id)["error"]["kind"] == "dead_letter"
    row = ledger.recent(1)[0]
    assert (row["kills"], row["failures"], row["attempts"]) == (5, 0, 5)
    assert ledger.claim(task_id, "w6", 30) is None


def test_TK_4_an_exception_is_counted_apart_from_kills_and_waits_for_its_next_try(ledger, watch):
    task_id = started(ledger, "w1")
    assert ledger.retry(task_id, "w1", {"kind": "bug", "message": "boom"}, delay=10)
    assert ledger.get(task_id)["status"] == "RETRY"
    assert ledger.due() == []
    assert ledger.claim(task_id, "w1", 30) is None  # its message came too soon
    watch.forward(10)
    assert ledger.due() == [(task_id, "predict_match", "ml")]
    claim = ledger.claim(task_id, "w1", 30)
    assert claim is not None
    assert claim.failures == 1
    assert ledger.recent(1)[0]["kills"] == 0


def test_a_task_that_no_queue_ever_got_is_due_after_a_grace(ledger, watch):
    task_id = ledger.create("predict_match", "ml", {})
    assert ledger.due(5) == []
    watch.forward(6)
    assert [row[0] for row in ledger.due(5)] == [task_id]
    ledger.queued_again(task_id)
    assert ledger.due(5) == []
    assert ledger.events(task_id)[-1]["note"] == "queued again"


def test_a_lost_task_is_due_at_once(ledger, watch):
    task_id = started(ledger)
    lose(ledger, watch)
    assert [row[0] for row in ledger.due()] == [task_id]


def test_EP_7_a_repeated_idempotency_key_gives_the_same_task(ledger):
    first = ledger.create("predict_match", "ml", {"match_id": 1}, "key-é")
    assert ledger.create("predict_match", "ml", {"match_id": 2}, "key-é") == first
    assert ledger.known("predict_match", "key-é") == first
    assert ledger.create("export_data_raw", "batch", {}, "key-é") != first
    assert ledger.create("predict_match", "ml", {}) != ledger.create("predict_match", "ml", {})


def test_EP_7_one_key_used_by_ten_threads_at_once_makes_one_task(database):
    ledger = TaskLedger(database)
    ids: list[str] = []
    threads = [threading.Thread(target=lambda: ids.append(ledger.create("predict_match", "ml", {}, "same"))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 10
    assert len(set(ids)) == 1
    assert ledger.counts()["PENDING"] == 1


def test_EP_17_a_waiting_task_can_be_revoked_and_never_starts(ledger):
    task_id = ledger.create("predict_match", "ml", {})
    assert ledger.revoke(task_id)["status"] == "REVOKED"
    assert ledger.claim(task_id, "w1", 30) is None


def test_EP_17_a_running_task_is_asked_to_stop_and_hears_of_it_with_its_progress(ledger):
    task_id = started(ledger)
    assert ledger.progress(task_id, "w1", 0.25, "a quarter")
    assert ledger.get(task_id)["progress"] == 0.25
    assert ledger.revoke(task_id)["status"] == "STARTED"
    assert not ledger.progress(task_id, "w1", 0.5)
    assert ledger.stop(task_id, "w1")
    assert ledger.get(task_id)["status"] == "REVOKED"


def test_EP_17_a_task_that_was_asked_to_stop_and_then_lost_its_worker_is_revoked(ledger, watch):
    task_id = started(ledger)
    ledger.revoke(task_id)
    assert lose(ledger, watch) == "REVOKED"


def test_EP_17_a_task_that_was_asked_to_stop_and_then_failed_is_revoked_and_not_tried_again(ledger, watch):
    task_id = started(ledger)
    ledger.revoke(task_id)
    assert ledger.retry(task_id, "w1", {"kind": "bug", "message": "boom"}, delay=10) == "REVOKED"
    assert ledger.get(task_id)["finished_at"] is not None
    assert ledger.events(task_id)[-1]["note"] == "boom"
    watch.forward(11)
    assert ledger.due() == []
    assert ledger.claim(task_id, "w2", 30) is None


def test_EP_17_a_task_that_was_asked_to_stop_and_is_handed_back_is_revoked(ledger):
    task_id = started(ledger)
    ledger.revoke(task_id)
    assert ledger.give_back(task_id, "w1") == "REVOKED"
    assert ledger.due() == []
    assert ledger.claim(task_id, "w2", 30) is None


def test_EP_17_a_task_that_is_revoked_while_the_reaper_looks_is_not_lost(ledger, database, watch):
    task_id = started(ledger)
    watch.forward(6)

    class Late(TaskLedger):
        def orphans(self, cutoff):
            if ledger.get(task_id)["status"] == "STARTED" and not ledger.events(task_id)[-1]["note"]:
                ledger.revoke(task_id)
            return super().orphans(cutoff)

    assert Late(database, watch).reap(5) == [task_id]
    assert ledger.get(task_id)["status"] == "REVOKED"


def test_EP_17_a_result_that_came_before_the_task_could_stop_stands(ledger):
    task_id = started(ledger)
    ledger.revoke(task_id)
    assert ledger.succeed(task_id, "w1", "done")
    assert (ledger.get(task_id)["status"], ledger.get(task_id)["result"]) == ("SUCCESS", "done")


def test_EP_17_what_has_ended_cannot_be_revoked_and_what_succeeded_cannot_be_queued_again(ledger):
    task_id = started(ledger)
    ledger.succeed(task_id, "w1", 1)
    with pytest.raises(TaskStateError, match="SUCCESS"):
        ledger.revoke(task_id)
    with pytest.raises(TaskStateError, match="SUCCESS"):
        ledger.requeue(task_id)
    with pytest.raises(TaskUnknown):
        ledger.revoke("no such task")


def test_EP_17_a_dead_letter_can_be_queued_again_with_its_counts_back_at_nothing(ledger, watch):
    task_id = ledger.create("predict_match", "ml", {})
    for _ in range(KILLS_ALLOWED):
        ledger.claim(task_id, "w1", 30)
        lose(ledger, watch)
    assert ledger.requeue(task_id)["status"] == "PENDING"
    row = ledger.recent(1)[0]
    assert (row["kills"], row["error"], row["finished_at"]) == (0, None, None)
    assert ledger.claim(task_id, "w1", 30) is not None


def test_a_task_that_waited_longer_than_it_is_worth_expires(ledger, watch):
    task_id = ledger.create("predict_match", "ml", {}, expires_in=60)
    watch.forward(61)
    ledger.reap(5)
    assert ledger.get(task_id)["status"] == "EXPIRED"
    assert ledger.claim(task_id, "w1", 30) is None


def test_a_task_past_its_expiry_does_not_start_though_the_reaper_is_late(ledger, watch):
    task_id = ledger.create("predict_match", "ml", {}, expires_in=60)
    watch.forward(60)
    assert ledger.claim(task_id, "w1", 30) is None
    ledger.reap(5)
    assert ledger.get(task_id)["status"] == "EXPIRED"


@pytest.mark.parametrize("end", ["retry", "lose"])
def test_a_task_that_started_in_time_may_be_tried_again_after_its_expiry(ledger, watch, end):
    task_id = ledger.create("predict_match", "ml", {}, expires_in=60)
    ledger.claim(task_id, "w1", 30)
    watch.forward(61)
    if end == "retry":
        ledger.retry(task_id, "w1", {"kind": "bug", "message": "boom"}, delay=0)
    else:
        lose(ledger, watch)
    assert ledger.claim(task_id, "w2", 30) is not None


def test_half_a_second_after_a_whole_one_is_later(ledger, watch):
    task_id = ledger.create("predict_match", "ml", {}, expires_in=60)
    watch.forward(60.5)  # as texts, `12:01:00Z` would come after `12:01:00.500000Z`
    assert ledger.claim(task_id, "w1", 30) is None
    ledger.reap(5)
    assert ledger.get(task_id)["status"] == "EXPIRED"


def test_a_running_task_does_not_expire_and_its_loss_past_its_limit_says_so(ledger, watch):
    task_id = started(ledger, "w1", limit=2)
    watch.forward(6)
    ledger.reap(5)
    assert ledger.events(task_id)[-1]["note"] == "it passed its time limit"
    assert ledger.get(task_id)["status"] == "LOST"


def test_a_worker_that_was_asked_to_stop_hands_its_task_back_without_a_kill(ledger):
    task_id = started(ledger)
    assert ledger.give_back(task_id, "w1")
    row = ledger.recent(1)[0]
    assert (row["status"], row["kills"], row["failures"]) == ("LOST", 0, 0)
    assert [row[0] for row in ledger.due()] == [task_id]


def test_EP_11_a_dead_worker_leaves_within_its_time_to_live_and_a_stopped_one_at_once(ledger, watch):
    ledger.beat(pulse("w1", tasks_done=4))
    ledger.beat(pulse("w2"))
    watch.forward(2)
    ledger.beat(pulse("w2"))
    first, second = ledger.workers()
    assert (first["worker"], first["age_seconds"], first["tasks_done"], first["model_versions"]) == ("w1", 2.0, 4, {"champion": 3})
    assert second["age_seconds"] == 0.0
    watch.forward(4)
    assert [row["worker"] for row in ledger.workers()] == ["w2"]
    ledger.leave("w2")
    assert ledger.workers() == []


def test_a_worker_that_stopped_a_week_ago_is_forgotten(ledger, database, watch):
    ledger.beat(pulse("old"))
    ledger.leave("old")
    watch.forward(8 * 86400)
    ledger.beat(pulse("new"))
    watch.forward(6)
    ledger.reap(5)
    with database.read() as connection:
        assert [row.worker for row in connection.execute(schema.tables["workers"].select())] == ["new"]


def test_counts_name_every_state(ledger):
    ledger.create("predict_match", "ml", {})
    ledger.create("export_data_raw", "batch", {})
    assert set(ledger.counts()) == set(STATES)
    assert ledger.counts()["PENDING"] == 2


def test_EP_10_the_depth_of_a_queue_counts_each_task_once_and_none_that_ended(ledger, watch):
    for _ in range(3):
        ledger.create("predict_match", "ml", {})
    ledger.create("export_data_raw", "batch", {})
    ledger.revoke(ledger.create("predict_match", "ml", {}))
    ledger.retry(started(ledger, "w1"), "w1", {"kind": "bug", "message": "boom"}, delay=10)
    ledger.give_back(started(ledger, "w2"), "w2")
    started(ledger, "w3")
    assert ledger.depth("ml") == {"waiting": 4, "scheduled": 1, "active": 1}
    assert ledger.depth("batch") == {"waiting": 1, "scheduled": 0, "active": 0}


def test_recent_shows_the_newest_first_and_filters_by_state(ledger, watch):
    first = ledger.create("predict_match", "ml", {})
    watch.forward(1)
    second = ledger.create("export_data_raw", "batch", {})
    ledger.revoke(first)
    assert [row["task_id"] for row in ledger.recent()] == [second, first]
    assert [row["task_id"] for row in ledger.recent(status="REVOKED")] == [first]


def test_a_result_that_is_no_json_number_is_refused(ledger):
    task_id = started(ledger)
    with pytest.raises(ValueError, match="JSON"):
        ledger.succeed(task_id, "w1", {"proba_home": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        ledger.create("predict_match", "ml", {"x": float("inf")})


@pytest.mark.parametrize("reason", ["bad\x00reason", "half a \ud800 letter"])
def test_EP_15_an_odd_reason_is_written_down_and_the_next_decision_too(database, reason):
    for decision in (audit_log.Decision("me", "promote", 1, 2, reason, {}), audit_log.Decision("me", "promote", 2, 3, "better", {})):
        audit_log.intend(database, decision)
        audit_log.settle(database, decision)
    later, first = logbook.decisions(database)
    assert (later["to_version"], first["to_version"]) == (3, 2)
    assert first["reason"] in ("badreason", "half a ? letter")
    assert set(first) == {"audit_id", "at", "who", "action", "from_version", "to_version", "reason", "metrics"}


def test_a_lease_has_one_holder_until_it_runs_out(database, monkeypatch, watch):
    monkeypatch.setattr(database, "now", watch)
    assert leases.take(database, "reaper", "a", 0.2)
    assert leases.take(database, "reaper", "a", 0.2)
    assert not leases.take(database, "reaper", "b", 0.2)
    watch.forward(0.25)
    assert leases.take(database, "reaper", "b", 10)
    assert not leases.take(database, "reaper", "a", 10)


def test_a_lease_of_before_the_clock_was_put_back_is_free(database, monkeypatch):
    monkeypatch.setattr(database, "now", lambda: datetime.now(UTC) + timedelta(hours=1))
    assert leases.take(database, "reaper", "a", 3)
    monkeypatch.undo()
    assert leases.take(database, "reaper", "b", 3)
    assert not leases.take(database, "reaper", "a", 3)


def test_of_ten_that_ask_for_a_free_lease_at_once_one_gets_it(database):
    got: list[bool] = []
    threads = [threading.Thread(target=lambda n=n: got.append(leases.take(database, "reaper", f"p{n}", 10))) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(got) == 1
