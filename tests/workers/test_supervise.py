"""The supervisor with real processes: what dies is started again, one signal stops all, nothing is left behind."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from core.clock import SNAPSHOT_MOMENT as NOON
from core.clock import Clock
from core.errors import DatabaseUnavailable, SettingsError
from core.settings import Settings, prepare_home
from core.storage import process_events, replay
from core.storage.database import Database
from core.storage.files import POINTER
from core.storage.manifest import Manifest
from core.storage.task_ledger import TaskLedger
from tests.workers.house import PATIENCE, ROOT, alive, environment, eventually, free_port
from workers import calling, checks, children, supervise, writing
from workers.calling import Caller
from workers.children import in_words

HOUR = timedelta(hours=1)


class Run:
    """One run of the supervisor, seen from outside."""

    def __init__(self, home: Path, module: str = "tests.workers.supervised", arguments: tuple[str, ...] = (), **more: str) -> None:
        self.port = free_port()
        self.environment = environment(home, **{"SOCCER_PORT": str(self.port), **more})
        self.output = home.with_name("output.txt")
        with self.output.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=ROOT,
                env=self.environment,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def settings(self) -> Settings:
        return Settings.from_environment(self.environment)

    def ready(self) -> Run:
        eventually(lambda: "Ctrl-C stops it" in self.said() or self.process.poll() is not None)
        assert self.process.poll() is None, self.said()
        eventually(lambda: len(self.events("started")) == 4)
        return self

    def said(self) -> str:
        return self.output.read_text()

    def events(self, event: str) -> list[dict]:
        with self.database() as database:
            return [row for row in process_events.recent(database) if row["event"] == event]

    def heard(self) -> set[int]:
        """The workers whose hearts beat."""
        with self.database() as database:
            return {row["pid"] for row in TaskLedger(database).workers()}

    @contextmanager
    def database(self):
        with closing(Database(self.settings.database_url)) as database:
            database.create()
            yield database

    def pids(self) -> dict[str, int]:
        """The latest process of each role."""
        rows = [*self.events("restarted"), *self.events("started")]
        return {row["process"]: row["pid"] for row in reversed(rows) if row["process"] != "supervisor"}

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)


@pytest.fixture
def start(tmp_path):
    runs: list[Run] = []

    def begin(home: Path | None = None, **options) -> Run:
        runs.append(Run(home or tmp_path / "home", **options))
        return runs[-1]

    yield begin
    for run in runs:
        run.close()


def test_AUTH_4_the_address_the_keys_place_and_how_to_stop_are_said_and_the_key_is_not(start):
    run = start().ready()
    said = run.said()
    assert f"http://127.0.0.1:{run.port}" in said
    assert str(run.settings.key_file) in said
    assert run.settings.key_file.read_text().strip() not in said


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_one_signal_stops_all_and_leaves_no_process(start, signum):
    run = start().ready()
    pids = run.pids().values()
    assert all(alive(pid) for pid in pids)
    run.process.send_signal(signum)
    assert run.process.wait(PATIENCE) == 0
    assert not any(alive(pid) for pid in pids)
    assert run.events("stopped")


def test_a_child_that_ignores_the_signal_is_killed_after_a_while(start):
    run = start(STUBBORN="1").ready()
    pids = run.pids().values()
    run.process.send_signal(signal.SIGTERM)
    assert run.process.wait(PATIENCE) == 0
    assert not any(alive(pid) for pid in pids)


def test_what_is_waited_for_on_purpose_adds_up_to_less_than_five_seconds():
    assert supervise.LOOK_EVERY + supervise.PATIENCE < 5, "from one signal to the end of all"
    assert supervise.LOOK_EVERY + children.FIRST_WAIT < 1, "from a death to the next start"


def test_no_process_is_left_when_the_supervisor_itself_is_killed(start):
    run = start().ready()
    pids = run.pids().values()
    run.process.kill()
    eventually(lambda: not any(alive(pid) for pid in pids))


@pytest.mark.parametrize("role", ["web", "ml", "batch"])
def test_what_dies_is_started_again_and_it_is_written_down(start, role):
    run = start().ready()
    first = run.pids()[role]
    os.kill(first, signal.SIGKILL)
    eventually(lambda: run.pids()[role] != first and alive(run.pids()[role]))
    died = [row["note"] for row in run.events("died") if row["process"] == role]
    assert died[-1] == "was killed by SIGKILL"
    assert f"The {role} process was killed by SIGKILL" in run.said()


@pytest.mark.long
def test_EP_1_what_a_killed_worker_showed_of_the_present_is_forgotten_and_what_it_counted_stays(start, tmp_path):
    shared = tmp_path / "shared"
    run = start(PROMETHEUS_MULTIPROC_DIR=str(shared)).ready()
    pid = run.pids()["ml"]

    def files():
        return {path.name for path in shared.glob(f"*_{pid}.db")}

    eventually(lambda: f"gauge_livemostrecent_{pid}.db" in files())
    before = files()
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: files() == {name for name in before if not name.startswith("gauge_live")})
    assert files()


def test_a_worker_that_hangs_is_killed_and_started_again(start):
    run = start().ready()
    first = run.pids()["ml"]
    eventually(lambda: first in run.heard())
    os.kill(first, signal.SIGSTOP)
    eventually(lambda: run.pids()["ml"] != first)
    assert "hangs" in run.said()


@pytest.mark.long
def test_a_web_process_that_hangs_is_killed_and_started_again_and_one_that_answers_is_not(start):
    run = start().ready()
    first = run.pids()["web"]
    time.sleep(14)
    assert run.pids()["web"] == first
    os.kill(first, signal.SIGSTOP)
    eventually(lambda: run.pids()["web"] != first)
    assert "The web process hangs" in run.said()
    assert [(row["process"], row["note"]) for row in run.events("died")] == [("web", "was killed by SIGKILL")]


def test_a_supervisor_that_was_held_up_itself_takes_nobody_for_broken(tmp_path, monkeypatch):
    moment = [1000.0]
    monkeypatch.setattr(supervise, "time", SimpleNamespace(monotonic=lambda: moment[0]))
    settings = Settings.from_environment(environment(tmp_path / "home"))
    with closing(Database(settings.database_url)) as database:
        database.create()
        supervisor = supervise.Supervisor(
            settings, database, [children.Role("ml", "workers.program", ["sleep", "600"], "ml")], SimpleNamespace(asked=False)
        )
        (child,) = supervisor.children = supervisor.above
        child.start()
        child.seen = moment[0]
        for seconds, killed in ((600.0, False), *[(1.0, False)] * 10, (1.0, True)):
            moment[0] += seconds
            supervisor._listen()
            assert (child.seen is None) is killed
        assert child.process.wait(PATIENCE) == -signal.SIGKILL


def test_a_database_that_is_locked_gets_no_worker_killed_and_is_told_afterwards_what_befell_them(tmp_path, monkeypatch):
    monkeypatch.setattr(supervise, "SILENCE_SECONDS", 0.5)
    monkeypatch.setattr(writing, "ASK_EVERY", 0.05)
    monkeypatch.setattr(writing, "WITHIN", 0.5)
    settings = Settings.from_environment(environment(tmp_path / "home"))
    with closing(Database(settings.database_url)) as database:
        database.create()
        role = children.Role("ml", "workers.program", ["sleep", "600"], "ml")
        supervisor = supervise.Supervisor(settings, database, [role], SimpleNamespace(asked=False))
        (child,) = supervisor.children = supervisor.above
        child.start()
        child.seen = time.monotonic()
        with closing(sqlite3.connect(settings.database_url.removeprefix("sqlite:///"), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            eventually(lambda: not supervisor.diary.takes())
            supervisor.diary.write("ml", "died", 1)
            for _ in range(20):
                supervisor._listen()
                time.sleep(0.05)
            assert child.seen is not None and child.process.poll() is None
            other.execute("ROLLBACK")
        told = eventually(lambda: supervisor.diary.catch_up() or process_events.recent(database))
        assert [(row["process"], row["event"]) for row in told] == [("ml", "died")]
        eventually(lambda: supervisor._listen() or child.process.poll() is not None)  # this one never has a heartbeat
        supervisor.diary.close()


def test_what_befell_a_process_while_the_database_was_locked_just_then_is_not_lost(tmp_path, monkeypatch):
    said = []
    with closing(Database(f"sqlite:///{tmp_path}/house.db")) as database, monkeypatch.context() as locked:
        database.create()
        locked.setattr(process_events, "record", Mock(side_effect=DatabaseUnavailable("The database does not answer")))
        diary = writing.Diary(database, said.append)
        diary.write("ml", "died", 1)
        locked.undo()
        told = eventually(lambda: diary.catch_up() or process_events.recent(database))
        assert [(row["process"], row["event"]) for row in told] == [("ml", "died")]
        diary.close()
    assert said == []


def test_the_thread_of_the_diary_outlives_a_bug(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "ASK_EVERY", 0.01)
    with closing(Database(f"sqlite:///{tmp_path}/house.db")) as database:
        database.create()
        answers, answered = iter([ZeroDivisionError]), threading.Event()

        def check():
            for bug in answers:
                raise bug
            answered.set()

        monkeypatch.setattr(database, "check", check)
        diary = writing.Diary(database, print)
        assert answered.wait(PATIENCE)
        diary.close()


def test_who_asks_a_web_process_that_hangs_does_not_wait_for_it(monkeypatch):
    with socket.socket() as mute:  # takes the call and never says a word
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        monkeypatch.setattr(calling, "ANSWER_WITHIN", PATIENCE)
        caller = Caller("127.0.0.1", mute.getsockname()[1])
        assert not any(caller.heard(1) for _ in range(50))
        (asking,) = (thread for thread in threading.enumerate() if thread.name == "caller")
    asking.join(PATIENCE)  # the one who was asked is gone


@pytest.mark.parametrize("port", ["same", "another"])
def test_a_second_run_on_the_same_home_is_refused_with_the_first_ones_address_before_its_ports_are_looked_at(start, tmp_path, port):
    first = start().ready()
    first.output = first.output.rename(first.output.with_name("first.txt"))
    second = start(**({"SOCCER_PORT": str(first.port)} if port == "same" else {}))
    assert second.process.wait(PATIENCE) == 2
    home = tmp_path / "home"
    refusal = (
        f"SoccerPredictAI runs already at http://127.0.0.1:{first.port} on {home}. Stop it first, or set SOCCER_HOME to another folder."
    )
    assert second.said().splitlines() == [refusal]
    first.process.kill()
    first.process.wait(PATIENCE)
    third = start()
    eventually(lambda: "Ctrl-C stops it" in third.said())


@pytest.mark.long
def test_a_home_that_is_gone_gets_nobody_killed_nor_started_and_no_new_home(start, tmp_path):
    """SILENCE_SECONDS go by meanwhile: no worker's heart can be heard without the database."""
    run = start().ready()
    home, pids = tmp_path / "home", run.pids()
    eventually(lambda: run.said().count("worker started") == 2)
    time.sleep(1.5)  # the workers' threads have opened their own clients
    home.rename(tmp_path / "away")
    eventually(lambda: "soccer.db was deleted or replaced while the app was running" in run.said())
    time.sleep(supervise.SILENCE_SECONDS + 2)
    assert all(alive(pid) for pid in pids.values())
    os.kill(pids["ml"], signal.SIGKILL)
    eventually(lambda: "The ml process was killed by SIGKILL" in run.said())
    time.sleep(8)  # a worker that was started would have opened its database by then
    assert not home.exists(), "nothing was started that would have made a new one"
    assert run.said().count("Until then nothing is started again") == 1 and "hangs" not in run.said()
    (tmp_path / "away").rename(home)
    eventually(lambda: run.pids()["ml"] != pids["ml"] and alive(run.pids()["ml"]))
    assert run.pids()["batch"] == pids["batch"]
    run.process.send_signal(signal.SIGTERM)
    assert run.process.wait(PATIENCE) == 0


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_signal_before_anything_runs_stops_without_a_traceback_and_starts_nothing(start, signum):
    run = start(SLOW_TO_OPEN="1", NOTHING_PUBLISHED="1")
    eventually(lambda: "opening" in run.said())
    run.process.send_signal(signum)
    assert run.process.wait(PATIENCE) == 0
    assert run.said().splitlines() == ["opening", "Stopping.", "Stopped."]
    assert not any(row["process"] != "supervisor" for row in run.events("started"))


