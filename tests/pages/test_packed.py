"""Static files are compressed once and answered from memory."""

import asyncio
import gzip

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from pages.shared.packed import Packed


@pytest.fixture
def asked():
    return []


@pytest.fixture
def client(asked):
    def answer(request):
        asked.append(request.url.path)
        return PlainTextResponse("console.log(1);" * 500, 404 if "absent" in request.url.path else 200, {"ETag": '"x"'})

    return TestClient(Packed(Starlette(routes=[Route("/{path:path}", answer)])))


def test_a_file_is_asked_for_once_and_comes_compressed(client, asked):
    answers = [client.get("/static/js/a.js", headers={"Accept-Encoding": "gzip"}) for _ in range(3)]
    assert asked == ["/static/js/a.js"]
    assert {answer.headers["Content-Encoding"] for answer in answers} == {"gzip"}
    assert {answer.text for answer in answers} == {"console.log(1);" * 500}
    assert int(answers[0].headers["Content-Length"]) == len(gzip.compress(("console.log(1);" * 500).encode(), 9, mtime=0))
    assert "Accept-Encoding" in answers[0].headers["Vary"]


def test_who_does_not_take_gzip_gets_the_file_as_it_is(client):
    client.get("/static/js/a.js", headers={"Accept-Encoding": "gzip"})
    answer = client.get("/static/js/a.js", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in answer.headers
    assert answer.text.startswith("console.log")


def test_a_file_that_is_not_there_is_asked_for_again(client, asked):
    assert [client.get("/static/absent.js").status_code for _ in range(2)] == [404, 404]
    assert len(asked) == 2


@pytest.mark.parametrize("header", ["If-None-Match", "If-Modified-Since", "Range"])
def test_a_conditional_request_is_left_to_the_server_of_the_files(client, asked, header):
    for _ in range(2):
        client.get("/static/js/a.js", headers={"Accept-Encoding": "gzip", header: '"x"'})
    assert len(asked) == 2


def test_nothing_else_is_kept(client, asked):
    for _ in range(2):
        client.get("/predict/matches/", headers={"Accept-Encoding": "gzip"})
    assert len(asked) == 2


def test_a_file_that_broke_off_is_not_kept(asked):
    async def breaks_off(scope, receive, send):
        asked.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": len(asked) == 1})

    client = TestClient(Packed(breaks_off))
    for _ in range(3):
        client.get("/static/a.js", headers={"Accept-Encoding": "gzip"})
    assert len(asked) == 2


def test_a_visitor_who_leaves_half_way_does_not_spoil_the_file_for_the_next(asked):
    async def notices(scope, receive, send):
        waiting = asyncio.create_task(receive())
        left, _ = await asyncio.wait({waiting}, timeout=0.05)
        waiting.cancel()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"" if left else b"whole"})

    assert TestClient(Packed(notices)).get("/static/a.js", headers={"Accept-Encoding": "gzip"}).text == "whole"
