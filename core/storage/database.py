"""The door to the database: the engine, and one transaction at a time. SQLite or PostgreSQL."""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, InternalError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from core.clock import real_now
from core.errors import DatabaseIncomplete, DatabaseUnavailable, SettingsError
from core.storage import migration
from core.storage.same_file import SameFile
from core.storage.schema import meta, tasks

# Seconds after which a PostgreSQL connection is made anew, and its clock looked at again.
LOOK_AT_ITS_CLOCK = 600
# Without the address itself, which may hold a password.
NO_ADDRESS = "SOCCER_DATABASE_URL is no address that can be used. Give sqlite:////folder/file.db or postgresql://user:password@host/name."
# How long nobody waits in vain for a PostgreSQL server, in seconds: to be let in, for a free connection, for what was sent to
# arrive. And for a statement, which may wait for another's; a load of many rows is many statements. `impatient` gives up a
# server that is silent for longer still.
LET_IN, FREE, ARRIVED, ANSWERED = 5, 5.0, 10, 60
# What to do about a SQLite file that is gone.
GONE = "Put the folder back, and the app goes on by itself; or stop the app, restore a backup (make restore), and start it again."
# How PostgreSQL says that a table or a column is not there, and how SQLite does.
ABSENT_STATES, ABSENT_WORDS = ("42P01", "42703"), ("no such table", "no such column")


class Database:
    """One engine, made once per process and handed in. Every failure to reach the database is a DatabaseUnavailable.

    A SQLite file that is deleted or replaced after its first use is one, too: it is never created again, and with `must_exist` not at
    first use either.
    """

    def __init__(self, url: str, must_exist: bool = False) -> None:
        self.url = url
        self._its_clock: tuple[datetime, float] | None = None
        self._file: SameFile | None = None
        kind = url.partition(":")[0].partition("+")[0]
        if kind == "sqlite":
            self._open_sqlite(_parsed(url), must_exist)
        elif kind == "postgresql":
            address = _parsed(url).set(drivername="postgresql+psycopg")
            self.engine = sa.create_engine(
                address, pool_pre_ping=True, pool_timeout=FREE, pool_recycle=LOOK_AT_ITS_CLOCK, connect_args=_limits(address)
            )
            sa.event.listen(self.engine, "do_connect", _impatient)
            sa.event.listen(self.engine, "connect", self._look_at_its_clock)
        else:
            raise SettingsError(NO_ADDRESS)

    def _open_sqlite(self, url: sa.URL, must_exist: bool) -> None:
        path = Path(url.database or "")
        if must_exist and not path.is_file():
            raise DatabaseUnavailable(f"There is no database {path}. {GONE}")
        _make_folder(url)
        self._file = SameFile(path, GONE)
        # Ten seconds of patience with another writer, then a sentence instead of a wait.
        self.engine = sa.create_engine(url, connect_args={"timeout": 10})
        sa.event.listen(self.engine, "do_connect", self._connect_again)
        sa.event.listen(self.engine, "connect", self._first_connected)

    def create(self) -> None:
        """Make what is not there yet, also in a database of an older version; harmless when all of it is, and when another does it too."""
        with self.read() as connection:
            if migration.is_complete(connection):
                return
        with self.write() as connection:
            alone(connection, "schema")
            migration.complete(connection)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        self.check_file()
        with self._words(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def consistent(self) -> Iterator[sa.Connection]:
        """Several statements that see one state of the database, whatever is written meanwhile."""
        with self.read() as connection:
            if self.engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN")
            else:
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection
            connection.rollback()

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One transaction: all of it or nothing. SQLite takes its write lock at the start, so that it never fails midway."""
        self.check_file()
        with self._words(), self.engine.connect() as connection:
            if self.engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                try:
                    yield connection
                    self.check_file()
                except BaseException:
                    connection.rollback()
                    raise
                connection.commit()
            else:
                with connection.begin():
                    yield connection

    def check(self) -> None:
        """DatabaseUnavailable when a new task could not be written down now; nothing is written.

        Who reads does not notice a lock that another program holds, nor a server that only lets read.
        """
        with self.write() as connection:  # in SQLite that takes the lock
            if self.engine.dialect.name == "postgresql":
                connection.exec_driver_sql(f"LOCK TABLE {tasks.name} IN ROW EXCLUSIVE MODE")

    def check_file(self) -> None:
        """DatabaseUnavailable when the SQLite file that was opened first is no longer at its path; a server has none."""
        trouble = None if self._file is None else self._file.trouble()
        if trouble is not None:
            raise DatabaseUnavailable(trouble)

    def now(self) -> datetime:
        """The time by the database's own clock, aware, UTC, on which processes on several machines agree; DatabaseUnavailable."""
        if self.engine.dialect.name == "sqlite":
            return real_now()  # a file, which is on one machine
        if self._its_clock is None:
            with self.read():
                pass
        assert self._its_clock is not None
        moment, at = self._its_clock
        return moment + timedelta(seconds=time.monotonic() - at)

    def instance_id(self) -> str:
        """The random id that was made with this database; whoever asks first makes it, for all."""
        with self.write() as connection:
            connection.execute(_kept(connection, "instance_id", secrets.token_hex(16)).on_conflict_do_nothing())
            return str(connection.scalar(sa.select(meta.c.value).where(meta.c.name == "instance_id")))

    def close(self) -> None:
        self.engine.dispose()

    def _connect_again(self, _dialect: object, _record: object, addressed: list[Any], named: dict[str, Any]) -> Any:
        """Open the known file only: SQLite would make an empty one in the place of one that is gone."""
        assert self._file is not None
        if not self._file.known:
            return None  # as SQLAlchemy does it
        self.check_file()
        return sqlite3.connect(f"{Path(addressed[0]).absolute().as_uri()}?mode=rw", uri=True, **named)

    def _first_connected(self, connection: Any, record: object) -> None:
        _tune_sqlite(connection, record)
        assert self._file is not None
        self._file.remember()

    def _look_at_its_clock(self, connection: Any, _record: object) -> None:
        moment: datetime = connection.execute("SELECT clock_timestamp()").fetchone()[0]
        connection.rollback()
        self._its_clock = moment.astimezone(UTC), time.monotonic()

    @contextmanager
    def _words(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeout as error:
            raise DatabaseUnavailable("Every connection to the database is taken; it may hang. Try again in a moment.") from error
        except DBAPIError as error:
            told = _told(error)
            if told is None:
                raise  # a bug of ours
            raise told from error


def keep(connection: sa.Connection, name: str, value: str) -> None:
    """Keep a value in `meta` in place of what was there: in one statement, so that two processes at once are no conflict."""
    statement = _kept(connection, name, value)
    connection.execute(statement.on_conflict_do_update(index_elements=[meta.c.name], set_={"value": value}))


def alone(connection: sa.Connection, name: str) -> None:
    """Wait until no other transaction does what is called `name`; this one does, to its end."""
    # SQLite has one writer at a time in any case: Database.write takes its lock at the start.
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(name, 0))))


