"""The timeline that is shown: a choice, or the arrival of the real one, exchanges the services while the process runs."""

from __future__ import annotations

from contextlib import closing

import pytest

from core.serving.timelines import Timelines
from core.storage.files import Store
from tests.serving import batches, models

FILES = {number: models.files(float(number)) for number in (1, 2, 3)}


@pytest.fixture
def home(tmp_path):
    """A published replay, and a real timeline that is published and not yet known to be."""
    for timeline in ("replay", "real"):
        batches.publish(Store.open(str(tmp_path / timeline / "store")), model_files=FILES)
    return tmp_path


@pytest.fixture
def timelines(home):
    made = Timelines({"SOCCER_HOME": str(home), "SOCCER_SOURCES": "none"})
    yield made
    made.close()


def shown(timelines):
    return timelines.services.settings.timeline


def test_the_replay_is_shown_until_the_real_timeline_arrives(timelines):
    timelines.once()
    assert shown(timelines) == "replay"
    timelines.services.settings.arrived_file.touch()
    timelines.once()
    assert shown(timelines) == "real"
    assert timelines.services.predictions.ready
    assert [notice.title for notice in timelines.services.notices() if notice.kind == "replay"] == ["These are today's matches."]


def test_a_choice_is_followed_and_whoever_follows_is_told_before_it_is_shown(timelines):
    told = []
    timelines.follow(lambda services: told.append((services.settings.timeline, shown(timelines))))
    timelines.services.settings.arrived_file.touch()
    timelines.once()
    timelines.services.settings.choose("replay")
    timelines.once()
    assert told == [("replay", "replay"), ("real", "replay"), ("replay", "real")]
    assert "Operations leads to them" in timelines.services.notices()[-1].text


def test_a_home_that_is_gone_does_not_look_like_a_choice_of_the_other_timeline(home, timelines):
    timelines.services.settings.arrived_file.touch()
    timelines.once()
    home.rename(home.with_name("away"))
    timelines.once()
    assert shown(timelines) == "real" and not home.exists()
    home.with_name("away").rename(home)


def test_pages_that_began_on_the_services_of_before_may_end(timelines):
    before = timelines.services
    before.settings.arrived_file.touch()
    timelines.once()
    assert before.predictions.ready
    assert before.records.documents() == []


def test_an_address_that_a_library_left_in_the_environment_is_not_taken_for_the_other_timelines(home, monkeypatch):
    monkeypatch.setenv("SOCCER_HOME", str(home))
    monkeypatch.setenv("SOCCER_SOURCES", "none")
    with closing(Timelines()) as timelines:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", timelines.services.settings.tracking_uri)
        timelines.services.settings.arrived_file.touch()
        timelines.once()
        assert timelines.services.settings.tracking_uri == f"sqlite:///{home}/real/mlflow.db"
        assert timelines.services.settings.can_switch
