"""SQLite files as a backup handles them: copied while they are written to, and pointed at another folder."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from core.errors import BackupRefused

MAGIC = b"SQLite format 3\0"
# Where MLflow stores absolute addresses of artefacts.
LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def is_sqlite(path: Path) -> bool:
    """Whether the file is a SQLite database, by its first bytes."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def copy(path: Path, to: Path) -> None:
    """Copy a database as it is at one moment, without waiting for its writers or stopping them. BackupRefused when it cannot be read."""
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as source, closing(sqlite3.connect(to)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")  # one file, whatever the original has beside it
    except sqlite3.Error as error:
        raise BackupRefused(f"{path} cannot be copied ({error}). Check the file and the disk, then try again.") from error


def forget_leases(path: Path) -> None:
    """Remove who held what in a copied database: those processes are not the ones that will work with it."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM leases")


def relocate_artefacts(path: Path, old: Path, new: Path) -> int:
    """Point an MLflow registry's addresses below the folder `old` at `new`; how many were changed. Other addresses stay."""
    changed = 0
    with closing(sqlite3.connect(path)) as connection, connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for table, column in LOCATIONS:
            if table in tables:
                changed += sum(_replace(connection, table, column, *pair) for pair in ((old.as_uri(), new.as_uri()), (str(old), str(new))))
    return changed


def _replace(connection: sqlite3.Connection, table: str, column: str, old: str, new: str) -> int:
    statement = f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?"  # noqa: S608
    return connection.execute(statement, (f"{new}/", len(old) + 2, len(old) + 1, f"{old}/")).rowcount
