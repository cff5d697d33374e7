"""The API alone, over a real ledger; routed as the app routes it."""

from __future__ import annotations

import json
import logging
import tomllib
from types import SimpleNamespace

import pytest
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from core.errors import DatabaseUnavailable
from core.storage.database import Database
from core.storage.task_ledger import TaskLedger
from tests.workers.house import ROOT
from workers.api import PREFIXES, VERSION, make_api


@pytest.fixture
def ledger(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'soccer.db'}")
    database.create()
    yield TaskLedger(database)
    database.close()


@pytest.fixture
def api(ledger):
    api = make_api()
    api.state.services = SimpleNamespace(records=SimpleNamespace(task=ledger.get), readiness=lambda: {"ready": True})
    return api


@pytest.fixture
def client(api):
    """The API behind the app's own routing, where any other path is a page."""
    routes = [Route(path, endpoint=api) for prefix in PREFIXES for path in (prefix, prefix + "/{rest:path}")]
    pages = Route("/{rest:path}", endpoint=lambda request: HTMLResponse("<h1>a page</h1>"))
    return TestClient(Starlette(routes=[*routes, pages]), raise_server_exceptions=False)


@pytest.mark.parametrize("path", ["/monitoring/task_status/{}", "/monitoring/task_status/{}/"])
def test_EP_8_a_task_is_told_with_exactly_the_fields_of_the_contract(client, ledger, path):
    task_id = ledger.create("predict_match", "ml", {"match_id": 7})
    answer = client.get(path.format(task_id))
    assert answer.status_code == 200
    assert answer.json() == ledger.get(task_id)


@pytest.mark.parametrize("task_id", ["nothing-like-it", "0", "-1", "%00", "é", "a" * 5000, "9223372036854775808"])
def test_EP_8_an_id_that_is_none_is_404_in_words(client, task_id):
    answer = client.get(f"/monitoring/task_status/{task_id}")
    assert answer.status_code == 404
    assert "There is no task" in answer.json()["detail"]


def test_EP_12_the_process_lives_and_readiness_decides_the_status(client, api):
    assert client.get("/healthz").json() == {"status": "alive"}
    assert client.get("/readyz").status_code == 200
    api.state.services.readiness = lambda: {"ready": False, "reason": "no model"}
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


@pytest.mark.parametrize("path", [path for prefix in PREFIXES for path in (prefix + "/nothing/here", prefix + "/%00")])
def test_EP_14_anything_else_under_the_api_is_a_json_404_and_never_a_page(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/json"
    assert client.get("/matches").text == "<h1>a page</h1>"


def test_EP_14_a_wrong_method_is_405(client):
    assert client.post("/healthz").status_code == 405


def test_EP_1_metrics_count_requests_by_template_and_never_by_id(client, ledger):
    task_id = ledger.create("predict_match", "ml", {})
    client.get(f"/monitoring/task_status/{task_id}")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert 'path="/monitoring/task_status/{task_id}"' in answer.text
    assert task_id not in answer.text


def test_metrics_do_not_grow_with_what_strangers_send(client):
    for method in ("BREW", "STEEP"):
        client.request(method, "/monitoring/anything")
    labels = {"method": "OTHER", "path": "unmatched", "status": "404"}
    assert REGISTRY.get_sample_value("http_requests_total", labels) >= 2


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


def test_each_request_is_one_structured_line_without_its_query(client, ledger, capsys):
    task_id = ledger.create("predict_match", "ml", {})
    records = []
    handler = logging.Handler()
    handler.emit = lambda record: records.append(record)  # type: ignore[method-assign]
    logging.getLogger("soccer").addHandler(handler)
    client.get(f"/monitoring/task_status/{task_id}?token=very-secret")
    client.get("/healthz")
    logging.getLogger("soccer").removeHandler(handler)
    (record,) = records
    fields = record.fields
    assert (record.getMessage(), fields["task_id"], fields["status"], fields["method"]) == ("request", task_id, "200", "GET")
    assert "very-secret" not in json.dumps(fields)


def test_the_openapi_document_names_each_route_once(client):
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/healthz", "/readyz", "/healthcheck/", "/metrics", "/monitoring/task_status/{task_id}"} <= set(paths)
    assert "/healthz/" not in paths
