"""The life of a model, lived through the running app: promoted, restarted, refitted, rolled back, and every process killed in its turn.

`python -m tests.life` lives it on a tiny league; `--bundled` on the bundled matches; `--all-pairs` kills each process after each step.
"""

from __future__ import annotations

import argparse
import http.client
import io
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from bench.session import Visitor
from core.clock import from_iso
from core.serving.stage_file import StageFile
from core.settings import Settings
from core.storage import logbook, replay
from core.storage.database import Database
from core.storage.files import Store
from core.storage.forecast_chain import sealed, verify
from core.storage.manifest import Manifest
from core.storage.registry import Registry
from core.views.words import number
from tests.installation import PIPELINE_PATIENCE, ROOT, Installation, copy_project
from tests.learning.league import MORE, TEAMS, league
from tests.workers.house import eventually
from tests.workers.small_project import CLOCK, write_snapshot

SOON = 30.0  # seconds until every process has noticed, on a busy machine; the contract says 5 on a quiet one
PROCESSES = ("app:app", "--queue ml", "--queue batch", "supervisor")
STAGES = ("champion", "challenger", "baseline")


@dataclass(frozen=True)
class Roles:
    """Which version has which stage, and which was champion before."""

    champion: int
    challenger: int
    baseline: int
    former: int | None = None

    def stages(self) -> dict[str, int]:
        return {stage: getattr(self, stage) for stage in STAGES}


class Answers:
    """Asks the API for the champion again and again, from before a restart on: no answer may name another version."""

    def __init__(self, life: Life) -> None:
        self._life, self._stop = life, threading.Event()
        self.versions: list[int] = []
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> Answers:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _ask(self) -> None:
        paths = itertools.cycle(("/predict/model/info", f"/predict/precomputed/{self._life.match_id}", f"/predict/{self._life.match_id}"))
        while not self._stop.is_set():
            with suppress(urllib.error.URLError, http.client.HTTPException, OSError, ValueError):
                self.versions.append(int(self._life.get(next(paths))["model_version"]))
            time.sleep(0.02)


