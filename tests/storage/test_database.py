"""The door to the database: what cannot be reached or read is told in words, and never with a password."""

import pytest
import sqlalchemy as sa

from core.errors import DatabaseUnavailable, SettingsError
from core.storage.database import Database
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
