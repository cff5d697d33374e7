"""A copy of the project with a tiny made-up league in place of the bundled matches, and a home of its own."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd

from core.settings import PROJECT, Settings
from core.storage.database import Database
from core.storage.files import Store
from tests.installation import PIPELINE_PATIENCE
from tests.learning.league import MORE, TEAMS, league
from workers.workplace import Workplace

CLOCK = "2024-10-10T12:00:00Z"  # in the last of three seasons
COPIED = ("core", "workers", "dvc.yaml", "params.yaml", ".dvcignore")


def write_snapshot(folder: Path, matches: pd.DataFrame) -> None:
    """The files of a snapshot that says these matches."""
    folder.mkdir(parents=True, exist_ok=True)
    kickoffs = [f"{day:%Y-%m-%d}T15:00:00Z" if number % 2 else "" for number, day in enumerate(matches["date"])]
    table = pd.DataFrame(
        {
            **{name: matches[name] for name in ("match_id", "competition_code", "competition", "country", "season", "round", "sex", "leg")},
            **{name: matches[name] for name in ("home_team", "away_team", "status")},
            "date": matches["date"].dt.strftime("%Y-%m-%d"),
            "kickoff_utc": kickoffs,
            "neutral": matches["neutral"].astype(int),
            "home_score": matches["home_score"].astype("Int64"),
            "away_score": matches["away_score"].astype("Int64"),
        }
    )
    (folder / "matches.csv.gz").write_bytes(gzip.compress(table.to_csv(index=False).encode()))
    aliases = "\n".join(f"Netherlands,{name},{name},made up" for name in (*TEAMS, *MORE))
    (folder / "team_aliases.csv").write_text(f"country,canonical,alias,source\n{aliases}\n", encoding="utf-8")


class SmallProject:
    """`run` starts the pipeline as a person would; what it wrote is read from files and the database."""

    def __init__(self, root: Path) -> None:
        self.root, self.home = root / "project", root / "home"
        for name in COPIED:
            source = PROJECT / name
            if source.is_dir():
                shutil.copytree(source, self.root / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                self.root.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, self.root / name)
        (self.root / ".dvc").mkdir()
        shutil.copy(PROJECT / ".dvc" / "config", self.root / ".dvc" / "config")
        self.league = league(first_year=2022, competition_code="ned.1", teams=(*TEAMS, *MORE))
        write_snapshot(self.root / "data" / "snapshot", self.league)
        shutil.copytree(PROJECT / "data" / "teams", self.root / "data" / "teams")

    def environment(self, clock: str = CLOCK) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return kept | {"SOCCER_HOME": str(self.home), "SOCCER_CLOCK": clock, "PYTHONDONTWRITEBYTECODE": "1"}

    def run(self, *arguments: str, clock: str = CLOCK) -> Result:
        command = [sys.executable, "-m", "workers.pipeline", *arguments]
        return self._done(command, self.environment(clock) | {"SHELL": "/bin/false"})  # as a service's account has it

    def repro(self, clock: str = CLOCK) -> Result:
        """`dvc repro` by hand."""
        here = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        return self._done([sys.executable, "-m", "dvc", "repro", "--quiet"], self.environment(clock) | here)

    def _done(self, command: list[str], environment: dict[str, str]) -> Result:
        done = subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, timeout=PIPELINE_PATIENCE)
        return Result(done.returncode, done.stdout, done.stderr)

    def place(self, clock: str = CLOCK) -> Workplace:
        return Workplace(Settings.from_environment(self.environment(clock)), self.root)

    @property
    def database(self) -> Database:
        return Database(Settings.from_environment(self.environment()).database_url)

    @property
    def store(self) -> Store:
        return Store.open(str(self.home / "replay" / "store"))

    def pointer(self) -> dict:
        return json.loads(self.store.read("batch/current.json"))

    def receipt(self, stage: str) -> dict:
        return json.loads((self.root / "data" / "work" / "receipts" / f"{stage}.json").read_text())


class Result:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def lines(self) -> list[dict]:
        """The log; a line that is no JSON fails, since a run has nothing else to say, but that DVC names a stage that failed."""
        said = (line for line in self.err.splitlines() if line and not line.startswith("ERROR: failed to reproduce"))
        return [json.loads(line) for line in said]

    @property
    def stages(self) -> list[str]:
        return [line["stage"] for line in self.lines if line["event"] == "stage"]
