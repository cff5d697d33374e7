"""The door to the database: the engine, the schema, and one transaction at a time. SQLite or PostgreSQL."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Float, Index, Integer, String, Table, Text, UniqueConstraint
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, OperationalError, SQLAlchemyError

from core.errors import DatabaseUnavailable, SettingsError

schema = sa.MetaData()

# Times are ISO 8601 text in UTC (core.clock.iso): the same bytes in SQLite, PostgreSQL and a download, and they sort.
Moment = String(32)
BigInteger = sa.BigInteger().with_variant(Integer, "sqlite")

meta = Table("meta", schema, Column("name", String(64), primary_key=True), Column("value", Text, nullable=False))

raw_matches = Table(
    "raw_matches",
    schema,
    Column("raw_id", BigInteger, primary_key=True, autoincrement=True),
    Column("source", String(64), nullable=False),
    Column("source_ref", String(200), nullable=False),
    Column("observed_at", Moment, nullable=False),
    Column("payload_hash", String(40), nullable=False),
    Column("sex", Integer, nullable=False),
    Column("competition_raw", String(120), nullable=False),
    Column("competition_code", String(40), nullable=False),
    Column("country", String(80), nullable=False),
    Column("season_raw", String(20), nullable=False),
    Column("round_raw", String(120)),
    Column("date_local", String(10), nullable=False),
    Column("time_local", String(8)),
    Column("tz", String(40)),
    Column("kickoff_utc", Moment),
    Column("kickoff_precision", String(8), nullable=False),
    Column("home_raw", String(120), nullable=False),
    Column("away_raw", String(120), nullable=False),
    Column("home_source_id", String(40)),
    Column("away_source_id", String(40)),
    Column("neutral", Boolean),
    Column("leg", Integer),
    Column("status_raw", String(40)),
    *(Column(name, Integer) for name in ("ft_home", "ft_away", "ht_home", "ht_away", "et_home", "et_away", "pen_home", "pen_away")),
    Column("score_basis", String(16), nullable=False),
    Column("odds_json", Text),
    UniqueConstraint("source", "source_ref", "payload_hash"),
)

matches = Table(
    "matches",
    schema,
    Column("match_id", BigInteger, primary_key=True, autoincrement=False),
    Column("sex", Integer, nullable=False),
    Column("competition_code", String(40), nullable=False),
    Column("competition", String(120), nullable=False),
    Column("country", String(80), nullable=False),
    Column("season", String(20), nullable=False),
    Column("round", String(120)),
    Column("leg", Integer, nullable=False),
    Column("date", String(10), nullable=False),
    Column("kickoff_utc", Moment),
    Column("neutral", Boolean, nullable=False),
    Column("home_team_id", String(120), nullable=False),
    Column("away_team_id", String(120), nullable=False),
    Column("status", String(12), nullable=False),
    *(Column(name, Integer) for name in ("home_score", "away_score", "ht_home", "ht_away")),
    Column("sources", String(200), nullable=False),
    Column("label", String(1)),
    Column("label_ok", Boolean, nullable=False),
    Index("matches_by_date", "date"),
)

match_source_refs = Table(
    "match_source_refs",
    schema,
    Column("source", String(64), primary_key=True),
    Column("source_ref", String(200), primary_key=True),
    Column("match_id", BigInteger, nullable=False, index=True),
)
match_id_aliases = Table(
    "match_id_aliases", schema, Column("old", BigInteger, primary_key=True, autoincrement=False), Column("new", BigInteger, nullable=False)
)

teams = Table(
    "teams",
    schema,
    Column("team_id", String(120), primary_key=True),
    Column("sex", Integer, nullable=False),
    Column("country", String(80), nullable=False),
    Column("name", String(120), nullable=False),
)
team_aliases = Table(
    "team_aliases",
    schema,
    Column("country", String(80), primary_key=True),
    Column("sex", Integer, primary_key=True),
    Column("source", String(64), primary_key=True),
    Column("alias", String(120), primary_key=True),
    Column("team_id", String(120), nullable=False),
)

quarantine = Table(
    "quarantine",
    schema,
    Column("quarantine_id", BigInteger, primary_key=True, autoincrement=True),
    Column("source", String(64), nullable=False),
    Column("source_ref", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("first_seen", Moment, nullable=False),
    Column("last_seen", Moment, nullable=False),
    UniqueConstraint("source", "source_ref", "reason"),
)

tasks = Table(
    "tasks",
    schema,
    Column("task_id", String(36), primary_key=True),
    Column("name", String(40), nullable=False),
    Column("queue", String(16), nullable=False),
    Column("arguments", Text, nullable=False),
    Column("status", String(12), nullable=False, index=True),
    Column("progress", Float),
    Column("progress_note", String(200)),
    Column("result", Text),
    Column("error", Text),
    Column("attempts", Integer, nullable=False, default=0),
    Column("failures", Integer, nullable=False, default=0),
    Column("kills", Integer, nullable=False, default=0),
    Column("cancel_requested", Boolean, nullable=False, default=False),
    Column("worker", String(80)),
    Column("idempotency_key", String(200), unique=True),
    Column("created_at", Moment, nullable=False, index=True),
    Column("queued_at", Moment),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    Column("deadline", Moment),
)
task_events = Table(
    "task_events",
    schema,
    Column("event_id", BigInteger, primary_key=True, autoincrement=True),
    Column("task_id", String(36), nullable=False, index=True),
    Column("at", Moment, nullable=False),
    Column("status", String(12), nullable=False),
    Column("worker", String(80)),
    Column("note", Text),
)
workers = Table(
    "workers",
    schema,
    Column("worker", String(80), primary_key=True),
    Column("queue", String(16), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("host", String(80), nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("heartbeat_at", Moment, nullable=False),
    Column("model_versions", Text, nullable=False),
    Column("tasks_done", Integer, nullable=False),
    Column("current_task", String(36)),
    Column("stopped_at", Moment),
)
leases = Table(
    "leases",
    schema,
    Column("name", String(40), primary_key=True),
    Column("holder", String(80), nullable=False),
    Column("until", Moment, nullable=False),
)
process_events = Table(
    "process_events",
    schema,
    Column("event_id", BigInteger, primary_key=True, autoincrement=True),
    Column("process", String(40), nullable=False),
    Column("event", String(16), nullable=False),
    Column("pid", Integer),
    Column("at", Moment, nullable=False),
    Column("note", Text),
)

forecasts = Table(
    "forecasts",
    schema,
    Column("entry", BigInteger, primary_key=True, autoincrement=False),
    Column("match_id", BigInteger, nullable=False, index=True),
    Column("stage", String(16), nullable=False),
    Column("model_version", Integer, nullable=False),
    Column("proba_home", Float, nullable=False),
    Column("proba_draw", Float, nullable=False),
    Column("proba_away", Float, nullable=False),
    Column("kickoff_utc", Moment),
    Column("as_of", Moment, nullable=False),
    Column("sealed_at", Moment, nullable=False),
    Column("timeline", String(8), nullable=False),
    Column("previous_digest", String(64), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
)
audit = Table(
    "audit",
    schema,
    Column("audit_id", BigInteger, primary_key=True, autoincrement=True),
    Column("at", Moment, nullable=False),
    Column("who", String(80), nullable=False),
    Column("action", String(20), nullable=False),
    Column("from_version", Integer),
    Column("to_version", Integer),
    Column("reason", Text, nullable=False),
    Column("metrics", Text),
)
drift_history = Table(
    "drift_history",
    schema,
    Column("as_of", Moment, primary_key=True),
    Column("score", Float),
    Column("features_drifting", Integer, nullable=False),
    Column("features_checked", Integer, nullable=False),
    Column("log_loss", Float),
    Column("matches", Integer, nullable=False),
)
pipeline_runs = Table(
    "pipeline_runs",
    schema,
    Column("run_id", String(36), primary_key=True),
    Column("started_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("status", String(12), nullable=False),
    Column("note", Text),
)


# Without the address itself, which may hold a password.
NO_ADDRESS = "SOCCER_DATABASE_URL is no address that can be used. Give sqlite:////folder/file.db or postgresql://user:password@host/name."


class Database:
    """One engine, made once per process and handed in. Every failure to reach the database is a DatabaseUnavailable."""

    def __init__(self, url: str) -> None:
        self.url = url
        kind = url.partition(":")[0].partition("+")[0]
        if kind == "sqlite":
            _make_folder(_parsed(url))
            # Ten seconds of patience with another writer, then a sentence instead of a wait.
            self.engine = sa.create_engine(url, connect_args={"timeout": 10})
            sa.event.listen(self.engine, "connect", _tune_sqlite)
        elif kind == "postgresql":
            _parsed(url)
            self.engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1), pool_pre_ping=True)
        else:
            raise SettingsError(NO_ADDRESS)

    def create(self) -> None:
        """Make what is not there yet; harmless when all of it is, and when another process makes it too."""
        with self.read() as connection:
            if set(schema.tables) <= set(sa.inspect(connection).get_table_names()):
                return
        with self.write() as connection:
            alone(connection, "schema")
            schema.create_all(connection)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        with self._words(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One transaction: all of it or nothing. SQLite takes its write lock at the start, so that it never fails midway."""
        with self._words(), self.engine.connect() as connection:
            if self.engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                try:
                    yield connection
                except BaseException:
                    connection.rollback()
                    raise
                connection.commit()
            else:
                with connection.begin():
                    yield connection

    def instance_id(self) -> str:
        """The random id that was made with this database; whoever asks first makes it, for all."""
        with self.write() as connection:
            connection.execute(_kept(connection, "instance_id", secrets.token_hex(16)).on_conflict_do_nothing())
            return str(connection.scalar(sa.select(meta.c.value).where(meta.c.name == "instance_id")))

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _words(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            raise DatabaseUnavailable(
                f"The database does not answer ({_first_line(error)}). Check SOCCER_DATABASE_URL and its disk."
            ) from error
        except DBAPIError as error:
            if type(error) is DatabaseError:  # none of its kinds: SQLite says so of a file that is damaged, or is no database
                raise DatabaseUnavailable(
                    f"The database cannot be read ({_first_line(error)}). Put a good copy in its place, or move it away and start again."
                ) from error
            if error.connection_invalidated:
                raise DatabaseUnavailable("The connection to the database was lost. It is tried again by itself.") from error
            raise


def keep(connection: sa.Connection, name: str, value: str) -> None:
    """Keep a value in `meta` in place of what was there: in one statement, so that two processes at once are no conflict."""
    statement = _kept(connection, name, value)
    connection.execute(statement.on_conflict_do_update(index_elements=[meta.c.name], set_={"value": value}))


def alone(connection: sa.Connection, name: str) -> None:
    """Wait until no other transaction does what is called `name`; this one does, to its end."""
    # SQLite has one writer at a time in any case: Database.write takes its lock at the start.
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(name, 0))))


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


def _first_line(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", error)).splitlines()[0]


def _tune_sqlite(connection: Any, _record: object) -> None:
    """Write-ahead log: readers never wait for the writer. SQLAlchemy begins transactions itself (isolation None)."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.close()
