"""A look at the registry without MLflow: against a real SQLite registry, and against servers that answer, break, or let wait."""

import json
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from core.errors import RegistryUnavailable
from core.storage import registry_look
from core.storage.registry import Registry
from tests.serving import models

NAME = "soccer-match-outcome"


class Server:
    """Answers as MLflow's REST API does (https://mlflow.org/docs/latest/rest-api.html), with three versions and two aliases."""

    def __init__(self):
        self.status, self.body, self.delay, self.headers = None, None, 0.0, []
        server = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self):
                server.headers.append(dict(self.headers))
                time.sleep(server.delay)
                status, body = server.answer(urlsplit(self.path))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format, *args):
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self._http.daemon_threads = True
        self.uri = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def answer(self, asked):
        if self.status is not None:
            return self.status, self.body
        given = {name: values[0] for name, values in parse_qs(asked.query).items()}
        said = {
            ("/api/2.0/mlflow/registered-models/get", NAME, None): {
                "registered_model": {
                    "name": NAME,
                    "aliases": [{"alias": "champion", "version": "2"}, {"alias": "baseline", "version": "3"}],
                }
            },
            ("/api/2.0/mlflow/model-versions/get", NAME, "2"): {"model_version": {"name": NAME, "version": "2"}},
        }.get((asked.path, given.get("name"), given.get("version")))
        missing = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "not found"}
        return (404, json.dumps(missing).encode()) if said is None else (200, json.dumps(said).encode())

    def close(self):
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server():
    made = Server()
    yield made
    made.close()


def test_a_real_sqlite_registry_is_read_as_mlflow_wrote_it(registry, tmp_path):
    assert registry_look.aliases(registry.tracking_uri, NAME) == {}
    first, second = (models.register(registry, tmp_path / str(lean), lean) for lean in (0.0, 0.1))
    registry.set_alias("champion", first)
    registry.set_alias("Shadow-1", second)
    with registry._mlflow() as mlflow:
        client = registry._client(mlflow)
        assert registry_look.aliases(registry.tracking_uri, NAME) == client.get_registered_model(NAME).aliases == {
            "champion": first, "Shadow-1": second,
        }  # fmt: skip
        client.delete_registered_model_alias(NAME, "Shadow-1")
        client.delete_model_version(NAME, str(second))
    assert registry_look.aliases(registry.tracking_uri, NAME) == {"champion": first}
    assert registry_look.aliases(registry.tracking_uri, "another model") == {}
    found = [registry_look.has_version(registry.tracking_uri, NAME, version) for version in (first, second, 77)]
    assert found == [True, False, False], "a deleted version is none"


def test_a_server_is_asked_by_its_rest_api(server):
    assert registry_look.aliases(server.uri + "/", NAME) == {"champion": 2, "baseline": 3}
    assert registry_look.aliases(server.uri, "another model") == {}
    assert [registry_look.has_version(server.uri, NAME, version) for version in (2, 9)] == [True, False]
    assert Registry(server.uri, NAME).aliases() == {"champion": 2, "baseline": 3}


def test_a_server_is_asked_with_the_credentials_of_mlflows_own_client(server, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "a-token")
    registry_look.aliases(server.uri, NAME)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "pass")
    registry_look.aliases(server.uri, NAME)
    assert [headers["Authorization"].split()[0] for headers in server.headers] == ["Bearer", "Basic"]


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b"{}"), (403, b"{}"), (200, b"<html>"), (200, b"[]"), (200, b'{"registered_model": null}'), (200, b"{}"), (404, b"{}")],
    ids=str,
)
def test_a_server_that_answers_something_else_is_away_and_not_empty(server, status, body):
    """An empty answer would let the store lead, and undo a promotion."""
    server.status, server.body = status, body
    with pytest.raises(RegistryUnavailable, match="does not answer"):
        registry_look.aliases(server.uri, NAME)


def test_a_404_that_is_not_mlflows_is_away_too(server):
    server.status, server.body = 404, b"<html>no such page</html>"
    with pytest.raises(RegistryUnavailable):
        registry_look.aliases(server.uri, NAME)


def test_a_slow_server_is_waited_for_only_so_long(server, monkeypatch):
    monkeypatch.setattr(registry_look, "ANSWER_SECONDS", 0.2)
    server.delay = 2.0
    start = time.monotonic()
    with pytest.raises(RegistryUnavailable):
        registry_look.aliases(server.uri, NAME)
    assert time.monotonic() - start < 1.5


def test_nobody_listening_is_away(monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(RegistryUnavailable):
        registry_look.aliases(f"http://127.0.0.1:{port}", NAME)


def test_a_torn_sqlite_file_is_away_and_one_without_tables_is_empty(tmp_path):
    torn, bare = tmp_path / "torn.db", tmp_path / "bare.db"
    torn.write_bytes(b"this is no database" * 100)
    bare.touch()
    with pytest.raises(RegistryUnavailable):
        registry_look.aliases(f"sqlite:///{torn}", NAME)
    assert registry_look.aliases(f"sqlite:///{bare}", NAME) == {}
    assert registry_look.aliases(f"sqlite:///{tmp_path / 'none.db'}", NAME) == {} and not (tmp_path / "none.db").exists()


def test_the_real_tables_are_found_in_postgresql(postgresql, empty_postgresql):
    import sqlalchemy as sa

    assert registry_look.aliases(postgresql, NAME) == {}
    engine = sa.create_engine(postgresql.replace("postgresql://", "postgresql+psycopg://"), poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE registered_model_aliases (name text, alias text, version integer)"))
        connection.execute(sa.text("CREATE TABLE model_versions (name text, version integer, current_stage text)"))
        connection.execute(sa.text(f"INSERT INTO registered_model_aliases VALUES ('{NAME}', 'champion', 4)"))
        connection.execute(sa.text(f"INSERT INTO model_versions VALUES ('{NAME}', 4, 'None')"))
    assert registry_look.aliases(postgresql, NAME) == {"champion": 4} and registry_look.has_version(postgresql, NAME, 4)


def test_mlflow_is_not_imported_while_the_web_process_follows(registry, tmp_path):
    """A whole second of looks at a real registry whose aliases say what the store does."""
    home = tmp_path / "home"
    for number in (1, 2, 3):
        models.register(registry, tmp_path / f"model-{number}", number / 10)
    for stage, number in (("champion", 2), ("challenger", 1), ("baseline", 3)):
        registry.set_alias(stage, number)
    code = (
        "import sys, time\nfrom core.serving import shelf\nshelf.POLL = 0.1\n"
        "from core.serving.services import open_services\nfrom core.settings import Settings\n"
        "from tests.serving import batches, models\n"
        "services = open_services(Settings.from_environment())\n"
        "files = {number: models.files(number / 10) for number in (1, 2, 3)}\n"
        "batches.publish(services.store, count=8, model_files=files)\n"
        "services.start()\nuntil = time.monotonic() + 20\n"
        "while services.models.versions().get('champion') != 2 and time.monotonic() < until: time.sleep(0.05)\n"
        "time.sleep(1)\nprint(services.models.versions(), services.store.exists('serving/stages.json'))\n"
        "print([name for name in sys.modules if name.partition('.')[0] == 'mlflow'])\nservices.close()\n"
    )
    environment = {"PYTHONPATH": ".", "SOCCER_HOME": str(home), "MLFLOW_TRACKING_URI": registry.tracking_uri}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert found.stdout.splitlines() == ["{'champion': 2, 'challenger': 1, 'baseline': 3} True", "[]"]
