"""An older database brought up to this schema: what is missing is added, and nothing that is there is lost."""

from __future__ import annotations

import sqlalchemy as sa

from core.storage.schema import quarantine, raw_matches, schema

_LATER = raw_matches.alias("later")
# What a column holds for rows that were there before it.
_FILLED: dict[tuple[str, str], sa.Update] = {
    ("raw_matches", "part"): raw_matches.update().values(part=raw_matches.c.source),
    ("raw_matches", "superseded_at"): raw_matches.update()
    .values(superseded_at=raw_matches.c.observed_at)
    .where(
        sa.exists().where(
            _LATER.c.source == raw_matches.c.source, _LATER.c.source_ref == raw_matches.c.source_ref, _LATER.c.raw_id > raw_matches.c.raw_id
        )
    ),
    ("quarantine", "scope"): quarantine.update().values(scope=quarantine.c.source),
}


def is_complete(connection: sa.Connection) -> bool:
    """Whether every table, column and index is there."""
    found = sa.inspect(connection)
    names = set(found.get_table_names())
    return set(schema.tables) <= names and not any(_columns(found, table) or _indexes(found, table) for table in schema.sorted_tables)


def complete(connection: sa.Connection) -> None:
    """Add the tables, the nullable columns and the indexes that are missing."""
    schema.create_all(connection)
    found = sa.inspect(connection)
    for table in schema.sorted_tables:
        for column in _columns(found, table):
            _add(connection, column)
        for index in _indexes(found, table):
            index.create(connection)


def _columns(found: sa.Inspector, table: sa.Table) -> list[sa.Column[object]]:
    there = {column["name"] for column in found.get_columns(table.name)}
    return [column for column in table.columns if column.name not in there]


def _indexes(found: sa.Inspector, table: sa.Table) -> list[sa.Index]:
    there = {index["name"] for index in found.get_indexes(table.name)}
    return [index for index in table.indexes if index.name not in there]


def _add(connection: sa.Connection, column: sa.Column[object]) -> None:
    described = sa.schema.CreateColumn(column).compile(dialect=connection.dialect)
    table = connection.dialect.identifier_preparer.format_table(column.table)
    connection.execute(sa.text(f"ALTER TABLE {table} ADD COLUMN {described}"))
    filled = _FILLED.get((column.table.name, column.name))
    if filled is not None:
        connection.execute(filled)
