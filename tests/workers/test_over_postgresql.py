"""The API and what it serves from, over a real PostgreSQL server: what SQLite forgives, and a server that hangs."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
import uuid
from contextlib import contextmanager, suppress

import pytest
import sqlalchemy as sa

from core.errors import DatabaseIncomplete, DatabaseUnavailable, TaskUnknown
from core.storage import database as door
from core.storage import impatient
from core.storage.database import Database
from core.storage.schema import schema
from core.storage.task_ledger import TaskLedger
from tests.workers.house import PATIENCE, eventually
from tests.workers.served import Served


@pytest.fixture
def database(empty_postgresql):
    made = Database(empty_postgresql)
    made.create()
    yield made
    made.close()


@pytest.fixture
def served(empty_postgresql, tmp_path):
    made = Served(tmp_path / "home", database_url=empty_postgresql)
    yield made
    made.close()


@contextmanager
def locked(database, table="tasks"):
    """Within this, whoever reads the table waits, as for a server that hangs."""
    with database.engine.connect() as connection, connection.begin():
        connection.execute(sa.text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
        yield


@pytest.mark.parametrize("task_id", ["%00", "a%00b", "x", "9223372036854775808", "%ed%a0%80", "a" * 5000])
@pytest.mark.parametrize("path", ["task_status/{}", "tasks/{}/revoke", "tasks/{}/requeue"])
def test_EP_8_an_id_that_is_none_is_404_and_never_comes_to_the_database(served, path, task_id):
    method = "GET" if path.startswith("task_status") else "POST"
    answer = served.client.request(method, "/monitoring/" + path.format(task_id))
    assert (answer.status_code, "There is no task" in answer.json()["detail"]) == (404, True)


def test_a_message_with_a_nul_in_it_ends_its_task_all_the_same(database):
    ledger = TaskLedger(database)
    task_id = ledger.create("promote", "ml", {"reason": "a\0b"})
    assert ledger.claim(task_id, "me", 30.0)
    assert ledger.progress(task_id, "me", 0.5, "half\0way")
    assert ledger.fail(task_id, "me", {"kind": "bug", "message": "a NUL: \0."})
    assert ledger.get(task_id)["error"]["message"] == "a NUL: \0."
    assert [event["note"] for event in ledger.events(task_id)][-1] == "a NUL: ."
    with pytest.raises(TaskUnknown):
        ledger.kind("\0")


def test_tables_that_are_missing_are_told_in_words_and_made_again(served):
    schema.drop_all(served.services.database.engine)
    with pytest.raises(DatabaseIncomplete, match="lacks something"):
        served.services.records.task_counts()

    def made_again():
        with suppress(DatabaseIncomplete):
            return served.services.records.task_counts()

    assert eventually(made_again)
    assert eventually(lambda: served.services.readiness()["database"]["ok"])


def test_a_server_that_lets_nobody_in_is_told_in_words(monkeypatch):
    monkeypatch.setattr(door, "LET_IN", 2)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        database = Database(f"postgresql://me@127.0.0.1:{deaf.getsockname()[1]}/soccer")
        with pytest.raises(DatabaseUnavailable, match="does not answer"), database.read():
            pass


def test_a_statement_is_not_waited_for_without_end(empty_postgresql, database, monkeypatch):
    monkeypatch.setattr(door, "ANSWERED", 1)
    impatient = Database(empty_postgresql)
    with locked(database), pytest.raises(DatabaseUnavailable, match="statement timeout"):
        TaskLedger(impatient).counts()
    impatient.close()


def test_a_database_that_hangs_leaves_alone_the_requests_that_need_none(served):
    paths = ("/predict/matches/", "/predict/predictions/?limit=1", "/monitoring/drift", "/metrics", "/readyz")
    waiting: list[threading.Thread] = []
    served.services.database.engine.pool._timeout = PATIENCE
    with served.client as client:
        with locked(served.services.database):
            for _ in range(50):
                asked = threading.Thread(target=client.get, args=(f"/monitoring/task_status/{uuid.uuid4()}",))
                waiting.append(asked)
                asked.start()
            time.sleep(1)
            codes = [client.get(path).status_code for path in paths]
            assert all(asked.is_alive() for asked in waiting), "the others wait still"
        for asked in waiting:
            asked.join(PATIENCE)
    assert set(codes[:-1]) == {200}


def test_connections_that_are_all_taken_are_told_in_words(database, monkeypatch):
    database.engine.pool._timeout = 0.2
    held = [database.engine.connect() for _ in range(15)]
    with pytest.raises(DatabaseUnavailable, match="taken"):
        TaskLedger(database).counts()
    for connection in held:
        connection.close()


def process_of(connection) -> int:
    return connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()


@contextmanager
def standing_still(pid):
    """The server's process for a connection stands still; its machine goes on to acknowledge what is sent."""
    os.kill(pid, signal.SIGSTOP)
    goes_on = threading.Timer(PATIENCE, os.kill, (pid, signal.SIGCONT))  # so that a test that waits for it ends
    goes_on.start()
    try:
        yield
    finally:
        goes_on.cancel()
        os.kill(pid, signal.SIGCONT)


def test_a_server_that_stands_still_in_the_middle_of_a_read_is_given_up(database, monkeypatch):
    monkeypatch.setattr(impatient, "SILENCE", 5.0)
    silent = pytest.raises(DatabaseUnavailable, match="does not answer")
    with silent, database.read() as connection, standing_still(process_of(connection)):
        connection.exec_driver_sql("SELECT 1").scalar_one()
    monkeypatch.undo()
    assert TaskLedger(database).counts()["PENDING"] == 0, "by a connection of its own"


def test_a_connection_that_fell_silent_while_nobody_used_it_is_replaced(database, monkeypatch):
    monkeypatch.setattr(impatient, "SILENCE", 5.0)
    with database.read() as connection:
        pid = process_of(connection)
    with standing_still(pid):
        assert TaskLedger(database).counts()["PENDING"] == 0
