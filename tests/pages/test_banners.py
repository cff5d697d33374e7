"""What a visitor should know first stands on the page: one banner for each kind of fault, brought about for real."""

from __future__ import annotations

import sqlite3
import threading
from datetime import timedelta

import pytest

from core.serving.notices import Kind
from core.serving.probes import SLOW, Probe
from core.storage import chain_check
from core.storage.forecast_chain import seal
from core.storage.schema import forecasts
from pages.shared import held
from tests.pages.match_list import cards, home, said_raw
from tests.pages.ops_fixtures import STAGES, house  # noqa: F401
from tests.serving.batches import MOMENT, card, publish
from tests.storage.test_forecast_chain import FORECAST
from tests.workers.house import eventually


def nothing(place):
    place.unpublish()


def replay(place):
    """As it starts: with the bundled matches alone."""


def old(place):
    publish(place.store, "v2", as_of=MOMENT - timedelta(days=3))


def torn(place):
    home()
    place.publish(predictions__parquet=b"torn")
    held.services().predictions.refresh()


def broken_model(place):
    home()
    cards = {stage: card(stage, 9 if stage == "champion" else number) for stage, number in STAGES.items()}
    publish(place.store, "v2", models=cards, model_files={9: {"model.json": b"{}"}})
    held.services().models.refresh()


def no_worker(place):
    """As it starts: nobody works in the tests."""


def no_database(place):
    home()
    path = place.settings.folder / "soccer.db"
    held.services().database.close()
    for part in path.parent.glob("soccer.db*"):
        part.unlink()
    path.mkdir()
    eventually(lambda: any(notice.kind == "database" for notice in held.services().notices()))


def locked_database(place):
    home()
    sure = held.services().probes.get("database")
    place.other = sqlite3.connect(place.settings.folder / "soccer.db", isolation_level=None)
    place.other.execute("BEGIN IMMEDIATE")
    eventually(lambda: sure.trouble is not None)


def no_queue(place):
    home()
    (place.settings.folder / "queue.db").mkdir()
    held.services().follow_queue(held.jobs().check)
    eventually(lambda: held.services().probes.get("queue").trouble is not None)


def slow_store(place):
    """Its answer does not come."""
    home()
    probes = held.services().probes
    probes.add(Probe("store", "The store", "Check it.", threading.Event().wait))
    eventually(lambda: probes.get("store").seconds > SLOW)


def broken_chain(place):
    home()
    with place.database.write() as connection:
        seal(connection, [FORECAST])
        connection.execute(forecasts.update().values(proba_home=0.9))
    chain_check.run(place.database)
    eventually(lambda: any(notice.kind == "chain" for notice in held.services().notices()))


FAULTS = {
    "empty": (nothing, "There are no forecasts yet."),
    "replay": (replay, "Replaying 13 March 2026, 12:00 UTC."),
    "stale": (old, "The data are 3 days old."),
    "degraded": (torn, "An earlier copy of the forecasts is shown"),
    "model": (broken_model, "A new champion did not take over."),
    "worker": (no_worker, "No worker is running."),
    "database": (no_database, "The database is away."),
    "locked": (locked_database, "Nothing can be written into the database."),
    "queue": (no_queue, "The task queue is away."),
    "store": (slow_store, "The store is slow: its last answer took"),
    "chain": (broken_chain, "The record of sealed forecasts is broken."),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_told_in_a_banner_and_the_page_goes_on(house, kind):  # noqa: F811
    happens, title = FAULTS[kind]
    happens(house)
    page = home()
    assert not page.exception and not page.error
    assert f'role="status"><b>{title}' in said_raw(page)
    assert cards(page) or kind == "empty"


def test_no_kind_of_notice_is_forgotten_here():
    assert set(FAULTS) == set(Kind.__args__)