def test_what_dies_again_and_again_is_started_ever_more_seldom(start):
    run = start(DIES_AT_ONCE="1")
    eventually(lambda: len(run.events("died")) >= 4)
    waits = [float(line.rpartition(" in ")[2].removesuffix(" s.")) for line in run.said().splitlines() if "starts again" in line]
    assert waits[:4] == [0.2, 0.5, 1.0, 2.0]
    assert run.events("died")[0]["note"] == "ended with code 3"


def test_a_run_that_make_started_stops_when_make_is_gone(tmp_path):
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-m', 'tests.workers.supervised', '--with-parent'])\n"
        "print(child.pid, flush=True)\n"
        "child.wait()\n"
    )
    settings = {"SOCCER_PORT": str(free_port())}
    parent = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(tmp_path / "home", **settings), stdout=subprocess.PIPE, text=True
    )
    child = int(parent.stdout.readline())
    eventually(lambda: "Ctrl-C" in parent.stdout.readline())
    parent.kill()
    eventually(lambda: not alive(child))
    parent.wait(PATIENCE)
    parent.stdout.close()


def test_a_port_that_is_taken_is_a_sentence_with_a_command_that_works_before_anything_starts(start, tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        run = start(SOCCER_PORT=str(taken))
        assert run.process.wait(PATIENCE) == 2
    said = run.said()
    assert f"Port {taken} (SOCCER_PORT) is taken by another program. Stop it, or run: SOCCER_PORT=" in said
    assert said.rstrip().endswith("make run")
    assert "Traceback" not in said
    assert not (tmp_path / "home").exists()


def test_every_taken_port_is_named_at_once_with_free_ones_instead():
    with socket.socket() as one, socket.socket() as two:
        for taken in (one, two):
            taken.bind(("127.0.0.1", 0))
            taken.listen()
        first, second = one.getsockname()[1], two.getsockname()[1]
        settings = Settings(Path("/nowhere"), port=first, metrics_port=second, worker_metrics_port=0)
        with pytest.raises(SettingsError) as problem:
            checks.check_ports(settings)
    said = str(problem.value)
    assert f"{first} (SOCCER_PORT) and {second} (SOCCER_METRICS_PORT)" in said
    command = dict(part.split("=") for part in said.rpartition("run: ")[2].removesuffix(" make run").split())
    assert set(command) == {"SOCCER_PORT", "SOCCER_METRICS_PORT"}
    assert len(set(command.values())) == 2


def test_two_settings_with_the_same_port_are_noticed():
    port = free_port()
    with pytest.raises(SettingsError, match="SOCCER_METRICS_PORT"):
        checks.check_ports(Settings(Path("/nowhere"), port=port, metrics_port=port, worker_metrics_port=0))


def test_a_host_that_is_not_this_machines_is_a_sentence():
    with pytest.raises(SettingsError, match=r"SOCCER_HOST.*0\.0\.0\.0"):
        checks.check_ports(Settings(Path("/nowhere"), host="203.0.113.7", port=free_port(), metrics_port=0, worker_metrics_port=0))


@pytest.mark.parametrize("url", ["amqp://here", "redis://:secret@127.0.0.1:notaport/0", "redis://127.0.0.1/0?db=zz"])
def test_an_address_that_cannot_be_the_queues_is_a_sentence(url):
    with pytest.raises(SettingsError, match="SOCCER_QUEUE_URL") as refused:
        checks.check_queue(Settings(Path("/nowhere"), queue_url=url))
    assert "secret" not in str(refused.value)
    checks.check_queue(Settings(Path("/nowhere"), queue_url="redis://127.0.0.1:1/0"))


def test_a_home_that_cannot_be_written_is_a_sentence(start, tmp_path):
    (tmp_path / "a file").write_text("not a folder")
    run = start(SOCCER_HOME=str(tmp_path / "a file" / "home"))
    assert run.process.wait(PATIENCE) == 2
    assert "Cannot write to" in run.said()
    assert "SOCCER_HOME" in run.said()
    assert "Traceback" not in run.said()


def test_a_metrics_folder_that_cannot_be_written_is_a_sentence(start, tmp_path):
    (tmp_path / "a file").write_text("not a folder")
    run = start(PROMETHEUS_MULTIPROC_DIR=str(tmp_path / "a file"))
    assert run.process.wait(PATIENCE) == 2
    assert "PROMETHEUS_MULTIPROC_DIR" in run.said()
    assert "Traceback" not in run.said()


def test_a_setting_that_cannot_work_is_a_sentence(start):
    run = start(SYNC_TIMEOUT="soon")
    assert run.process.wait(PATIENCE) == 2
    assert "SYNC_TIMEOUT is 'soon'" in run.said()


def test_port_0_takes_a_free_port_and_says_which(start):
    run = start(SOCCER_PORT="0").ready()
    assert "http://127.0.0.1:0" not in run.said()


def test_a_missing_libgomp_is_named_with_its_package(monkeypatch):
    assert checks.missing_libgomp() is None
    monkeypatch.setitem(checks.LIBGOMP, sys.platform, "libgomp-that-is-not-there.so.1")
    assert "apt-get install libgomp1" in checks.missing_libgomp()


@pytest.fixture
def replayed(tmp_path):
    """A replay from noon that stands three hours later, where its batch was published; `at` makes the settings for another start."""
    database = Database(f"sqlite:///{tmp_path / 'soccer.db'}")
    database.create()

    def at(start):
        return Settings(tmp_path, clock=Clock(start), store_url=str(tmp_path / "store"))

    replay.set_out(database, NOON, NOON + 3 * HOUR)
    replay.arrive(database, NOON)
    pointer = tmp_path / "store" / POINTER
    pointer.parent.mkdir(parents=True)
    pointer.write_bytes(Manifest("v1", NOON, NOON + 3 * HOUR, "replay", {}, {}, {}).to_json())
    yield at, database, pointer
    database.close()


@pytest.mark.parametrize(("start", "serves"), [(0, True), (-1, False), (2, False), (24, False)])
def test_a_batch_serves_only_the_replay_that_it_was_made_for(replayed, start, serves):
    at, database, _ = replayed
    assert supervise.published(at(NOON + start * HOUR), database) is serves


def test_a_replay_that_has_played_on_since_its_batch_is_served_by_it(replayed):
    at, database, _ = replayed
    replay.play(database, NOON, 1.0)
    replay.run_on(database, NOON, NOON + 5 * HOUR, NOON + 9 * HOUR)
    assert supervise.published(at(NOON), database)


@pytest.mark.parametrize("said", ["", "{}", "[]", '{"as_of": 7}', None])
def test_without_a_pointer_that_can_be_read_nothing_is_published(replayed, said):
    at, database, pointer = replayed
    pointer.unlink() if said is None else pointer.write_text(said)
    for start in (NOON, None):
        assert not supervise.published(at(start), database)


def test_each_time_that_the_other_timeline_is_chosen_a_task_at_work_is_given_its_time(tmp_path, monkeypatch):
    settings = Settings.from_environment(environment(tmp_path / "home"))
    prepare_home(settings)
    settings.arrived_file.parent.mkdir(parents=True)
    settings.arrived_file.touch()
    settings.choose("replay")
    database = Database(settings.database_url)
    database.create()
    supervisor = supervise.Supervisor(settings, database, [], SimpleNamespace(asked=False))
    supervisor.environment = environment(tmp_path / "home")
    moved = []
    monkeypatch.setattr(supervise, "FOLLOW_EVERY", 0.0)
    monkeypatch.setattr(supervisor, "_move", moved.append)
    monkeypatch.setattr(supervisor.ledger, "workers", lambda: [{"current_task": "a task"}])
    settings.choose("real")
    supervisor._follow()
    supervisor._patience -= supervise.LONGEST_TASK  # so much time goes by
    settings.choose("replay")  # thought better of it
    supervisor._follow()
    settings.choose("real")
    supervisor._follow()
    assert moved == []
    supervisor._patience -= supervise.LONGEST_TASK
    supervisor._follow()
    assert [wanted.timeline for wanted in moved] == ["real"], "not for ever"
    database.close()


def test_each_queue_has_its_worker_with_a_metrics_port_of_its_own():
    settings = Settings(Path("/nowhere"), workers=3, worker_metrics_port=9109)
    found = [(role.name, role.arguments[1], role.arguments[3]) for role in supervise.roles(settings) if role.queue]
    assert found == [("ml", "ml", "9109"), ("batch", "batch", "9110"), ("ml-2", "ml", "9111"), ("ml-3", "ml", "9112")]
    assert checks.ports(settings)["SOCCER_WORKER_METRICS_PORT"] == [9109, 9110, 9111, 9112]


def test_the_end_of_a_process_is_told_in_words():
    assert [in_words(code) for code in (0, 2, -9, -11, -64)] == [
        "ended with code 0",
        "ended with code 2",
        "was killed by SIGKILL",
        "was killed by SIGSEGV",
        "was killed by SIGRTMAX",
    ]


def test_the_supervisor_starts_light():
    code = (
        "import sys, workers.supervise; print([name for name in ('pandas', 'huey', 'fastapi', 'numpy', 'mlflow') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
