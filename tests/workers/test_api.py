"""What every route of the API has in common, over a real ledger; routed as the app routes it."""

from __future__ import annotations

import json
import logging
import tomllib
from types import SimpleNamespace

import pytest
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from core.errors import DatabaseUnavailable
from core.settings import Settings
from core.storage.database import Database
from core.storage.schema import raw_matches
from core.storage.task_ledger import TaskLedger
from tests.workers.house import ROOT, environment
from workers.api import VERSION, Front, make_api
from workers.schemas import MatchRaw


@pytest.fixture
def ledger(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'soccer.db'}")
    database.create()
    yield TaskLedger(database)
    database.close()


@pytest.fixture
def api(ledger, tmp_path):
    api = make_api()
    readiness = {"ready": True}
    api.state.services = SimpleNamespace(
        records=SimpleNamespace(task=ledger.get),
        settings=Settings.from_environment(environment(tmp_path, FASTAPI_HEADER_TOKEN="k")),
        readiness=lambda: readiness,
        health=lambda: readiness,
    )
    return api


@pytest.fixture
def client(api):
    """The API as it stands before an app of pages."""
    pages = Route("/{rest:path}", endpoint=lambda request: HTMLResponse("<h1>a page</h1>"))
    return TestClient(Starlette(routes=[pages], middleware=[Middleware(Front, api=api)]), raise_server_exceptions=False)


@pytest.fixture
def lines():
    """The log's records, as they come."""
    records = []
    handler = logging.Handler()
    handler.emit = lambda record: records.append(record)  # type: ignore[method-assign]
    logging.getLogger("soccer").addHandler(handler)
    yield records
    logging.getLogger("soccer").removeHandler(handler)


def test_EP_12_the_process_lives_and_readiness_decides_the_status(client, api):
    assert client.get("/healthz").json() == {"status": "alive"}
    assert client.get("/readyz").status_code == 200
    api.state.services.readiness = api.state.services.health = lambda: {"ready": False, "reason": "no model"}
    assert (client.get("/readyz").status_code, client.get("/readyz/").json()["reason"]) == (503, "no model")
    assert client.get("/healthcheck/").status_code == 503
    assert client.get("/healthz/").status_code == 200


def test_EP_12_before_the_services_are_there_the_app_lives_but_is_not_ready():
    client = TestClient(make_api())
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    late = client.get("/monitoring/task_status/x")
    assert (late.status_code, late.headers["Retry-After"]) == (503, "5")


def test_EP_12_healthcheck_tells_version_and_memory(client):
    answer = client.get("/healthcheck/").json()
    assert answer["version"] == VERSION == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert answer["memory_mb"] > 10


def test_EP_1_metrics_count_requests_by_template_and_never_by_id(client, ledger):
    task_id = ledger.create("predict_match", "ml", {})
    client.get(f"/monitoring/task_status/{task_id}")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert 'path="/monitoring/task_status/{task_id}"' in answer.text
    assert task_id not in answer.text


def test_metrics_do_not_grow_with_what_strangers_send(client):
    def series():
        return {tuple(sample.labels.items()) for metric in REGISTRY.collect() for sample in metric.samples if "http_request" in sample.name}

    client.request("BREW", "/monitoring/anything")
    client.get("/monitoring/task_status/first")
    before = series()
    for number in range(30):
        client.request(f"BREW{number}", f"/monitoring/anything/{number}")
        client.get(f"/monitoring/task_status/none-{number}", params={str(number): "x"}, headers={"X-Odd": str(number)})
    assert series() == before
    labels = {"method": "OTHER", "path": "unmatched", "status": "404"}
    assert REGISTRY.get_sample_value("http_requests_total", labels) >= 31


def test_a_database_that_is_away_is_503_in_words(client, api):
    def away(task_id):
        raise DatabaseUnavailable("The database does not answer.")

    api.state.services.records.task = away
    answer = client.get("/monitoring/task_status/x")
    assert (answer.status_code, answer.json()) == (503, {"detail": "The database does not answer."})


def test_a_bug_is_a_500_that_tells_nothing_of_itself(client, api):
    api.state.services.records.task = lambda task_id: 1 / 0
    answer = client.get("/monitoring/task_status/x")
    assert answer.status_code == 500
    assert "division" not in answer.text


def test_each_request_is_one_structured_line_without_its_query(client, ledger, lines):
    task_id = ledger.create("predict_match", "ml", {})
    client.get(f"/monitoring/task_status/{task_id}?token=very-secret", headers={"X-API-Key": "very-secret"})
    client.get("/healthz")
    (record,) = lines
    fields = record.fields
    assert (record.getMessage(), fields["task_id"], fields["status"], fields["method"]) == ("request", task_id, "200", "GET")
    assert "very-secret" not in json.dumps(fields)


def test_a_raw_match_is_told_as_it_is_stored():
    assert set(MatchRaw.model_fields) == {column.name for column in raw_matches.columns}


def test_a_line_stays_short_whatever_is_asked_for(client, lines):
    client.get("/monitoring/task_status/" + "x" * 5000)
    (record,) = lines
    assert len(json.dumps(record.fields)) < 1000
