"""Whole tables of the database as Parquet, from a fixed list of names."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from core.errors import FileMissing
from core.storage.database import Database
from core.storage.schema import schema

# What anyone may have. Tasks hold callers' arguments, and `meta` the instance's id: those stay here.
EXPORTED = ("raw_matches", "matches", "teams", "team_aliases", "quarantine", "forecasts", "audit", "drift_history", "pipeline_runs")
ROWS_AT_ONCE = 20_000


def check(name: str) -> None:
    """FileMissing, with the names there are, for one that is not in EXPORTED."""
    if name not in EXPORTED:
        raise FileMissing(f"There is no table {name[:40]!r} to export. Choose one of {', '.join(EXPORTED)}.")


def to_parquet(database: Database, name: str) -> tuple[bytes, int]:
    """The table as one Parquet file and its number of rows. FileMissing for a name that is not in EXPORTED."""
    check(name)
    table = schema.tables[name]
    columns = pa.schema([(column.name, _type(column)) for column in table.columns])
    buffer, rows = io.BytesIO(), 0
    with database.read() as connection, pq.ParquetWriter(buffer, columns, compression="zstd") as writer:
        order = [*table.primary_key.columns]
        result = connection.execution_options(stream_results=True, yield_per=ROWS_AT_ONCE).execute(sa.select(table).order_by(*order))
        for part in result.mappings().partitions():
            writer.write_table(pa.Table.from_pylist([dict(row) for row in part], schema=columns))
            rows += len(part)
    return buffer.getvalue(), rows


def _type(column: sa.Column[object]) -> pa.DataType:
    kinds = {sa.Boolean: pa.bool_(), sa.Integer: pa.int64(), sa.Float: pa.float64()}
    return next((arrow for kind, arrow in kinds.items() if isinstance(column.type, kind)), pa.string())
