"""What ended long ago is forgotten; what has not ended never is."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from core.clock import real_now
from core.errors import TaskUnknown
from core.storage import process_events, retention
from core.storage.schema import task_events
from core.storage.task_ledger import TaskLedger
from core.storage.task_queries import ENDED

ON_EACH_DATABASE = True
DAYS = 90
NOW = real_now()


def ledger(database, days_ago):
    return TaskLedger(database, now=lambda: NOW - timedelta(days=days_ago))


def in_every_state(ledger):
    """{state: task_id}, each brought there by the ledger itself."""
    made = {}
    for state in ("PENDING", "STARTED", "RETRY", "LOST", "SUCCESS", "FAILURE", "REVOKED", "EXPIRED"):
        made[state] = task_id = ledger.create("echo", "ml", {}, idempotency_key=state, expires_in=0 if state == "EXPIRED" else None)
        if state not in ("PENDING", "REVOKED", "EXPIRED"):
            ledger.claim(task_id, "worker", 30)
    ledger.retry(made["RETRY"], "worker", {"kind": "bug", "message": "boom"}, 10)
    ledger.give_back(made["LOST"], "worker")
    ledger.succeed(made["SUCCESS"], "worker", {})
    ledger.fail(made["FAILURE"], "worker", {"kind": "bug", "message": "boom"})
    ledger.revoke(made["REVOKED"])
    ledger.reap(ttl=3600)
    assert {state: ledger.get(task_id)["status"] for state, task_id in made.items()} == {state: state for state in made}
    return made


def forget(database, days=DAYS):
    return retention.forget(database, days, now=lambda: NOW)


def test_what_ended_long_ago_is_forgotten_with_its_events_and_what_has_not_ended_stays(database):
    long_ago = ledger(database, DAYS + 1)
    made = in_every_state(long_ago)
    assert forget(database) == len(ENDED)
    for state, task_id in made.items():
        if state in ENDED:
            with pytest.raises(TaskUnknown):
                long_ago.get(task_id)
        else:
            assert long_ago.get(task_id)["status"] == state
        assert bool(long_ago.events(task_id)) == (state not in ENDED)


def test_what_ended_lately_stays(database):
    in_every_state(ledger(database, DAYS - 1))
    assert forget(database) == 0
    assert sum(ledger(database, 0).counts().values()) == 8


def test_a_task_counts_from_its_end_and_not_from_its_beginning(database):
    task_id = ledger(database, DAYS + 30).create("echo", "ml", {})
    ledger(database, DAYS + 30).claim(task_id, "worker", 30)
    ledger(database, 1).succeed(task_id, "worker", {})
    assert forget(database) == 0


def test_a_key_whose_task_is_forgotten_can_be_used_again(database):
    old = in_every_state(ledger(database, DAYS + 1))["SUCCESS"]
    forget(database)
    assert ledger(database, 0).create("echo", "ml", {}, idempotency_key="SUCCESS") != old


def test_no_more_are_forgotten_at_once_than_nobody_has_to_wait_for(database, monkeypatch):
    monkeypatch.setattr(retention, "AT_ONCE", 3)
    long_ago = ledger(database, DAYS + 1)
    for _ in range(7):
        long_ago.revoke(long_ago.create("echo", "ml", {}))
    assert [forget(database) for _ in range(4)] == [3, 3, 1, 0]
    with database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(task_events)) == 0


def test_what_befell_the_processes_is_forgotten_after_the_same_time(database):
    process_events.record(database, "ml", "died", 1)
    assert forget(database) == 0
    assert len(process_events.recent(database)) == 1
    retention.forget(database, DAYS, now=lambda: real_now() + timedelta(days=DAYS + 1))
    assert process_events.recent(database) == []
