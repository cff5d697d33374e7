"""The chain of sealed forecasts: it grows only by what is new, and shows whatever was touched."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from core.storage.forecast_chain import FIRST, Forecast, digest_of, seal, sealed, verify
from core.storage.schema import forecasts

ON_EACH_DATABASE = True
FORECAST = Forecast(
    match_id=7,
    stage="champion",
    model_version=1,
    proba_home=0.1 + 0.2,
    proba_draw=0.3,
    proba_away=0.4 - 1e-17,
    kickoff_utc="2026-03-14T15:00:00Z",
    as_of="2026-03-13T12:00:00Z",
    sealed_at="2026-11-23T10:00:00Z",
    timeline="replay",
)


def add(database, *rows):
    with database.write() as connection:
        return seal(connection, rows)


def problem(database):
    with database.read() as connection:
        return verify(connection)


def entries(database):
    with database.read() as connection:
        return [dict(row) for row in connection.execute(sa.select(forecasts).order_by(forecasts.c.entry)).mappings()]


def several(database, n=5):
    return add(database, *(replace(FORECAST, match_id=number) for number in range(1, n + 1)))


def test_an_empty_chain_is_whole(database):
    assert problem(database) is None


def test_each_digest_covers_the_entry_and_the_digest_before_it(database):
    assert several(database, 3) == 3
    rows = entries(database)
    assert [row["previous_digest"] for row in rows] == [FIRST, rows[0]["digest"], rows[1]["digest"]]
    assert all(row["digest"] == digest_of(row, row["previous_digest"]) for row in rows)
    assert problem(database) is None


def test_a_known_entry_has_a_known_digest():
    row = {"entry": 1, **vars(FORECAST)}
    # What sha256sum says of {"as_of":"2026-03-13T12:00:00Z","entry":1,...,"timeline":"replay"} and 64 zeros, with another tool.
    assert digest_of(row, FIRST) == "93719d85f9ad6609a10ed22df0bf02d6438cbd779a0167acd0580a13c7c9693f"


def test_the_same_again_adds_nothing_even_when_written_later(database):
    assert add(database, FORECAST) == 1
    assert add(database, replace(FORECAST, sealed_at="2026-11-24T10:00:00Z", as_of="2026-03-13T18:00:00Z")) == 0
    assert add(database, FORECAST, FORECAST) == 0
    assert len(entries(database)) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"proba_home": 0.30000000000000010},
        {"model_version": 2},
        {"stage": "challenger"},
        {"as_of": "2026-03-14T12:00:00Z"},
        {"match_id": 8},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_is_new_is_added(database, change):
    add(database, FORECAST)
    assert add(database, replace(FORECAST, **change)) == 1
    assert problem(database) is None


def test_a_forecast_that_goes_there_and_back_is_three_entries(database):
    for home in (0.3, 0.5, 0.3):
        assert add(database, replace(FORECAST, proba_home=home)) == 1


def test_a_match_that_has_begun_is_not_sealed(database):
    with pytest.raises(ValueError, match="had begun"):
        add(database, replace(FORECAST, match_id=1), replace(FORECAST, kickoff_utc=FORECAST.as_of))
    assert entries(database) == []


@pytest.mark.parametrize(("kickoff", "as_of"), [("12:00:00", "12:00:00.5"), ("12:00:00", "12:00:00.000001"), ("12:00:00.5", "12:00:01")])
def test_moments_are_compared_and_not_the_texts_that_name_them(database, kickoff, as_of):
    begun = replace(FORECAST, kickoff_utc=f"2026-03-14T{kickoff}Z", as_of=f"2026-03-14T{as_of}Z")
    with pytest.raises(ValueError, match="had begun"):
        add(database, begun)
    assert add(database, replace(begun, kickoff_utc=begun.as_of, as_of=begun.kickoff_utc)) == 1


CHANGES = {
    "match_id": 99, "stage": "baseline", "model_version": 9, "proba_home": 0.3000000000000005, "proba_draw": 0.31, "proba_away": 0.39,
    "kickoff_utc": None, "as_of": "2026-03-12T12:00:00Z", "sealed_at": "2026-01-01T00:00:00Z",
}  # fmt: skip


@pytest.mark.parametrize("column", CHANGES)
def test_a_changed_row_is_found_and_named(database, column):
    several(database)
    with database.write() as connection:
        connection.execute(forecasts.update().where(forecasts.c.entry == 3).values({column: CHANGES[column]}))
    assert "Entry 3 of the replay chain" in problem(database)


def test_a_row_changed_with_its_digest_is_found_at_the_next(database):
    several(database)
    row = entries(database)[2] | {"proba_home": 0.9}
    with database.write() as connection:
        changed = {"proba_home": 0.9, "digest": digest_of(row, row["previous_digest"])}
        connection.execute(forecasts.update().where(forecasts.c.entry == 3).values(changed))
    assert "before 4" in problem(database)


@pytest.mark.parametrize("entry", [1, 3, 5], ids=["first", "middle", "last"])
def test_a_missing_row_is_found(database, entry):
    several(database)
    with database.write() as connection:
        connection.execute(forecasts.delete().where(forecasts.c.entry == entry))
    assert problem(database) is not None


def test_a_chain_that_is_gone_altogether_is_found(database):
    several(database)
    with database.write() as connection:
        connection.execute(forecasts.delete())
    assert "ends after 0 entries; 5 were sealed" in problem(database)


def test_each_timeline_has_a_chain_of_its_own(database):
    add(database, FORECAST, replace(FORECAST, timeline="real"))
    add(database, replace(FORECAST, match_id=8), replace(FORECAST, match_id=8, timeline="real"))
    rows = entries(database)
    assert sum(row["previous_digest"] == FIRST for row in rows) == 2 and problem(database) is None
    with database.write() as connection:
        connection.execute(forecasts.update().where(forecasts.c.timeline == "real", forecasts.c.match_id == 7).values(proba_home=0.9))
    assert "real chain" in problem(database)


def test_the_sealed_forecasts_of_a_match_come_in_order_with_every_digit(database):
    add(database, FORECAST, replace(FORECAST, match_id=8), replace(FORECAST, model_version=2))
    with database.read() as connection:
        found = sealed(connection, 7)
    assert [row["model_version"] for row in found] == [1, 2]
    assert (found[0]["proba_home"], found[0]["proba_away"]) == (0.1 + 0.2, 0.4 - 1e-17)


def test_a_thousand_entries_and_more_are_sealed_and_verified(database):
    assert several(database, 2500) == 2500
    assert problem(database) is None and len(entries(database)) == 2500
