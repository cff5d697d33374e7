"""`make run`: starts the web process and the workers, restarts what dies, and stops all of them at one signal."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

from core.errors import FileMissing, SoccerPredictError, StorageError, TableInvalid
from core.settings import PROJECT, Settings, prepare_home
from core.storage import replay
from core.storage.database import Database
from core.storage.files import Store
from core.storage.manifest import Manifest
from core.storage.task_ledger import TaskLedger
from workers import checks, dotenv, running
from workers.calling import Caller, answers, shown_host
from workers.children import Child, Role, in_words, kill_group, leashed, stop_all
from workers.stopping import Stop
from workers.writing import Diary

PATIENCE = 4.0
LOOK_EVERY = 0.2
# A process that was heard of and then fell silent so long hangs: it is killed, and starts anew.
SILENCE_SECONDS = 10.0
# Where this process itself was held up for so long, nobody could be heard meanwhile.
HELD_UP = 2.0
# So often it looks whether the other timeline is to be shown, and so long a task that runs then may take.
FOLLOW_EVERY = 1.0
LONGEST_TASK = 30.0
# So long the servers that the app stands on may take to open their ports, and so often one may die in that time.
FOUNDATION_SECONDS = 180.0
FOUNDATION_DEATHS = 4


def say(sentence: str) -> None:
    print(sentence, flush=True)


def roles(settings: Settings) -> list[Role]:
    """What runs: one web process, the workers of single predictions, and one of long work."""
    server = ["app:app", "--host", settings.host, "--port", str(settings.port), "--no-access-log", "--log-level", "warning"]
    found = [Role("web", "uvicorn", [*server, "--timeout-graceful-shutdown", "2"])]
    queues = ["ml", "batch", *["ml"] * (settings.workers - 1)]
    for number, queue in enumerate(queues):
        port = settings.worker_metrics_port + number if settings.worker_metrics_port else 0
        name = queue if number < 2 else f"{queue}-{number}"
        found.append(Role(name, "workers.consumer", ["--queue", queue, "--metrics-port", str(port)], queue))
    return found


class Supervisor:
    """Holds the processes of one run. With `parent`, it stops when that process is gone.

    `beneath` are the servers that the others need: they start before all else, and stop last.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        held: Sequence[Role],
        stop: Stop,
        parent: int | None = None,
        beneath: Sequence[Role] = (),
    ) -> None:
        self.settings = settings
        self.database = database
        self.stop = stop
        self.parent = parent
        self.environment = checks.child_environment(PROJECT)
        self.beneath = [Child(role, PROJECT, self.environment) for role in beneath]
        self.above = [Child(role, PROJECT, self.environment) for role in held]
        self.children = self.beneath
        self.ledger = TaskLedger(database)
        self.diary = Diary(database, say)
        self._caller = Caller(settings.host, settings.port)
        self._told = False
        self._trouble: str | None = None
        self._follow_due = 0.0
        self._listened = time.monotonic()
        self._patience: float | None = None

    def run(self) -> None:
        """Until a signal comes."""
        self.stop.hurry = self._kill_all
        try:
            self._lay_foundation()
            if not self._stopping() and not published(self.settings, self.database):
                self._pipeline()
            self.diary.write("supervisor", "started", os.getpid())
            self.children = [*self.beneath, *self.above]
            while not self._stopping():
                self._look()
                self._follow()
                time.sleep(LOOK_EVERY)
            say("Stopping.")
        finally:
            for layer in (self.above, self.beneath):
                stop_all([child.process for child in layer if child.process is not None], PATIENCE)
        self.diary.write("supervisor", "stopped", os.getpid())
        self.diary.close()
        say("Stopped.")

    def _lay_foundation(self) -> None:
        """Start the servers beneath, and wait until all of them listen."""
        until = time.monotonic() + FOUNDATION_SECONDS
        while not self._stopping() and not all(child.listens() for child in self.beneath):
            if time.monotonic() > until or any(child.deaths >= FOUNDATION_DEATHS for child in self.beneath):
                silent = ", ".join(f"{child.role.name} ({child.role.log})" for child in self.beneath if not child.listens())
                raise SoccerPredictError(f"These servers do not answer: {silent}. The files in brackets say why.")
            self._look()
            time.sleep(LOOK_EVERY)

    def _kill_all(self) -> None:
        """The second signal does not wait."""
        for child in self.children:
            if child.process is not None:
                kill_group(child.process, signal.SIGKILL)

    def _stopping(self) -> bool:
        return self.stop.asked or (self.parent is not None and os.getppid() != self.parent)

    def _pipeline(self) -> None:
        say("Nothing of this moment is published yet: the pipeline runs first, from the bundled matches on. This takes a minute or two.")
        process = leashed("workers.pipeline", [], PROJECT, self.environment)
        while process.poll() is None and not self._stopping():
            self._look()
            time.sleep(LOOK_EVERY)
        if self._stopping():
            stop_all([process], PATIENCE)
        elif process.returncode:
            raise SoccerPredictError("The pipeline failed; what it said stands above. Mend that, then run `make run` again.")

    def _look(self) -> None:
        for child in self.children:
            pid, code = child.pid, child.ended()
            if pid is not None and code is not None:
                checks.forget(self.settings, pid)
                wait = max(0.0, child.due - time.monotonic())
                self.diary.write(child.role.name, "died", pid, in_words(code))
                say(f"The {child.role.name} process {in_words(code)}; it starts again in {wait:.1f} s.")
            if child.is_due() and not self._gone():
                event = "restarted" if child.deaths else "started"
                self.diary.write(child.role.name, event, child.start())
        self.diary.catch_up()
        self._listen()
        self._tell()

    def _gone(self) -> bool:
        """Whether the database's file was deleted or replaced. A process that is started then would make an empty home in its place."""
        try:
            self.database.check_file()
        except StorageError as error:
            if self._trouble != str(error):
                say(f"{error} Until then nothing is started again.")
            self._trouble = str(error)
            return True
        self._trouble = None
        return False

    def _follow(self) -> None:
        """When the other timeline is shown from now on, the workers start again on its database. The web process follows by itself."""
        if not self.settings.can_switch or time.monotonic() < self._follow_due or self._gone():
            return
        self._follow_due = time.monotonic() + FOLLOW_EVERY
        try:
            wanted = Settings.from_environment(self.environment)
            if wanted.timeline == self.settings.timeline:
                self._patience = None
            elif not self._at_work():
                self._move(replace(wanted, port=self.settings.port))
        except SoccerPredictError as error:
            say(f"The other timeline cannot be shown: {error}")

    def _at_work(self) -> bool:
        """Whether a worker is at a task: it is let finish, unless that takes long."""
        self._patience = self._patience or time.monotonic() + LONGEST_TASK
        return time.monotonic() < self._patience and any(row["current_task"] for row in self.ledger.workers())

    def _move(self, settings: Settings) -> None:
        say("Today's matches are shown now." if settings.timeline == "real" else "The replay is shown now.")
        prepare_home(settings)
        database = Database(settings.database_url)
        database.create()
        self.diary.close()
        self.diary = Diary(database, say)
        self.settings, self.database, self.ledger, self._patience = settings, database, TaskLedger(database), None
        moving = [child for child in self.above if child.role.queue is not None]
        stop_all([child.process for child in moving if child.process is not None], PATIENCE)
        for child in moving:
            child.process, child.due = None, 0.0

    def _listen(self) -> None:
        """Kill what hangs: its process lives, but a worker's heart no longer beats, or the web process no longer answers."""
        heard, now = self._heard(), time.monotonic()
        held_up, self._listened = now - self._listened > HELD_UP, now
        for child in self.children:
            if child.process is None:
                continue
            if child.process.pid in heard or (held_up and child.seen is not None):
                child.seen = now
            elif child.seen is not None and now - child.seen > SILENCE_SECONDS:
                say(f"The {child.role.name} process hangs: it was not heard of for {SILENCE_SECONDS:.0f} s. It is killed.")
                kill_group(child.process, signal.SIGKILL)
                child.seen = None

    def _heard(self) -> set[int]:
        """The processes that gave a sign of life."""
        running = [(child, child.process.pid) for child in self.children if child.process is not None]
        answered = {pid for child, pid in running if child.role.queue is None and child.role.port is None and self._caller.heard(pid)}
        try:
            beating = {row["pid"] for row in self.ledger.workers() if row["host"] == socket.gethostname()[:40]}
        except StorageError:
            beating = set()
        if not self.diary.takes():  # no heart can be heard just now
            beating |= {pid for child, pid in running if child.role.queue is not None and child.seen is not None}
        return answered | beating

    def _tell(self) -> None:
        """Say where the app is, once it answers."""
        if self._told or not answers(self.settings.host, self.settings.port):
            return
        self._told = True
        key = "FASTAPI_HEADER_TOKEN" if os.environ.get("FASTAPI_HEADER_TOKEN") else f"in {self.settings.key_file}"
        say(f"\n  SoccerPredictAI   {address(self.settings)}")
        say(f"  key for the API   {key} (header X-API-Key)")
        say("  Ctrl-C stops it.\n")