def storable(text: str) -> str:
    """The text without NUL, which PostgreSQL's text cannot hold, and without halves of characters, which UTF-8 cannot say."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _kept(connection: sa.Connection, name: str, value: str) -> sqlite.Insert | postgresql.Insert:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return insert(meta).values(name=name, value=value)


def _parsed(url: str) -> sa.URL:
    try:
        return sa.make_url(url)
    except (ArgumentError, ValueError) as error:
        raise SettingsError(NO_ADDRESS) from error


def _make_folder(url: sa.URL) -> None:
    folder = Path(url.database or "").parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseUnavailable(
            f"The database's folder {folder} cannot be made ({error.strerror}). Check SOCCER_DATABASE_URL."
        ) from error


def _limits(address: sa.URL) -> dict[str, Any]:
    """What to tell the driver, unless the address itself does."""
    limits = {"connect_timeout": LET_IN, "tcp_user_timeout": ARRIVED * 1000, "options": f"-c statement_timeout={ANSWERED}s"}
    return {name: limit for name, limit in limits.items() if name not in address.query}


def _impatient(_dialect: object, _record: object, addressed: list[Any], named: dict[str, Any]) -> Any:
    from core.storage.impatient import Impatient

    return Impatient.connect(*addressed, **named)


def _told(error: DBAPIError) -> DatabaseUnavailable | None:
    """Our words for what lies outside this program; None for the rest."""
    line = _first_line(error)
    if getattr(error.orig, "sqlstate", None) in ABSENT_STATES or line.startswith(ABSENT_WORDS):
        return DatabaseIncomplete(f"The database lacks something ({line}). Start the app again, which makes what is missing.")
    if isinstance(error, OperationalError | InternalError):
        return DatabaseUnavailable(f"The database does not answer ({line}). Check SOCCER_DATABASE_URL and its disk.")
    if type(error) is DatabaseError:  # none of its kinds: SQLite says so of a file that is damaged, or is no database
        return DatabaseUnavailable(f"The database cannot be read ({line}). Put a good copy in its place, or move it away and start again.")
    lost = "The connection to the database was lost. It is tried again by itself."
    return DatabaseUnavailable(lost) if error.connection_invalidated else None


def _first_line(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", error)).partition("\n")[0]


def _tune_sqlite(connection: Any, _record: object) -> None:
    """Write-ahead log: readers never wait for the writer. SQLAlchemy begins transactions itself (isolation None)."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=10000")
    _write_ahead(cursor)
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """SQLite does not wait for another process that makes this very change: it says at once that the file is locked."""
    for _ in range(100):
        with suppress(sqlite3.OperationalError):
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        time.sleep(0.02)
    cursor.execute("PRAGMA journal_mode=WAL")
