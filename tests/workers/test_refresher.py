"""When the sources are asked by themselves, for which timeline, and that two workers do not ask twice."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from core.clock import real_now, sortable
from core.settings import Settings
from core.storage.database import Database
from core.storage.schema import tasks
from core.storage.task_ledger import TaskLedger
from workers import refresher
from workers.refresher import Refresher


def settings_of(home, **more):
    return Settings.from_environment({"SOCCER_HOME": str(home), **more})


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setattr(refresher, "FIRST_AFTER", 0.0)
    settings = settings_of(tmp_path, SOCCER_REFRESH_MINUTES="60")
    Database(settings.database_url).create()
    return settings


def asked(settings):
    return len(TaskLedger(Database(settings.database_url)).recent(50, name="refresh"))


def finish(settings):
    ledger = TaskLedger(Database(settings.database_url))
    claim = ledger.claim(ledger.recent(1, name="refresh")[0]["task_id"], "w", 10)
    ledger.succeed(claim.task_id, "w", {})


def test_the_sources_are_asked_soon_after_the_start_and_again_when_that_is_old(settings):
    loop = Refresher(settings)
    loop.once()
    assert asked(settings) == 1
    finish(settings)
    loop.once()
    assert asked(settings) == 1
    loop._due = 0.0
    asked_at(settings, real_now() - timedelta(hours=1))
    loop.once()
    assert asked(settings) == 2


def asked_at(settings, moment):
    """As if the last refresh had been asked for then."""
    with Database(settings.database_url).write() as connection:
        connection.execute(tasks.update().values(created_at=sortable(moment)))


def test_a_clock_that_was_put_back_does_not_keep_the_sources_from_being_asked(settings):
    Refresher(settings).once()
    finish(settings)
    asked_at(settings, real_now() + timedelta(days=365))
    Refresher(settings).once()
    assert asked(settings) == 2


def test_who_starts_without_a_network_need_not_wait_an_hour_for_today(tmp_path, monkeypatch):
    monkeypatch.setattr(refresher, "FIRST_AFTER", 0.0)
    settings = settings_of(tmp_path)
    Database(settings.database_url).create()
    loop, pauses = Refresher(settings), []
    for _ in range(9):
        loop._due = 0.0
        loop.once()
        pauses.append((loop._due - time.monotonic()) / 60)
        finish(settings)
        asked_at(settings, real_now() - timedelta(days=1))
    assert pauses == pytest.approx([1, 2, 4, 8, 16, 32, 60, 60, 60], rel=0.2)
    settings.arrived_file.parent.mkdir(parents=True, exist_ok=True)
    settings.arrived_file.touch()
    fresh = Refresher(settings)
    fresh.once()
    assert (fresh._due - time.monotonic()) / 60 == pytest.approx(60, rel=0.2)


def test_a_worker_that_starts_again_does_not_ask_what_was_asked_lately(settings):
    Refresher(settings).once()
    finish(settings)
    loop = Refresher(settings)
    loop.once()
    assert asked(settings) == 1
    assert 0 < loop._due - time.monotonic() <= 66


def test_two_workers_make_one_task(settings):
    Refresher(settings).once()
    Refresher(settings).once()
    assert asked(settings) == 1


@pytest.mark.parametrize(
    ("given", "refreshed", "asks"),
    [
        ({}, "real", True),
        ({"SOCCER_TIMELINE": "real"}, "real", True),
        ({"SOCCER_TIMELINE": "real", "SOCCER_SOURCES": "none"}, "real", False),
        ({"SOCCER_SOURCES": "none"}, "replay", False),
        ({"SOCCER_CLOCK": "2026-03-13T12:00:00Z"}, "replay", False),
        ({"SOCCER_TIMELINE": "replay"}, "replay", False),
        ({"SOCCER_STORE_URL": "s3://one/place"}, "replay", False),
    ],
    ids=["with sources", "real", "real without", "no sources", "a clock", "replay", "one store for both"],
)
def test_EP_19_a_refresh_works_for_the_real_timeline_where_it_can_be_shown(tmp_path, given, refreshed, asks):
    settings = settings_of(tmp_path, **given)
    assert (settings.refreshed, settings.has_news) == (refreshed, asks)
