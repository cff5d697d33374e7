"""What a refresh makes of what it finds: published when there is news, also news that an earlier run left lying."""

from __future__ import annotations

import shutil
from contextlib import closing
from datetime import timedelta

import pytest

from core.clock import real_now
from core.settings import PROJECT, Settings
from core.storage.files import POINTER
from core.storage.manifest import Manifest
from tests.learning.league import league
from tests.workers.provider import OPENLIGADB, Provider, season
from tests.workers.small_project import write_snapshot
from workers import pipeline, renewing
from workers.workplace import Workplace


def manifest(as_of):
    return Manifest("v1", real_now(), as_of, "real", {}, {}, {}).to_json()


@pytest.fixture
def place(tmp_path):
    """The real timeline, shown already, its forecasts an hour old; one league can be asked for."""
    with closing(Provider()) as provider:
        provider.documents |= {path: told for path, told in season(real_now().date()).items() if path.startswith(OPENLIGADB)}
        write_snapshot(tmp_path / "data" / "snapshot", league(first_year=2023, competition_code="ned.1"))
        shutil.copytree(PROJECT / "data" / "teams", tmp_path / "data" / "teams")
        home = {"SOCCER_HOME": str(tmp_path / "home"), "SOCCER_TIMELINE": "real"}
        made = Workplace(Settings.from_environment(home | {"SOCCER_SOURCES": "openligadb", "SOCCER_MIRROR": provider.address}), tmp_path)
        made.database.create()
        made.store.write(POINTER, manifest(made.now - timedelta(hours=1)))
        made.settings.arrived_file.touch()
        yield made
        made.database.close()


class Runs:
    """Refreshes of which each ends as it is told to; `made` counts those that came to publish."""

    def __init__(self, place):
        self.place, self.made = place, 0

    def refresh(self, end):
        def repro():
            self.made += 1
            if isinstance(end, BaseException):
                raise end
            return end

        def work(run, locks):
            return renewing.refresh(self.place, stage=lambda name: 0, repro=repro, commit=lambda: 0)

        return pipeline._to_its_end(self.place, work)("run", [])


def test_news_is_published_once(place):
    runs = Runs(place)
    assert [runs.refresh(0), runs.made] == [0, 1]
    assert [runs.refresh(0), runs.made] == [0, 1], "nothing is new"


@pytest.mark.parametrize("end", [1, SystemExit(143)], ids=["failed", "stopped"])
def test_news_that_a_run_has_loaded_and_not_published_is_published_by_the_next(place, end):
    runs = Runs(place)
    try:
        assert runs.refresh(end) == 1
    except SystemExit:
        assert isinstance(end, SystemExit)
    assert [runs.refresh(0), runs.made] == [0, 2]
    assert [runs.refresh(0), runs.made] == [0, 2], "nothing is new"


def test_forecasts_of_a_later_moment_than_now_are_no_fresh_ones(place):
    runs = Runs(place)
    runs.refresh(0)
    place.store.write(POINTER, manifest(place.now + timedelta(days=30)))
    assert [runs.refresh(0), runs.made] == [0, 2]
