"""The OpenAPI document tells the truth: what it describes is asked in thousands of odd ways, and no answer lies outside it."""

from __future__ import annotations

import re
from collections import Counter

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core import NOT_SET
from schemathesis.specs.openapi.checks import negative_data_rejection

from tests.workers.served import KEY, Served

# `make test` asks a tenth.
EXAMPLES = {"short": 45, "long": 540}
ROUTES = {
    "GET /healthz",
    "GET /readyz",
    "GET /healthcheck/",
    "GET /metrics",
    "GET /livescores/",
    "GET /predict/matches/",
    "GET /predict/predictions/",
    "POST /predict/",
    "POST /predict/async/",
    "GET /predict/precomputed/{match_id}",
    "GET /predict/{match_id}",
    "GET /predict/model/info",
    "POST /predict/model/promote",
    "POST /predict/model/rollback",
    "GET /monitoring/task_status/{task_id}",
    "GET /monitoring/drift",
    "GET /monitoring/queues",
    "GET /monitoring/workers",
    "POST /monitoring/tasks/{task_id}/revoke",
    "POST /monitoring/tasks/{task_id}/requeue",
    "POST /monitoring/export/{name_table}",
    "POST /monitoring/refresh",
    "POST /monitoring/retrain",
}
FEATURES = {"elo": 0.4, "diff_goals_for_w5": -0.2, "diff_points_w5": 1.0, "sex": 0}
QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


class Counted:
    """Counts what is asked, by status."""

    def __init__(self, app):
        self.app, self.statuses = app, Counter()

    async def __call__(self, scope, receive, send):
        async def counted(message):
            if message["type"] == "http.response.start":
                self.statuses[message["status"]] += 1
            await send(message)

        await self.app(scope, receive, counted)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    made = Served(tmp_path_factory.mktemp("openapi") / "home", queue_limit=100_000)
    yield made
    made.close()


@pytest.fixture(scope="module")
def counted(served):
    return Counted(served.api)


@pytest.fixture(scope="module")
def document(counted):
    return schemathesis.openapi.from_asgi("/openapi.json", counted)


def takes(operation) -> bool:
    return bool(operation.body) or bool(list(operation.iter_parameters()))


def repair(case, ids):
    """Now and then the match is there, and the features that fit the document fit the model too."""
    number = (case.path_parameters or {}).get("match_id")
    if isinstance(number, int) and number % 2:
        case.path_parameters["match_id"] = ids[number % len(ids)]
    if case.meta.generation.mode is GenerationMode.POSITIVE and isinstance(case.body, dict) and "features" in case.body:
        case.body["features"] = FEATURES


def beside_the_point(case):
    """A 503 that the document names is an answer (any other is seen below); headers and queries beyond the document are let be."""
    return [not_a_server_error, *([negative_data_rejection] if case.body is NOT_SET else [])]


def ask_often(document, served, route, examples):
    """As many cases that fit the document as cases that do not; schemathesis judges each answer."""
    method, path = route.split()
    operation = document[path][method]
    ids = served.ids()
    fitting, odd = (operation.as_strategy(generation_mode=mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE))

    @settings(max_examples=examples, suppress_health_check=QUIET)
    @given(case=fitting | odd if takes(operation) else fitting)
    def holds(case):
        repair(case, ids)
        case.call_and_validate(headers={"X-API-Key": KEY}, excluded_checks=beside_the_point(case))

    holds()


def asked_enough(counted, least):
    """Not counted: what schemathesis asks again without the key, to see that it is refused."""
    assert sum(counted.statuses.values()) - counted.statuses[401] >= least, counted.statuses
    assert not [status for status in counted.statuses if status >= 500 and status != 503], counted.statuses


@pytest.mark.parametrize("route", sorted(ROUTES))
def test_the_document_holds(document, served, route):
    ask_often(document, served, route, EXAMPLES["short"])


def test_the_document_holds_was_asked_often_enough(counted):
    asked_enough(counted, 500)


@pytest.mark.long
@pytest.mark.parametrize("route", sorted(ROUTES))
def test_the_document_holds_at_length(document, served, route):
    ask_often(document, served, route, EXAMPLES["long"])


@pytest.mark.long
def test_the_document_holds_at_length_was_asked_often_enough(counted):
    asked_enough(counted, 5000)


def test_the_document_names_every_route_once_with_its_errors(served):
    paths = served.stranger.get("/openapi.json").json()["paths"]
    named = {f"{method.upper()} {path}": said for path, methods in paths.items() for method, said in methods.items()}
    assert set(named) == ROUTES
    assert len({said["operationId"] for said in named.values()}) == len(named)
    for route, said in named.items():
        statuses = set(said["responses"])
        assert said["summary"]
        if route.startswith("POST"):
            assert {"400", "401", "413", "422", "503"} <= statuses, route
        if "/predict" in route:
            assert {"401", "503"} <= statuses, route
        if "{match_id}" in route or route == "POST /predict/":
            assert "504" in statuses, route


def test_the_documents_pages_need_no_network(served):
    for page in ("/docs", "/docs/", "/redoc", "/redoc/"):
        told = served.stranger.get(page)
        assert told.headers["content-type"].startswith("text/html")
        addresses = re.findall(r"""(?:src|href|url)\s*[=:]\s*["']([^"']+)["']""", told.text) + re.findall(
            r"spec-url=\"([^\"]+)\"", told.text
        )
        assert len(addresses) >= 3
        for address in addresses:
            assert address.startswith("/") and not address.startswith("//"), address
            assert served.stranger.get(address).status_code == 200
    assert served.stranger.get("/docs/files/swagger-ui-bundle.js").headers["content-type"].startswith("text/javascript")
    for other in ("core.py", "../core.py", "%2e%2e/core.py", "nothing.js"):
        assert served.stranger.get(f"/docs/files/{other}").status_code == 404
