"""The state of the ratings between two runs of `featurize`: taken up when it fits, made anew when it does not."""

import json

import pytest

from tests.learning.test_memory import WORLD, as_known_on
from tests.workers.small_project import SmallProject
from workers import remembered, stages
from workers.remembered import FOLDER, INDEX, recall
from workers.stages import featurize

FIRST, SECOND = "2022-10-20", "2022-10-23"


@pytest.fixture
def project(tmp_path):
    return SmallProject(tmp_path)


def run(project, day, matches=WORLD):
    """The features and the training table that `featurize` writes on this day."""
    place = project.place(clock=f"{day}T12:00:00Z")
    place.database.create()
    place.write_table("work/matches.parquet", as_known_on(day, matches))
    figures = featurize(place)
    return figures, [(project.root / "data" / "work" / f"{name}.parquet").read_bytes() for name in ("features", "training")]


def states(project):
    return project.root / "data" / "work" / FOLDER


def forgotten(project):
    for path in states(project).iterdir():
        path.unlink()


def test_the_next_run_goes_on_and_writes_what_a_rebuild_writes_byte_for_byte(project):
    assert run(project, FIRST)[0]["from_memory"] is False
    said, files = run(project, SECOND)
    assert said["from_memory"] is True and len(list(states(project).glob("*.npz"))) == 9
    forgotten(project)
    assert run(project, SECOND) == (said | {"from_memory": False}, files)


def spoil(project, how):
    index = states(project) / INDEX
    if how == "a torn state":
        one = next(states(project).glob("*.npz"))
        one.write_bytes(one.read_bytes()[:-10])
    if how == "a lost state":
        next(states(project).glob("*.npz")).unlink()
    if how == "no index":
        index.unlink()
    if how == "an index of another form":
        index.write_text(json.dumps({"code": json.loads(index.read_text())["code"], "checkpoints": [1]}))
    if how == "other code":
        changed = project.root / "core" / "learning" / "streams.py"
        changed.write_text(changed.read_text() + "\n# Another line.\n")
    if how == "no features":
        (project.root / "data" / "work" / "features.parquet").unlink()


@pytest.mark.parametrize("how", ["a torn state", "a lost state", "no index", "an index of another form", "other code", "no features"])
def test_what_does_not_fit_is_made_anew(project, how):
    run(project, FIRST)
    assert recall(project.place()) is not None
    spoil(project, how)
    assert recall(project.place()) is None
    said, files = run(project, SECOND)
    forgotten(project)
    assert (said["from_memory"], files) == (False, run(project, SECOND)[1]) and said["matches"] == len(WORLD)


@pytest.mark.parametrize("library", ["numpy", "pandas", "scipy"])
def test_what_another_version_of_a_library_computed_is_made_anew(project, monkeypatch, library):
    run(project, FIRST)
    assert recall(project.place()) is not None
    real = remembered.version
    monkeypatch.setattr(remembered, "version", lambda name: "99.0" if name == library else real(name))
    assert recall(project.place()) is None


def leak(project):
    return project.place().read_json(project.place().work / "data.json")["leak"]


def test_the_leak_test_is_kept_until_another_kind_of_football_comes(project, monkeypatch):
    made, real = [], stages.leak_test
    monkeypatch.setattr(stages, "leak_test", lambda matches: (made.append(len(matches)), real(matches))[1])
    men = WORLD[(WORLD["sex"] == 0) & (WORLD["competition_code"] == "ned.1")]
    run(project, FIRST, men.head(0))
    assert leak(project)["matches"] == 0, "nothing was played"
    run(project, FIRST, men)
    assert list(leak(project)["kinds"]) == ["clubs"] and leak(project)["ok"]
    run(project, SECOND, men)
    assert len(made) == 2, "the same kinds, the same code"
    run(project, SECOND)
    assert set(leak(project)["kinds"]) == {"clubs", "women_clubs", "men"} and len(made) == 3
