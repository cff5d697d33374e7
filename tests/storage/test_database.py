"""The door to the database: what cannot be reached or read is told in words, and never with a password."""

import shutil
from contextlib import closing

import pytest
import sqlalchemy as sa

from core.errors import DatabaseUnavailable, SettingsError
from core.storage.database import Database, keep
from core.storage.schema import meta


@pytest.mark.parametrize(
    "url", ["nonsense", "", "mysql://me:secret@here/name", "postgres://me:secret@here/name", "postgresql://me:secret@here:port/name"]
)
def test_an_address_of_no_known_kind_is_refused_without_repeating_it(url):
    with pytest.raises(SettingsError, match="postgresql://user:password@host/name") as refused:
        Database(url)
    assert "secret" not in str(refused.value)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseUnavailable, match="cannot be made"):
        Database(f"sqlite:///{tmp_path}/file/soccer.db")


def test_a_file_that_is_no_database_is_told_in_words(tmp_path):
    (tmp_path / "soccer.db").write_bytes(b"not a database, but long enough to be one" * 40)
    database = Database(f"sqlite:///{tmp_path}/soccer.db")
    with pytest.raises(DatabaseUnavailable, match="cannot be read"):
        database.create()


def test_a_damaged_database_is_told_in_words(tmp_path):
    path = tmp_path / "soccer.db"
    database = Database(f"sqlite:///{path}")
    database.create()
    database.close()
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 100_000)
    damaged = Database(f"sqlite:///{path}")
    with pytest.raises(DatabaseUnavailable, match="cannot be read"), damaged.read() as connection:
        connection.execute(sa.select(meta)).all()


def test_a_bug_in_a_statement_stays_loud(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/soccer.db")
    database.create()
    with pytest.raises(sa.exc.IntegrityError), database.write() as connection:
        connection.execute(meta.insert().values(name=None, value=None))


@pytest.fixture
def home(tmp_path):
    """A folder with a database in use, and that database."""
    folder = tmp_path / "home"
    with closing(Database(f"sqlite:///{folder}/soccer.db")) as database:
        database.create()
        keep_one(database, "before")
        yield folder, database


def keep_one(database, value):
    with database.write() as connection:
        keep(connection, "one", value)


def kept_one(database):
    with database.read() as connection:
        return connection.scalar(sa.select(meta.c.value).where(meta.c.name == "one"))


USES = {"read": kept_one, "write": lambda database: keep_one(database, "after"), "check": Database.check, "create": Database.create}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("pooled", [True, False], ids=["open", "pool emptied"])
def test_a_home_that_was_deleted_is_told_with_the_next_step_and_is_not_made_anew(home, use, pooled):
    folder, database = home
    shutil.rmtree(folder)
    if not pooled:
        database.close()
    with pytest.raises(DatabaseUnavailable, match=r"soccer.db was deleted or replaced while the app was running.*make restore"):
        USES[use](database)
    assert not folder.exists()
    folder.mkdir()
    with pytest.raises(DatabaseUnavailable, match="deleted or replaced"):
        USES[use](database)
    assert list(folder.iterdir()) == []


def test_a_file_that_took_the_databases_place_is_neither_read_nor_written(home):
    folder, database = home
    folder.rename(folder.with_name("away"))
    with closing(Database(f"sqlite:///{folder}/soccer.db")) as other:
        other.create()
        for use in USES.values():
            with pytest.raises(DatabaseUnavailable, match="deleted or replaced"):
                use(database)
        assert kept_one(other) is None


def test_a_folder_that_is_put_back_is_used_again(home):
    folder, database = home
    folder.rename(folder.with_name("away"))
    with pytest.raises(DatabaseUnavailable):
        kept_one(database)
    folder.with_name("away").rename(folder)
    keep_one(database, "after")
    assert kept_one(database) == "after"


def test_what_is_written_while_the_home_goes_is_refused_and_not_lost_in_silence(home):
    folder, database = home
    with pytest.raises(DatabaseUnavailable, match="deleted or replaced"), database.write() as connection:
        keep(connection, "one", "after")
        shutil.rmtree(folder)


def test_a_stage_of_a_run_makes_no_database(tmp_path):
    with pytest.raises(DatabaseUnavailable, match="There is no database"):
        Database(f"sqlite:///{tmp_path}/home/soccer.db", must_exist=True)
    assert not (tmp_path / "home").exists()
