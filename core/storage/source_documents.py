"""The documents of the sources: when each was asked for, what came of it, and the contents themselves."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa

from core.storage.bulk import upsert
from core.storage.database import Database
from core.storage.schema import source_documents

Status = Literal["loaded", "refused", "missing", "failed"]
Row = dict[str, Any]

_KEY = ("source", "url")
_TOLD = tuple(column.name for column in source_documents.columns if column.name not in _KEY)


@dataclass(frozen=True)
class Note:
    """What is known of one document. `digest` is of the content that is loaded, `verdict` of the one judged last.

    `etag` and `last_modified` are what the provider said of the content judged last; moments are ISO text.
    """

    source: str
    url: str
    part: str
    role: str
    asked_at: str
    status: Status
    etag: str | None = None
    last_modified: str | None = None
    digest: str | None = None
    verdict: str | None = None
    reader: str | None = None
    fetched_at: str | None = None
    reason: str | None = None
    rows: int | None = None


def known(connection: sa.Connection, source: str) -> dict[str, Note]:
    """What is known of a source's documents, by address."""
    wanted = sa.select(source_documents).where(source_documents.c.source == source)
    return {row["url"]: Note(**row) for row in connection.execute(wanted).mappings()}


def note(connection: sa.Connection, notes: Iterable[Note]) -> None:
    """Write down what is known now, in place of what was."""
    upsert(connection, source_documents, [vars(said) for said in notes], _KEY, _TOLD)


def listed(database: Database) -> list[Row]:
    """Every document as a plain row, by source and address."""
    with database.read() as connection:
        wanted = sa.select(source_documents).order_by(source_documents.c.source, source_documents.c.url)
        return [dict(row) for row in connection.execute(wanted).mappings()]


def digest_of(content: bytes) -> str:
    """SHA-1."""
    return hashlib.sha1(content).hexdigest()


class Shelf:
    """The contents that were judged last, as files: to be read again when the reading itself has changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, url: str, content: bytes) -> None:
        """Keep the content in place of what was kept for this address; whole or not at all."""
        path = self._path(url)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_bytes(gzip.compress(content, 5, mtime=0))
        part.replace(path)

    def get(self, url: str, digest: str | None) -> bytes | None:
        """The content of this digest; None when it is not here, or is another."""
        try:
            content = gzip.decompress(self._path(url).read_bytes())
        except (OSError, EOFError, zlib.error):
            return None
        return content if digest_of(content) == digest else None

    def _path(self, url: str) -> Path:
        return self._folder / f"{hashlib.sha1(url.encode()).hexdigest()}.gz"
