"""What the reaper does beside putting lost tasks back: it forgets what ended long ago."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from core.clock import real_now
from core.storage import retention
from core.storage.task_ledger import TaskLedger
from workers.reaper import Reaper


def ended(house, many):
    """So many tasks that ended a hundred days ago."""
    long_ago = TaskLedger(house.database, now=lambda: real_now() - timedelta(days=100))
    for _ in range(many):
        task_id = long_ago.create("echo", "ml", {})
        long_ago.claim(task_id, "worker", 30)
        long_ago.succeed(task_id, "worker", {})


def passes(house, settings, many):
    """How many tasks are left after each pass."""
    reaper = Reaper(settings)
    left = []
    for _ in range(many):
        reaper.once()
        left.append(house.ledger.counts()["SUCCESS"])
    reaper.jobs.close()
    reaper.database.close()
    return left


def test_what_ended_long_ago_is_forgotten_some_with_each_pass_until_none_is_left(sqlite_house, monkeypatch):
    monkeypatch.setattr(retention, "AT_ONCE", 3)
    ended(sqlite_house, 7)
    assert passes(sqlite_house, sqlite_house.settings, 4) == [4, 1, 0, 0]


@pytest.mark.parametrize("days", [0, 101])
def test_with_more_days_or_none_set_it_stays(sqlite_house, days):
    ended(sqlite_house, 2)
    assert passes(sqlite_house, replace(sqlite_house.settings, task_days=days), 2) == [2, 2]
