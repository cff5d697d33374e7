"""Processes that start at the same moment: none fails, and none writes over what another wrote."""

import multiprocessing
import sys
from dataclasses import replace
from types import ModuleType

import pytest
import sqlalchemy as sa

from core.errors import SoccerPredictError
from core.storage import audit_log, pipeline_log
from core.storage.database import Database
from core.storage.forecast_chain import Forecast, seal, verify
from core.storage.schema import forecasts
from tests.installation import PATIENCE

AT_ONCE = 4
FORECAST = Forecast(7, "champion", 1, 0.5, 0.3, 0.2, "2026-03-14T15:00:00Z", "2026-03-13T12:00:00Z", "2026-11-23T10:00:00Z", "replay")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'soccer.db'}"
    return request.getfixturevalue("empty_postgresql")


@pytest.fixture(autouse=True)
def main_of_nothing(monkeypatch):
    """A new process runs the main module of its parent, and Streamlit's AppTest may have left a page there."""
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))


def start(database, _number):
    database.create()
    return database.instance_id()


def note(database, number):
    pipeline_log.note(database, "published", str(number))
    return number


def intend(database, number):
    audit_log.intend(database, audit_log.Decision("me", "promote", 1, number, "better", {}))
    return number


def seal_some(database, number):
    with database.write() as connection:
        return seal(connection, [replace(FORECAST, match_id=1 + AT_ONCE * row + number) for row in range(50)])


def _worker(url, work, number, together, ends):
    database = Database(url)
    try:
        together.wait(PATIENCE)
        ends.put((number, work(database, number), None))
    except (sa.exc.SQLAlchemyError, SoccerPredictError) as error:
        ends.put((number, None, f"{type(error).__name__}: {error}"))
    finally:
        database.close()


def at_once(url, work):
    """What each of several processes made of the same work, begun at one moment."""
    context = multiprocessing.get_context("spawn")
    together, ends = context.Barrier(AT_ONCE), context.Queue()
    processes = [context.Process(target=_worker, args=(url, work, number, together, ends)) for number in range(AT_ONCE)]
    for process in processes:
        process.start()
    found = [ends.get(timeout=PATIENCE) for _ in processes]
    for process in processes:
        process.join(PATIENCE)
    assert [problem for _, _, problem in found if problem] == []
    return [said for _, said, _ in found]


def test_the_database_is_made_once_and_has_one_id(url):
    ids = at_once(url, start)
    database = Database(url)
    assert set(ids) == {database.instance_id()}
    database.close()


def test_notes_of_several_are_no_conflict_and_one_of_them_stays(url):
    database = Database(url)
    database.create()
    noted = at_once(url, note)
    assert pipeline_log.noted(database, "published") in [str(number) for number in noted]
    intended = at_once(url, intend)
    decision = audit_log.intended(database)
    assert decision is not None and decision.to_version in intended
    database.close()


def test_several_that_seal_at_once_make_one_whole_chain(url):
    database = Database(url)
    database.create()
    assert at_once(url, seal_some) == [50] * AT_ONCE
    with database.read() as connection:
        assert verify(connection) is None
        assert sorted(connection.scalars(sa.select(forecasts.c.entry))) == list(range(1, 50 * AT_ONCE + 1))
    database.close()
