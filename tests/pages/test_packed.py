"""Static files are compressed once and answered from memory."""

import asyncio
import gzip
import threading

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
def files(tmp_path):
    """A folder with the files that the app behind has, and one that is not to be had from it."""
    for name in ("static/js/a.js", "static/js/absent.js", "static/js/font.woff2"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.fixture
def client(asked, files):
    def answer(request):
        asked.append(request.url.path)
        return PlainTextResponse("console.log(1);" * 500, 404 if "absent" in request.url.path else 200, {"ETag": '"x"'})

    return TestClient(Packed(Starlette(routes=[Route("/{path:path}", answer)]), files))


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
    assert [client.get("/static/js/absent.js").status_code for _ in range(2)] == [404, 404]
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


def test_a_file_that_broke_off_is_not_kept(asked, files):
    async def breaks_off(scope, receive, send):
        asked.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": len(asked) == 1})

    client = TestClient(Packed(breaks_off, files))
    for _ in range(3):
        client.get("/static/js/a.js", headers={"Accept-Encoding": "gzip"})
    assert len(asked) == 2


def test_a_visitor_who_leaves_half_way_does_not_spoil_the_file_for_the_next(files):
    async def notices(scope, receive, send):
        waiting = asyncio.create_task(receive())
        left, _ = await asyncio.wait({waiting}, timeout=0.05)
        waiting.cancel()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"" if left else b"whole"})

    assert TestClient(Packed(notices, files)).get("/static/js/a.js", headers={"Accept-Encoding": "gzip"}).text == "whole"


@pytest.mark.parametrize("path", ["/static//js/a.js", "/static/./js/a.js", "/static/js/../js/a.js", "/static/js/a.js/", "/static/js/b.js"])
def test_another_spelling_of_a_path_and_a_name_that_is_no_file_take_no_memory(asked, files, path):
    async def answer(scope, receive, send):
        asked.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"all the same"})

    packed = Packed(answer, files)
    for _ in range(2):
        heard(packed, path)
    assert asked == [path, path] and not packed._kept


def heard(packed, *paths):
    """The bodies that several visitors at once are given; without a client, which would tidy the paths."""

    async def visit(path):
        body = []

        async def send(message):
            body.append(message.get("body", b""))

        scope = {"type": "http", "method": "GET", "path": path, "headers": [(b"accept-encoding", b"gzip")]}
        await packed(scope, None, send)
        return b"".join(body)

    async def together():
        return await asyncio.gather(*(visit(path) for path in paths))

    return asyncio.run(together())


def test_many_at_once_cause_one_reading_which_holds_nobody_up(files, monkeypatch):
    asked, packing, compress = [], [], gzip.compress
    monkeypatch.setattr(gzip, "compress", lambda *given, **how: packing.append(threading.current_thread()) or compress(*given, **how))

    async def large(scope, receive, send):
        asked.append(dict(scope["headers"]))
        await asyncio.sleep(0.05)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(range(256)) * 60_000})

    bodies = heard(Packed(large, files), *["/static/js/a.js"] * 20)
    assert asked == [{}], "asked for once, and as it is: it is compressed here"
    assert len(set(bodies)) == 1 and gzip.decompress(bodies[0]) == bytes(range(256)) * 60_000
    assert len(packing) == 1 and packing[0] is not threading.main_thread(), "compressed beside the loop"


def test_every_file_of_the_pages_themselves_is_known():
    packed = Packed(None)
    assert len(packed._files) > 100 and all(path.startswith("/static/") for path in packed._files)
