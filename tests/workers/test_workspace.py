"""The work files of two timelines: each finds its own again, and the lock stays where it is held."""

from __future__ import annotations

import json

import pytest

from core.settings import Settings
from workers import workspace
from workers.workplace import Workplace


@pytest.fixture
def places(tmp_path):
    def place(timeline):
        environment = {"SOCCER_HOME": str(tmp_path / "home"), "SOCCER_TIMELINE": timeline}
        return Workplace(Settings.from_environment(environment), tmp_path / "project")

    return place("replay"), place("real")


def made(place, timeline):
    for name in ("models/elo/model.json", "instance.json", "pipeline.lock"):
        path = place.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"timeline": timeline}))
    (place.root / "dvc.lock").write_text(timeline)
    (place.root / "reports" / "drift").mkdir(parents=True, exist_ok=True)
    (place.root / "reports" / "drift" / "latest.json").write_text(timeline)


def lies_there(place):
    files = (place.root / "dvc.lock", place.work / "models" / "elo" / "model.json", place.root / "reports" / "drift" / "latest.json")
    return [path.read_text() if path.exists() else None for path in files]


def test_each_timeline_finds_its_own_work_files_again(places):
    replay, real = places
    made(replay, "replay")
    before = lies_there(replay)
    workspace.enter(real)
    assert lies_there(real) == [None, None, None]
    made(real, "real")
    workspace.enter(replay)
    assert lies_there(replay) == before
    workspace.enter(real)
    assert lies_there(real)[0] == "real"


def test_the_lock_that_is_held_stays_where_it_is(places):
    replay, real = places
    made(replay, "replay")
    held = (replay.work / "pipeline.lock").stat().st_ino
    workspace.enter(real)
    assert (real.work / "pipeline.lock").stat().st_ino == held


def test_one_that_works_on_changes_nothing(places):
    replay, _ = places
    made(replay, "replay")
    workspace.enter(replay)
    assert lies_there(replay)[0] == "replay"