def address(settings: Settings) -> str:
    """Where the pages are, for a browser on this machine."""
    return f"http://{shown_host(settings.host)}:{settings.port}"


def published(settings: Settings, database: Database) -> bool:
    """Whether there is anything to serve. On a replay not what knows later results than its clock, or was made before its start."""
    try:
        as_of = Manifest.read(Store.open(settings.store_url, settings.s3_endpoint)).as_of
    except (FileMissing, TableInvalid):
        return False
    start = settings.clock.moment
    return start is None or start <= as_of <= replay.read(database, start).moment


def prepared(settings: Settings) -> Settings:
    """Every check before anything starts, then the folders, the key and the tables. SettingsError says what is wrong."""
    if settings.port == 0:
        settings = replace(settings, port=checks.free_port(settings.host))
    checks.check_ports(settings)
    prepare_home(settings)
    checks.check_multiproc(settings)
    checks.check_queue(settings)
    missing = checks.missing_libgomp()
    if missing is not None:
        say(f"Note: {missing}")
    return settings


def main(arguments: list[str] | None = None) -> int:
    """The command. 0 after a stop that was asked for, 2 after a sentence about what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m workers.supervise", description=__doc__)
    parser.add_argument("--with-parent", action="store_true", help="stop when the process that started this one is gone")
    stop = Stop()  # before anything that takes time: a Ctrl-C may come at once
    given = parser.parse_args(arguments)
    try:
        dotenv.load()
        settings = Settings.from_environment()
        running.refuse_second(settings.home)  # before the ports: the advice to take others would start a second app on these files
        settings = prepared(settings)
        with running.alone(settings.home) as held:
            held.say_address(address(settings))
            database = Database(settings.database_url)
            database.create()
            Supervisor(settings, database, roles(settings), stop, os.getppid() if given.with_parent else None).run()
    except SoccerPredictError as error:
        print(error, file=sys.stderr, flush=True)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
