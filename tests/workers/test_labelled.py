"""Every answer of the API says whether it is of a replay."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from core.clock import Clock
from tests.workers.served import Served
from workers.api import make_api


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    made = Served(tmp_path_factory.mktemp("labelled") / "home")
    yield made
    made.close()


ASKED = {
    "200": ("GET", "/predict/matches/", {}),
    "202": ("POST", "/monitoring/refresh", {}),
    "409": ("POST", "/predict/model/rollback", {"json": {"reason": "to see"}}),
    "401": ("GET", "/predict/matches/", {"headers": {"X-API-Key": "wrong"}}),
    "404": ("GET", "/predict/precomputed/1", {}),
    "404 of no route": ("GET", "/monitoring/nothing", {}),
    "405": ("DELETE", "/predict/matches/", {}),
    "413": ("POST", "/predict/", {"content": b"x" * 70_000}),
    "422": ("GET", "/predict/precomputed/abc", {}),
    "metrics": ("GET", "/metrics", {}),
    "a list that is streamed": ("GET", "/predict/predictions/", {}),
}


@pytest.mark.parametrize("asked", ASKED)
def test_each_answer_says_that_it_is_of_a_replay(served, asked):
    method, path, more = ASKED[asked]
    answer = served.client.request(method, path, **more)
    assert not asked[:3].isdigit() or answer.status_code == int(asked[:3])
    assert answer.headers.get_list("X-Timeline") == ["replay"]


def test_a_bug_says_it_too(served, monkeypatch):
    monkeypatch.setattr(served.services.features, "held", lambda: 1 / 0)
    answer = served.client.get("/predict/matches/")
    assert (answer.status_code, answer.headers["X-Timeline"]) == (500, "replay")


def test_the_present_is_called_real(served):
    answer = served.with_settings(timeline="real", clock=Clock()).get("/livescores/")
    assert (answer.status_code, answer.headers["X-Timeline"]) == (200, "real")


def test_while_the_process_starts_nothing_is_claimed():
    assert "X-Timeline" not in TestClient(make_api()).get("/healthz").headers


def test_the_document_names_the_header_for_each_answer(served):
    for path, methods in served.client.get("/openapi.json").json()["paths"].items():
        for method, said in methods.items():
            for status, answer in said["responses"].items():
                assert "X-Timeline" in answer["headers"], (method, path, status)
