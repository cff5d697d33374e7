"""A first run on the bundled matches with the sources within reach: from the replay to today without a restart, and on without them.

Alone on two cores the replay is there after 45 seconds, and today's matches after another 80.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing
from datetime import timedelta

import pytest

from core.clock import real_now
from core.storage.database import Database
from core.storage.schema import forecasts, matches, source_documents
from tests.installation import Installation, copy_project
from tests.workers.provider import ENGLAND, OPENFOOTBALL, Provider, around, openfootball, season

TODAY = real_now().date()
PATIENCE = 900.0  # seconds for one step, on a machine that has other things to do


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
    settings = {"SOCCER_SOURCES": "openfootball,openligadb", "SOCCER_MIRROR": provider.address, "FASTAPI_HEADER_TOKEN": "key"}
    installation = Installation(project, SOCCER_HOME=str(tmp_path / "home"), **settings)
    installation.start(PATIENCE)
    yield App(installation)
    installation.stop()


def kept(app, timeline):
    """All that a timeline keeps of matches and forecasts: the rows of both tables, and each file of its store."""
    folder = app.installation.project.parent / "home" / timeline
    with closing(Database(f"sqlite:///{folder / 'soccer.db'}")) as database, database.read() as connection:
        rows = {table.name: sorted(map(repr, connection.execute(table.select()))) for table in (matches, forecasts)}
    files = {path: hashlib.sha1(path.read_bytes()).hexdigest() for path in (folder / "store").rglob("*") if path.is_file()}
    return rows, files


def advance(app):
    """The replay's clock moved by command, while the app shows the replay."""
    environment = app.installation.environment | {"SOCCER_TIMELINE": "replay"}
    command = [sys.executable, "-m", "workers.pipeline", "advance", "--to", "next-match"]
    subprocess.run(command, cwd=app.installation.project, env=environment, check=True, timeout=PATIENCE)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_EP_19_from_the_replay_to_today_and_on_without_the_sources(app, provider):
    assert app.timeline() == "replay"
    assert len(app.get("/predict/matches/?limit=500")) == 89, "the fixtures of the bundled matches"
    replayed = kept(app, "replay")
    assert "Today's matches" in app.get("/healthcheck/")["notices"][-1]
    app.until(lambda: app.timeline() == "real")
    week = app.until(app.this_week)
    assert {match["sex"] for match in week} == {0, 1}
    assert any("These are today's matches" in notice for notice in app.get("/healthcheck/")["notices"])
    app.until(lambda: app.get("/readyz")["ready"])
    before = app.get("/predict/model/info")["model_version"]

    men = next(path for path in provider.documents if path.startswith(OPENFOOTBALL))
    days = around(TODAY, 38)
    days[days.index(TODAY + timedelta(days=2))] = TODAY + timedelta(days=3)
    provider.documents[men] = openfootball(ENGLAND, days, TODAY)
    forget_when_asked(app)
    app.task(app.get("/monitoring/refresh", "POST")["task_id"])
    moved = {(TODAY + timedelta(days=3)).isoformat()}
    app.until(lambda: {match["match_date"][:10] for match in app.this_week() if match["sex"] == 0} == moved)
    assert app.get("/predict/model/info")["model_version"] == before, "news move forecasts, not models"

    provider.close()
    forget_when_asked(app)
    app.task(app.get("/monitoring/refresh", "POST")["task_id"])
    assert {match["match_date"][:10] for match in app.this_week() if match["sex"] == 0} == moved
    assert kept(app, "replay") == replayed

    today = kept(app, "real")
    (app.installation.project.parent / "home" / "timeline").write_text("replay\n")
    app.until(lambda: app.timeline() == "replay")
    assert any("Today's matches are here too" in notice for notice in app.get("/healthcheck/")["notices"])
    advance(app)
    app.until(lambda: len(app.get("/predict/matches/?limit=500")) < 89)
    assert kept(app, "real") == today


def forget_when_asked(app):
    """Let the documents be due again: five minutes have gone by."""
    with closing(Database(f"sqlite:///{app.installation.project.parent}/home/real/soccer.db")) as database, database.write() as connection:
        connection.execute(source_documents.update().values(asked_at="2020-01-01T00:00:00Z"))
