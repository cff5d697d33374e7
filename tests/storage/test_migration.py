"""A database of an older version gets what it lacks, and loses nothing."""

from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa

from core.clock import SNAPSHOT_MOMENT, Clock
from core.football.matches import Teams
from core.football.raw import SHOTS, RawMatch
from core.sources.football_data import parse
from core.storage import match_rows, migration
from core.storage.database import Database
from core.storage.schema import quarantine, raw_matches, schema

LATER = datetime(2026, 3, 20, tzinfo=UTC)
OLDER = (
    "DROP TABLE source_documents",
    "DROP INDEX raw_matches_by_season",
    "DROP INDEX raw_matches_by_part",
    "ALTER TABLE raw_matches DROP COLUMN part",
    "ALTER TABLE raw_matches DROP COLUMN superseded_at",
    "ALTER TABLE quarantine DROP COLUMN scope",
)


def raw(away, score):
    place = ("ned.1", "Eredivisie", "Netherlands", "2025-26", date(2026, 3, 14))
    return RawMatch("snapshot", f"Ajax-{away}", 0, *place, "Ajax", away, leg=1, ft_home=score, ft_away=score)


def load(database, moment):
    teams = Teams()
    for name in ("Ajax", "Breda"):
        teams.add("Netherlands", 0, name)
    match_rows.ingest(database, [raw("Breda", 1), raw("Utrecht", 0)], teams, (), Clock(moment), SNAPSHOT_MOMENT)
    return match_rows.matches_frame(database)


@pytest.fixture
def older(tmp_path):
    """A database without what came later, in which a replay knew a match before and after it was played."""
    database = Database(f"sqlite:///{tmp_path / 'soccer.db'}")
    database.create()
    for moment in (SNAPSHOT_MOMENT, LATER):
        load(database, moment)
    with database.write() as connection:
        for statement in OLDER:
            connection.execute(sa.text(statement))
    yield database
    database.close()


def test_what_is_missing_is_added_and_every_row_kept(older):
    with older.read() as connection:
        assert not migration.is_complete(connection)
    older.create()
    with older.read() as connection:
        assert migration.is_complete(connection)
        assert set(sa.inspect(connection).get_table_names()) >= set(schema.tables)
        told = connection.execute(sa.select(raw_matches.c.part, raw_matches.c.ft_home, raw_matches.c.superseded_at.is_(None))).all()
        assert connection.scalars(sa.select(quarantine.c.scope)).all() == ["snapshot"]
    assert sorted(told, key=str) == sorted(
        [("snapshot", None, False), ("snapshot", 1, True), ("snapshot", None, False), ("snapshot", 0, True)], key=str
    )


def test_the_next_loading_goes_on_where_the_older_version_stood(older):
    older.create()
    assert load(older, LATER)["home_score"].tolist() == [1]
    assert load(older, SNAPSHOT_MOMENT)["status"].tolist() == ["scheduled"]
    with older.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(quarantine)) == 1


HEAD = "Div,Date,HomeTeam,AwayTeam,FTHG,FTAG,FTR,HS,AS,HST,AST"
SEASON = f"{HEAD}\nN1,14/03/2026,Ajax,Breda,1,1,D,14,8,6,3\nN1,15/03/2026,Breda,Ajax,0,2,A,,,,\n".encode()


def read_again(database):
    """The season of football-data.co.uk once more, by the code of today; the matches, and how many versions were new."""
    teams = Teams()
    for name in ("Ajax", "Breda"):
        teams.add("Netherlands", 0, name)
    with database.write() as connection:
        loaded = match_rows.load(connection, "football_data", "2025-26/N1", parse("2025-26/N1", SEASON).rows, (), teams, LATER)
    return match_rows.matches_frame(database), loaded.new_versions


def test_an_older_database_gets_the_shots_when_its_documents_are_read_again(database):
    before, _ = read_again(database)
    with database.write() as connection:
        for name in SHOTS:
            connection.execute(sa.text(f"ALTER TABLE raw_matches DROP COLUMN {name}"))
            connection.execute(sa.text(f"ALTER TABLE matches DROP COLUMN {name}"))
        # As it was told then: shots among the odds, and so under another digest.
        connection.execute(sa.text("UPDATE raw_matches SET payload_hash = 'older', odds_json = '{}' WHERE ft_home = 1"))
    database.create()
    assert match_rows.matches_frame(database)[list(SHOTS)].isna().all(axis=None)
    after, new = read_again(database)
    assert after.loc[0, list(SHOTS)].tolist() == [14, 8, 6, 3]
    assert after.equals(before) and new == 1, "a row without shots is the version that it was"


def test_a_database_that_is_complete_is_left_alone(older):
    older.create()
    with older.read() as connection:
        before = connection.scalar(sa.text("PRAGMA schema_version"))
    older.create()
    with older.read() as connection:
        assert connection.scalar(sa.text("PRAGMA schema_version")) == before
