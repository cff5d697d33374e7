"""The check of the chain as the worker runs it: what it stores, and what it says of a database older than what was published."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from core.storage import chain_check, pipeline_log
from core.storage.files import POINTER, Store
from core.storage.forecast_chain import verify
from core.storage.manifest import ChainHead, Manifest
from core.storage.schema import forecasts, meta
from tests.storage.test_forecast_chain import FORECAST, add, entries, several

ON_EACH_DATABASE = True


@pytest.fixture
def store(tmp_path):
    return Store.open(str(tmp_path / "store"))


def publish(store, number, digest, timeline="replay"):
    at = datetime(2026, 11, 28, 21, tzinfo=UTC)
    store.write(POINTER, Manifest("v1", at, at, timeline, {}, {}, {}, chain=ChainHead(timeline, digest, number)).to_json())


def cut(database, after):
    """The database as a backup of then has it: without the entries after this one, its head as it was."""
    kept = entries(database)[after - 1]
    with database.write() as connection:
        connection.execute(forecasts.delete().where(forecasts.c.entry > after))
        head = json.dumps({"digest": kept["digest"], "entries": after})
        connection.execute(meta.update().where(meta.c.name == "chain:replay").values(value=head))


def test_the_outcome_is_stored_and_says_how_long_the_chain_is(database, store):
    assert chain_check.latest(database) is None
    several(database, 3)
    pipeline_log.note(database, pipeline_log.PUBLISHED, "v1")
    found = chain_check.run(database, store)
    assert (found.entries, found.problem, found.batch) == ({"replay": 3}, None, "v1")
    assert chain_check.latest(database) == found and 0 <= found.age_seconds < 60
    assert found.sentence("replay") == "The replay chain is whole: 3 entries, last sealed 23 November 2026, 10:00 UTC."


def test_an_empty_chain_is_whole_and_has_no_last_seal(database):
    assert chain_check.run(database).sentence("replay") == "The replay chain is whole: 0 entries."


def test_a_changed_row_is_the_stored_problem_and_goes_when_it_is_put_right(database, store):
    several(database)
    with database.write() as connection:
        connection.execute(forecasts.update().where(forecasts.c.entry == 3).values(proba_home=0.9))
    found = chain_check.run(database, store)
    assert found.problem == "Entry 3 of the replay chain (match 3) was changed after it was sealed." and found.entries == {"replay": 2}
    assert found.sentence("replay") == found.problem
    with database.write() as connection:
        connection.execute(forecasts.update().where(forecasts.c.entry == 3).values(proba_home=FORECAST.proba_home))
    assert chain_check.run(database, store).problem is None


def test_a_chain_that_ends_as_it_was_published_or_went_on_since_is_whole(database, store):
    several(database, 3)
    publish(store, 3, entries(database)[-1]["digest"])
    assert chain_check.run(database, store).problem is None
    add(database, replace(FORECAST, match_id=9))
    assert chain_check.run(database, store).problem is None


def test_a_database_older_than_what_was_published_is_told_with_both_lengths(database, store):
    several(database, 1500)
    publish(store, 1500, entries(database)[-1]["digest"])
    cut(database, 1200)
    with database.read() as connection:
        assert verify(connection) is None, "by itself it is whole"
    assert chain_check.run(database, store).problem == (
        "The replay chain has 1,200 entries, but 1,500 were published on 28 November 2026: "
        "the database is older than what was published (a restored backup?)."
    )


def test_a_chain_that_went_on_another_way_after_a_restore_is_told(database, store):
    several(database, 5)
    publish(store, 5, entries(database)[-1]["digest"])
    cut(database, 3)
    add(database, *(replace(FORECAST, match_id=number) for number in (11, 12, 13)))
    problem = chain_check.run(database, store).problem
    assert "Entry number 5 of the replay chain is not the one that was published on 28 November 2026" in problem


def test_a_database_that_lost_its_chain_and_its_head_is_told_by_what_was_published(database, store):
    publish(store, 7, "d" * 64)
    assert "has 0 entries, but 7 were published" in chain_check.run(database, store).problem


@pytest.mark.parametrize("said", [b"", b"[]", b"{}", b'{"chain": 7}', b'{"chain": {"timeline": "replay"}, "written_at": "x"}'])
def test_a_pointer_that_names_no_chain_is_no_problem(database, store, said):
    several(database, 2)
    store.write(POINTER, said)
    assert chain_check.run(database, store).problem is None


def test_a_store_that_is_away_is_no_problem_of_the_chain(database, tmp_path):
    (tmp_path / "store").write_text("not a folder")
    assert chain_check.run(database, Store.open(str(tmp_path / "store"))).problem is None


def test_forecasts_that_are_sealed_meanwhile_are_no_problem(database):
    """Without one consistent state of the database, the kept head would be ahead of the rows."""
    several(database, 3000)
    over, problems = threading.Event(), []

    def seal_on():
        number = 10_000
        while not over.wait(0.003):
            number += 1
            add(database, replace(FORECAST, match_id=number))

    sealing = threading.Thread(target=seal_on)
    sealing.start()
    try:
        problems = [chain_check.run(database).problem for _ in range(10)]
    finally:
        over.set()
        sealing.join()
    assert problems == [None] * 10


def test_an_outcome_of_another_version_counts_for_none(database):
    pipeline_log.note(database, chain_check.NAME, '{"valid": true}')
    assert chain_check.latest(database) is None
    with database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(meta)) == 1
