"""The text and the tables behind a document's bytes, whatever its provider wrote it with."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Collection

from core.errors import DocumentRefused


def decoded(content: bytes) -> str:
    """UTF-8, with or without a byte order mark; UTF-16 with one. What is neither, even in the middle of a document, is the Latin-1
    of Windows.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    return content.removeprefix(codecs.BOM_UTF8).decode("utf-8", errors="soccer_western")


def table(what: str, content: bytes, needed: Collection[str]) -> list[dict[str, str]]:
    """The rows of a CSV document by the names of its columns, as text without outer white space.

    Columns without a name are left out, as are rows without any value; cells that a short row lacks are empty, and those beyond
    the header are not read. DocumentRefused when it lacks a `needed` column. `what` names the document for people.
    """
    text = decoded(content)
    first = text.partition("\n")[0]
    # Spreadsheets write semicolons where the comma stands in numbers, and tabs in UTF-16.
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    try:
        header = [name.strip() for name in next(lines, [])]
        missing = sorted(set(needed) - set(header))
        if missing:
            raise DocumentRefused(
                f"{what} lacks the columns {', '.join(missing)}. What was loaded before is kept; check the source's address."
            )
        places = {name: place for place, name in reversed(list(enumerate(header))) if name}
        return [_named(line, places) for line in lines if any(cell.strip() for cell in line)]
    except csv.Error as error:
        raise DocumentRefused(
            f"{what} is no CSV from line {lines.line_num} on ({error}). What was loaded before is kept; try again later."
        ) from error


def _named(line: list[str], places: dict[str, int]) -> dict[str, str]:
    return {name: line[place].strip() if place < len(line) else "" for name, place in places.items()}


def _western(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    try:
        return wrong.decode("cp1252"), error.end
    except UnicodeDecodeError:
        return wrong.decode("latin-1"), error.end


codecs.register_error("soccer_western", _western)
