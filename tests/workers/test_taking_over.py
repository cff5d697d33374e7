"""A home that an earlier release made is taken over: served at once, refitted, rolled back, and its chain stays whole."""

import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.installation import ROOT
from tests.life import Life, Roles

pytestmark = pytest.mark.long

BEFORE = "c0812ac5689a"  # the last commit whose batches had a row for each stage


DIRECTORY = {"dirs_exist_ok": True, "ignore": shutil.ignore_patterns("__pycache__")}


def earlier_release(folder: Path) -> Path:
    """The project as it was at BEFORE; the test is skipped in a copy without its history."""
    whole = subprocess.run(["git", "rev-parse", "--is-shallow-repository"], cwd=ROOT, capture_output=True, text=True)
    if whole.stdout.strip() != "false":
        pytest.skip("this copy of the project has no history")
    archive = folder / "before.tar"
    subprocess.run(["git", "archive", "--output", str(archive), BEFORE], cwd=ROOT, check=True)
    with tarfile.open(archive) as packed:
        packed.extractall(folder / "before", filter="data")
    return folder / "before"


@pytest.fixture
def taken_over(tmp_path):
    """The app of today on a home in which the release before had a first run, a promotion and a run of the pipeline."""
    old = Life.tiny(tmp_path / "old", earlier_release(tmp_path))
    old.app.start(900)
    old.done(old.post("/predict/model/promote", {"version": 2, "expected_champion": 1, "reason": "to see"}))
    old.command("advance", "--to", "+24h")
    old.app.stop()
    for code in ("core", "pages", "workers"):
        shutil.rmtree(old.app.project / code)
    for made in ("app.py", "core", "pages", "workers", "dvc.yaml", "params.yaml", ".streamlit"):
        source = ROOT / made
        (shutil.copytree if source.is_dir() else shutil.copy)(source, old.app.project / made, **DIRECTORY if source.is_dir() else {})
    yield old
    old.app.stop()


def test_a_home_of_the_release_before_is_served_at_once_and_lives_on(taken_over):
    life, roles = taken_over, Roles(2, 2, 3, former=1)
    life.app.start(30)
    life.match_id = life.upcoming()
    assert life.get(f"/predict/precomputed/{life.match_id}")["model_version"] == 2
    assert life.get("/predict/model/info")["model_version"] == 2
    roles = life.pipeline(roles)
    registered = 3  # the pipeline of today fits its recipes once, under their ids of today
    roles = Roles(2, registered + 1, registered + 3, former=1)
    life.agree(roles)
    life.compare_batch(roles)
    roles = life.roll_back(roles)
    life.agree(roles)
    life.done(life.post("/monitoring/retrain", {}))
    # The challenger was a refit of the champion's own recipe; in this league the new version of the other recipe has the lower log loss.
    life.agree(Roles(1, registered + 5, registered + 6, former=2))
