"""The text behind a document's bytes, whatever its provider wrote it with."""

from __future__ import annotations

import codecs


def decoded(content: bytes) -> str:
    """UTF-8, with or without a byte order mark; bytes that are none are taken as Latin-1, even in the middle of a document."""
    return content.removeprefix(codecs.BOM_UTF8).decode("utf-8", errors="soccer_latin_1")


def _as_latin_1(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("soccer_latin_1", _as_latin_1)
