"""Many rows in few statements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")

AT_ONCE = 5000  # values bound in one statement, well below the least that a database takes
_ROWS_AT_ONCE = 2000


def batches(items: Iterable[T], size: int = AT_ONCE) -> Iterator[list[T]]:
    """The items in lists of at most `size`."""
    every = list(items)
    for start in range(0, len(every), size):
        yield every[start : start + size]


def insert(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add the rows; none is fine."""
    for some in batches(rows, _ROWS_AT_ONCE):
        connection.execute(table.insert(), some)


def replace(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Let the table hold these rows and no others."""
    connection.execute(table.delete())
    insert(connection, table, rows)


def upsert(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]], key: Sequence[str], changed: Sequence[str]
) -> None:
    """Add the rows; where one of the same `key` stands, let it take over what is in the columns `changed`."""
    for some in batches(rows, _ROWS_AT_ONCE):
        statement = (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(table)
        taken = {name: statement.excluded[name] for name in changed}
        connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=taken), some)
