"""A first run with the sources within reach: from the replay to today without a restart, and on without them."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from contextlib import closing
from datetime import timedelta

import pytest

from core.clock import real_now
from core.storage.database import Database
from core.storage.schema import source_documents
from tests.installation import Installation, copy_project
from tests.learning.league import league
from tests.workers.provider import ENGLAND, OPENFOOTBALL, Provider, around, openfootball, season
from tests.workers.small_project import write_snapshot

TODAY = real_now().date()
PATIENCE = 400.0  # seconds on a machine that has other things to do; alone it takes a minute


class App:
    """The app as it answers."""

    def __init__(self, installation):
        self.installation = installation

    def get(self, path, method="GET"):
        asked = urllib.request.Request(self.installation.address + path, headers={"X-API-Key": "key"}, method=method)
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return json.load(answer)

    def until(self, condition, seconds=PATIENCE):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                found = condition()
            except (urllib.error.URLError, OSError):
                found = None
            if found:
                return found
            time.sleep(0.5)
        raise AssertionError(f"not within {seconds} s:\n{self.installation.log.read_text()[-3000:]}")

    def timeline(self):
        return self.get("/healthcheck/")["timeline"]

    def this_week(self):
        until = (TODAY + timedelta(days=7)).isoformat()
        return [match for match in self.get("/predict/matches/?limit=500") if match["match_date"][:10] <= until]

    def task(self, task_id):
        """The task when it has ended; its result is in the ledger of the timeline that it was asked on."""
        said = self.until(lambda: (told := self.get(f"/monitoring/task_status/{task_id}"))["finished_at"] and told)
        assert said["status"] == "SUCCESS", said
        return said


@pytest.fixture
def provider():
    with closing(Provider()) as made:
        made.documents.update(season(TODAY))
        yield made


@pytest.fixture
def app(tmp_path, provider):
    project = copy_project(tmp_path / "project")
    write_snapshot(project / "data" / "snapshot", league(first_year=2022, competition_code="ned.1"))
    settings = {"SOCCER_SOURCES": "openfootball,openligadb", "SOCCER_MIRROR": provider.address, "FASTAPI_HEADER_TOKEN": "key"}
    installation = Installation(project, SOCCER_HOME=str(tmp_path / "home"), **settings)
    installation.start(PATIENCE)
    yield App(installation)
    installation.stop()


@pytest.mark.long
def test_EP_19_from_the_replay_to_today_and_on_without_the_sources(app, provider, tmp_path):
    assert app.timeline() == "replay"
    assert "as soon as their sources can be reached" in app.get("/healthcheck/")["notices"][-1]
    app.until(lambda: app.timeline() == "real")
    week = app.until(app.this_week)
    assert {match["sex"] for match in week} == {0, 1}
    assert any("These are today's matches" in notice for notice in app.get("/healthcheck/")["notices"])
    app.until(lambda: app.get("/readyz")["ready"])
    before = app.get("/predict/model/info")["model_version"]

    with closing(Database(f"sqlite:///{tmp_path}/home/real/soccer.db")) as database:
        forget_when_asked(database)
    men = next(path for path in provider.documents if path.startswith(OPENFOOTBALL))
    days = around(TODAY, 38)
    days[days.index(TODAY + timedelta(days=2))] = TODAY + timedelta(days=3)
    provider.documents[men] = openfootball(ENGLAND, days, TODAY)
    app.task(app.get("/monitoring/refresh", "POST")["task_id"])
    moved = {(TODAY + timedelta(days=3)).isoformat()}
    app.until(lambda: {match["match_date"][:10] for match in app.this_week() if match["sex"] == 0} == moved)
    assert app.get("/predict/model/info")["model_version"] == before, "news move forecasts, not models"

    provider.close()
    with closing(Database(f"sqlite:///{tmp_path}/home/real/soccer.db")) as database:
        forget_when_asked(database)
    app.task(app.get("/monitoring/refresh", "POST")["task_id"])
    assert {match["match_date"][:10] for match in app.this_week() if match["sex"] == 0} == moved

    (tmp_path / "home" / "timeline").write_text("replay\n")
    app.until(lambda: app.timeline() == "replay")
    assert any("Today's matches are here too" in notice for notice in app.get("/healthcheck/")["notices"])


def forget_when_asked(database):
    """Let the documents be due again: five minutes have gone by."""
    with database.write() as connection:
        connection.execute(source_documents.update().values(asked_at="2020-01-01T00:00:00Z"))