class Life:
    """An installation in a folder of its own. `act_*` does something and returns the roles afterwards; `agree` compares all that speaks."""

    def __init__(self, project: Path, **settings: str) -> None:
        self.app = Installation(project, SOCCER_HOME=str(project / "var"), LOOKUP_CHECK_INTERVAL="0.5", **settings)
        self.settings = Settings.from_environment(self.app.environment)
        self.store = Store.open(self.settings.store_url)
        self.match_id = 0
        self.steps = 0

    @classmethod
    def tiny(cls, folder: Path, source: Path = ROOT) -> Life:
        """A tiny made-up league, in a copy of the project at `source`."""
        project = copy_project(folder / "project", source)
        shutil.rmtree(project / "data" / "snapshot")
        write_snapshot(project / "data" / "snapshot", league(first_year=2022, competition_code="ned.1", teams=(*TEAMS, *MORE)))
        return cls(project, SOCCER_CLOCK=CLOCK)

    @classmethod
    def bundled(cls, folder: Path) -> Life:
        return cls(copy_project(folder / "project"))

    # What is done

    def first_run(self) -> Roles:
        self.app.start(PIPELINE_PATIENCE)
        return Roles(1, 2, 3)

    def promote(self, before: Roles) -> Roles:
        asked = {
            "version": before.challenger,
            "expected_champion": before.champion,
            "reason": "to see",
            "against_the_gate": True,
            "who": "Ada",
        }
        self.done(self.post("/predict/model/promote", asked))
        return replace(before, champion=before.challenger, former=before.champion)

    def roll_back(self, before: Roles) -> Roles:
        self.done(self.post("/predict/model/rollback", {"reason": "to go back"}))
        assert before.former is not None
        return replace(before, champion=before.former, former=before.champion)

    def pipeline(self, before: Roles) -> Roles:
        """A day on: the clock moves, and the batch is published again."""
        self.command("advance", "--to", "+24h")
        return before

    def refresh(self, before: Roles) -> Roles:
        self.done(self.post("/monitoring/refresh", {}))
        return before

    def retrain(self, before: Roles) -> Roles:
        """The models are fitted anew: three versions more, of which the one of the recipe that does not serve challenges."""
        self.done(self.post("/monitoring/retrain", {}))
        latest = max(before.champion, before.challenger, before.baseline, before.former or 0)
        return replace(before, challenger=latest + 1, baseline=latest + 3)

    def reset(self, before: Roles) -> Roles:
        self.command("advance", "--to", "start")
        stages = Registry(self.settings.tracking_uri, self.settings.model_name).aliases()
        assert stages["champion"] == before.champion, "going back to the start promotes nobody"
        return replace(before, challenger=stages["challenger"], baseline=stages["baseline"])

    def restart(self, before: Roles) -> Roles:
        """Stop everything and start it: the first answer of all is right."""
        with Answers(self) as answers:
            assert self.app.stop() == 0
            answers.versions.clear()
            self.app.start()
            eventually(lambda: len(answers.versions) > 30, SOON)
        assert set(answers.versions) == {before.champion}, answers.versions
        return before

    def kill(self, name: str, roles: Roles) -> None:
        """Kill a process without warning, and wait until it is back; meanwhile no answer names another champion."""
        with Answers(self) as answers:
            if name == "supervisor":
                os.kill(self.app.pid, signal.SIGKILL)
                time.sleep(2)  # the others end with it
                answers.versions.clear()
                self.app.start()
            else:
                killed = self.app.process(name)
                os.kill(killed, signal.SIGKILL)
                eventually(lambda: self._lives_again(name, killed), SOON)
                self.app.until_answers("/readyz")
            eventually(lambda: len(answers.versions) > 30, SOON)
        assert set(answers.versions) == {roles.champion}, (name, answers.versions)

    def _lives_again(self, name: str, killed: int) -> bool:
        with suppress(AssertionError):
            return self.app.process(name) != killed
        return False

    # How it is asked

    def get(self, path: str) -> dict:
        return self._asked(path)

    def post(self, path: str, body: dict) -> dict:
        return self._asked(path, json.dumps(body).encode())

    def _asked(self, path: str, body: bytes | None = None) -> dict:
        headers = {"X-API-Key": (self.settings.key_file).read_text().strip(), "Content-Type": "application/json"}
        request = urllib.request.Request(self.app.address + path, body, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def text(self, path: str) -> str:
        with urllib.request.urlopen(self.app.address + path, timeout=30) as answer:
            return answer.read().decode()

    def done(self, task: dict) -> None:
        ended = ("SUCCESS", "FAILURE", "REVOKED", "EXPIRED")
        path = f"/monitoring/task_status/{task['task_id']}"

        def over() -> dict | None:
            with suppress(urllib.error.URLError, http.client.HTTPException, OSError):
                said = self.get(path)
                return said if said["status"] in ended else None
            return None

        said = eventually(over, PIPELINE_PATIENCE, 0.2)
        assert said["status"] == "SUCCESS", said

    def command(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "workers.pipeline", *arguments]
        run = subprocess.run(
            command, cwd=self.app.project, env=self.app.environment, capture_output=True, text=True, timeout=PIPELINE_PATIENCE
        )
        assert run.returncode == 0, run.stderr[-3000:]

    @contextmanager
    def database(self):
        made = Database(self.settings.database_url)
        try:
            yield made
        finally:
            made.close()

    # What is compared

    def agree(self, roles: Roles) -> None:
        """Every page, route, metric, the batch, the audit and the chain name the same versions, and show their numbers."""
        until = time.monotonic() + SOON
        while True:  # every process has noticed within seconds; after that nothing may differ
            try:
                self.compare(roles)
                return
            except (AssertionError, urllib.error.URLError, http.client.HTTPException, OSError, RuntimeError) as differ:
                if time.monotonic() > until:
                    raise AssertionError(f"after step {self.steps}: {differ}") from differ
                time.sleep(0.5)

    def compare(self, roles: Roles) -> None:
        self.match_id = self.upcoming()
        self.compare_store(roles)
        self.compare_audit_and_chain(roles)
        self.compare_routes(roles)
        self.compare_metrics(roles)
        self.compare_pages(roles)

    def upcoming(self) -> int:
        """The last match to come: one without a kick-off is not sealed any more once its day has begun."""
        return int(self._asked("/predict/matches/")[-1]["match_id"])

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(io.BytesIO(self.store.read(Manifest.read(self.store).file(name).key)))

    def scores(self) -> dict:
        return json.loads(self.store.read(Manifest.read(self.store).file("scores.json").key))["versions"]

    def compare_store(self, roles: Roles) -> None:
        registry, file = Registry(self.settings.tracking_uri, self.settings.model_name), StageFile.read(self.store)
        assert registry.aliases() == roles.stages() == dict(file.stages), (registry.aliases(), roles, file.stages)
        assert file.former_champion == roles.former, (file.former_champion, roles)
        forecasts = self.table("predictions.parquet").reset_index()
        assert not forecasts.duplicated(["match_id", "model_version"]).any()
        scored = set(forecasts["model_version"])
        assert {*roles.stages().values(), *([roles.former] if roles.former else [])} <= scored, (scored, roles)

    def compare_batch(self, roles: Roles) -> None:
        """Of the batch itself, which knows of a decision once it was published again."""
        manifest = Manifest.read(self.store)
        assert dict(manifest.stages) == roles.stages() and manifest.former_champion == roles.former, (manifest.stages, roles)

    def compare_audit_and_chain(self, roles: Roles) -> None:
        with self.database() as database:
            decided = logbook.decisions(database, 1)
            assert (
                (decided[0]["to_version"], decided[0]["from_version"]) == (roles.champion, roles.former)
                if decided
                else roles.former is None
            )
            with database.read() as connection:
                assert verify(connection) is None
                ours = [row for row in sealed(connection, self.match_id) if row["stage"] == "champion"]
            now = replay.clock(database, self.settings.clock).now()  # what was sealed later stays in the chain when a replay begins again
        ours = [row for row in ours if from_iso(row["as_of"]) <= now]
        assert ours[-1]["model_version"] == roles.champion, (ours[-1], roles)
        forecast = self.table("predictions.parquet").query("model_version == @roles.champion").loc[self.match_id]
        assert ours[-1]["proba_home"] == forecast["proba_home"]

    def compare_routes(self, roles: Roles) -> None:
        ready = self.get("/readyz")
        assert ready["ready"] and not any(part["reason"] for part in ready.values() if isinstance(part, dict)), ready
        forecasts = self.table("predictions.parquet").reset_index().set_index(["match_id", "model_version"])
        for stage, version in roles.stages().items():
            assert self.get(f"/predict/model/info?stage={stage}")["model_version"] == version
            answer = self.get(f"/predict/{self.match_id}?stage={stage}")
            assert (answer["model_version"], answer["model_stage"]) == (version, stage)
            assert abs(answer["proba_home"] - forecasts.loc[(self.match_id, version), "proba_home"]) < 1e-9
        ahead = self.get(f"/predict/precomputed/{self.match_id}")
        assert ahead["model_version"] == roles.champion
        assert ahead["proba_home"] == forecasts.loc[(self.match_id, roles.champion), "proba_home"]
        assert self.get("/monitoring/drift")["model_version"] == roles.champion
        for worker in self._asked("/monitoring/workers"):
            assert worker["model_versions"] == roles.stages(), worker

    def compare_metrics(self, roles: Roles) -> None:
        shown = self.text("/metrics")
        for stage, version in roles.stages().items():
            serving = re.findall(rf'model_info{{model_name="[^"]+",(?:pid="\d+",)?stage="{stage}",version="(\d+)"}} 1\.0', shown)
            assert set(map(int, serving)) == {version}, (stage, serving)
            loss = self.scores()[str(version)]["log_loss"]["point"]
            found = float(re.search(rf'forecast_log_loss{{(?:pid="\d+",)?stage="{stage}"}} (\S+)', shown).group(1))
            assert abs(found - loss) < 1e-12, (stage, found, loss)
        assert re.search(r"forecast_chain_valid(?:{[^}]*})? 1\.0", shown)

    def compare_pages(self, roles: Roles) -> None:
        visitor = Visitor(self.app.address.removeprefix("http://"))
        scores = self.scores()
        former = "" if roles.former in (None, roles.challenger) else f"Former champion v{roles.former}"
        try:
            matches = visitor.read()
            assert f"Champion v{roles.champion}" in matches and "No upcoming" not in matches
            for role, version in (("Champion", roles.champion), ("Baseline", roles.baseline)):
                assert re.search(
                    rf"{role} v{version} .{{0,40}}{re.escape(number(scores[str(version)]['log_loss']['point'], 3))}", matches
                ), role
            match = visitor.read("match", f"id={self.match_id}")
            assert f"champion v{roles.champion}" in match and f"Champion v{roles.champion}" in match and former in match, match[:600]
            for page in ("live", "playground", "how_it_works"):
                assert visitor.read(page)
            arena = visitor.read("arena")
            is_former = roles.former is not None and roles.challenger == roles.champion
            rival = f"Former champion v{roles.former}" if is_former else f"Challenger v{roles.challenger}"
            named = f"Champion v{roles.champion}" in arena and rival in arena
            assert named or f"Versions {roles.champion} and {roles.challenger} are two fits of one recipe" in arena, arena[:600]
            drift = visitor.read("drift")
            assert f"of version {roles.champion}, the champion" in drift
            operations = visitor.read("operations")
            assert f"champion v{roles.champion}" in operations
        finally:
            visitor.close()


def live(life: Life, all_pairs: bool = False) -> None:
    """First run, promotion, pipeline run, restart, refresh, retrain, second promotion, rollback, pipeline run, restart, replay reset."""
    roles = life.first_run()
    life.match_id = life.upcoming()
    steps = ("promote", "pipeline", "restart", "refresh", "retrain", "promote", "roll_back", "pipeline", "restart", "reset")
    rotation = itertools.cycle(PROCESSES)
    try:
        life.agree(roles)
        for name in steps:
            started = time.monotonic()
            life.steps += 1
            roles = getattr(life, name)(roles)
            life.agree(roles)
            if name in ("pipeline", "refresh", "retrain", "reset"):
                life.compare_batch(roles)
            for process in PROCESSES if all_pairs else (next(rotation),):
                life.kill(process, roles)
                life.agree(roles)
                print(f"step {life.steps}, {name}, then {process} killed: {roles}, {time.monotonic() - started:.0f} s", flush=True)
    finally:
        life.app.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundled", action="store_true", help="on the bundled matches instead of a tiny league")
    parser.add_argument("--all-pairs", action="store_true", help="kill each process after each step, not one of them in rotation")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        live(Life.bundled(Path(folder)) if asked.bundled else Life.tiny(Path(folder)), asked.all_pairs)


if __name__ == "__main__":
    main()
