"""The front door as a running server: pages and API behind one address, from the very first visitor on."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

from core.settings import PROJECT
from tests.installation import PATIENCE, bare_environment


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A web process of its own, on an empty home, just started."""
    environment = bare_environment(SOCCER_HOME=str(tmp_path_factory.mktemp("door") / "home"))
    port = environment["SOCCER_PORT"]
    command = [sys.executable, "-m", "uvicorn", "app:app", "--host", "127.0.0.1", "--port", port, "--log-level", "warning"]
    process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        until_answers(f"http://127.0.0.1:{port}/healthz", process)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE)


def until_answers(url, process):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            return urllib.request.urlopen(url, timeout=10)
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError(f"{url} did not answer: {process.stdout.read() if process.poll() is not None else 'too slow'}")


def visited(address, page, query=""):
    """Everything that the server sends to a new visitor who opens this page."""
    with connect(f"ws://{address}/_stcore/stream", subprotocols=["streamlit"], max_size=None) as socket:
        asked = BackMsg()
        asked.rerun_script.page_name, asked.rerun_script.query_string = page, query
        socket.send(asked.SerializeToString())
        messages = []
        while not messages or messages[-1].WhichOneof("type") != "script_finished":
            message = ForwardMsg()
            message.ParseFromString(socket.recv(timeout=PATIENCE))
            messages.append(message)
    return messages


def test_the_very_first_visitor_may_follow_a_link_to_a_match(address):
    messages = visited(address, "match", "id=12345")
    navigation = next(message.navigation for message in messages if message.WhichOneof("type") == "navigation")
    bodies = [message.delta.new_element.html.body for message in messages if message.delta.new_element.HasField("html")]
    assert {page.page_name for page in navigation.app_pages} >= {"Matches", "Arena", "How it works"}
    assert any("--accent" in body for body in bodies), "the page came without the style sheet"
    assert any("There is no match with the number 12345" in body for body in bodies)


def test_an_unknown_path_below_the_api_is_json_and_never_a_page(address):
    for path in ("/predict/nowhere/at/all", "/monitoring/nothing", "/livescores/x/y", "/calendar/x"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://{address}{path}")
        assert refused.value.code in (401, 404)
        assert "detail" in json.load(refused.value)


def test_a_page_and_its_files_come_compressed(address):
    asked = urllib.request.Request(f"http://{address}/how_it_works", headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(asked) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Encoding"] == "gzip"
