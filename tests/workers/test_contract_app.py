"""The API within the app, over real sockets: its paths are never answered by a page, however they are asked."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from bench.session import Visitor
from tests.workers.house import PATIENCE, ROOT, environment, eventually, free_port
from tests.workers.served import KEY, Served
from workers.api import PREFIXES

PAGES = ("/", "/matches", "/arena", "/prediction", "/nothing/at/all")
HTML = ("/docs", "/redoc")


@pytest.fixture(scope="module", params=["app:app", "workers.api:api"])
def running(request, tmp_path_factory):
    """`uvicorn app:app`, and the API alone."""
    home, port = tmp_path_factory.mktemp("running") / "home", free_port()
    served = Served(home, start=False)
    ids = served.ids()
    served.close()
    surroundings = environment(home, FASTAPI_HEADER_TOKEN=KEY)
    command = [sys.executable, "-m", "uvicorn", request.param, "--port", str(port), "--log-level", "warning", "--no-access-log"]
    log = (home.parent / "log.txt").open("w")
    process = subprocess.Popen(command, cwd=ROOT, env=surroundings, stderr=log, stdout=log)

    def ask(method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, {"X-API-Key": KEY, **headers}, encode_chunked="Transfer-Encoding" in headers)
            answer = connection.getresponse()
            return SimpleNamespace(status=answer.status, headers=answer.headers, body=answer.read())
        finally:
            connection.close()

    def is_up():
        try:
            return ask("GET", "/healthz").status == 200
        except OSError:
            return process.poll() is not None

    try:
        eventually(is_up)
        assert process.poll() is None, (home.parent / "log.txt").read_text()
        yield SimpleNamespace(ask=ask, ids=ids, port=port, within_app=request.param == "app:app")
    finally:
        process.terminate()
        process.wait(PATIENCE)
        log.close()


def is_json(answer):
    return answer.headers["Content-Type"] == "application/json" and isinstance(json.loads(answer.body), dict | list)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_EP_14_a_page_is_never_given_under_a_prefix_of_the_api(running, prefix):
    for rest in (
        "/nothing/here",
        "/nothing/here/",
        "/%00",
        "/%00/x",
        "/a%2fb/c/d",
        "/..%2f..%2fmatches/x",
        "/%5c%5chost/x/y",
        "/%C3%A9",
    ):
        for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
            answer = running.ask(method, prefix + rest)
            assert answer.status in (404, 405, 422), (method, prefix + rest, answer.status)
            assert is_json(answer)
    for spelling in (prefix, prefix + "/"):
        answer = running.ask("GET", spelling)
        assert prefix in HTML or b"<html" not in answer.body.lower()
        assert answer.status in (200, 404, 405, 503)


def test_EP_14_everything_else_is_the_apps(running):
    for path in PAGES:
        answer = running.ask("GET", path)
        assert answer.status == (200 if running.within_app else 404)
        assert is_json(answer) is not running.within_app


@pytest.mark.parametrize("trap", ["0", "-1", "9223372036854775808", "1.0", "abc", "%00", "%FF", "%F0%9F%94%91"])
def test_traps_an_id_that_is_none_is_404_or_422_through_the_whole_app(running, trap):
    for path in (f"/predict/{trap}", f"/predict/precomputed/{trap}/", f"/monitoring/task_status/{trap}"):
        answer = running.ask("GET", path)
        assert answer.status in (404, 422)
        assert is_json(answer)


def test_EP_2_EP_3_EP_4_EP_5_through_the_whole_app(running):
    rows = json.loads(running.ask("GET", "/predict/matches/").body)
    assert [row["match_id"] for row in rows] == sorted((row["match_id"] for row in rows), key=[row["match_id"] for row in rows].index)
    assert {row["match_id"] for row in rows} == set(running.ids)
    for path in (f"/predict/precomputed/{running.ids[0]}", f"/predict/{running.ids[0]}/?stage=challenger", "/predict/model/info"):
        answer = running.ask("GET", path)
        assert (answer.status, answer.headers["X-Model-Version"]) == (200, "2" if "challenger" in path else "1")
    body = json.dumps({"features": {"elo": 1, "diff_goals_for_w5": 0, "diff_points_w5": 0, "sex": 1}})
    answer = running.ask("POST", "/predict", body, **{"Content-Type": "application/json"})
    assert (answer.status, answer.headers["X-Model-Version"]) == (200, "1")
    assert running.ask("GET", "/predict/matches/", **{"X-API-Key": "wrong"}).status == 401


@pytest.mark.parametrize("chunked", [False, True])
def test_traps_a_large_body_is_413_and_the_answer_arrives(running, chunked):
    body = (b" " * 65536 for _ in range(30)) if chunked else b" " * (30 * 65536)
    headers = {"Content-Type": "application/json"} | ({"Transfer-Encoding": "chunked"} if chunked else {})
    answer = running.ask("POST", "/predict/", body, **headers)
    assert (answer.status, answer.headers["Connection"]) == (413, "close")
    assert "64 KiB" in json.loads(answer.body)["detail"]


def test_the_documents_pages_work_within_the_app(running):
    assert b"/docs/files/swagger-ui-bundle.js" in running.ask("GET", "/docs").body
    assert len(running.ask("GET", "/docs/files/swagger-ui-bundle.js").body) > 1_000_000
    assert json.loads(running.ask("GET", "/openapi.json").body)["openapi"].startswith("3.")


def test_long_lists_are_compressed_where_the_caller_takes_that(running):
    if running.within_app:
        answer = running.ask("GET", "/predict/predictions/", **{"Accept-Encoding": "gzip"})
        assert answer.headers["Content-Encoding"] == "gzip"


def test_the_sessions_that_are_open_are_counted_and_those_that_ended_are_not(running):
    if not running.within_app:
        pytest.skip("the API alone has no pages")

    def told(sample):
        lines = running.ask("GET", "/metrics").body.decode().splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(sample)), None)

    before, drawn = told("app_sessions"), told('app_page_render_seconds_count{page="matches"}') or 0
    visitors = [Visitor(f"127.0.0.1:{running.port}") for _ in range(2)]
    for visitor in visitors:
        visitor.run()
    eventually(lambda: told("app_sessions") == before + 2)
    assert told('app_page_render_seconds_count{page="matches"}') == drawn + 2
    for visitor in visitors:
        visitor.close()
    eventually(lambda: told("app_sessions") == before)
