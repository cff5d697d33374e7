"""One structured line for each request, task and stage, on standard error, with ids and never a key.

JSON for programs; for a person at a terminal the same fields as `name=value`.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

from core.clock import iso, real_now

NAME = "soccer"


class Lines(logging.Formatter):
    """A record as one line; a traceback, if any, stands in it as text."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self.process = process

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(self._fields(record), default=str, ensure_ascii=False)

    def _fields(self, record: logging.LogRecord) -> dict[str, Any]:
        line: dict[str, Any] = {"at": iso(real_now()), "level": record.levelname.lower(), "process": self.process}
        line["event"] = record.getMessage()
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return line


class ForPeople(Lines):
    """The same, as it is read at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            name: value if value is None else visible(str(value), "\n\t" if name == "traceback" else "")
            for name, value in self._fields(record).items()
        }
        time, level, process, event = line.pop("at")[11:19], line.pop("level"), line.pop("process"), line.pop("event")
        trace = line.pop("traceback", None)
        told = " ".join(f"{name}={value}" for name, value in line.items() if value not in (None, ""))
        mark = "" if level == "info" else f" {level.upper()}"
        return f"{time} {process}{mark}: {event} {told}".rstrip() + (f"\n{trace}" if trace else "")


def visible(text: str, kept: str = "") -> str:
    """The text with what a terminal would obey, or hide, written out as `\\x1b`, but for the characters in `kept`.

    A path or an error's words may come from anybody.
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign in kept else sign.encode("unicode_escape").decode() for sign in text)


def configure(process: str) -> None:
    """Begin to write this process's lines; the second time changes nothing."""
    for name, level in ((NAME, logging.INFO), ("huey", logging.WARNING)):
        logger = logging.getLogger(name)
        if any(isinstance(handler.formatter, Lines) for handler in logger.handlers):
            continue
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(ForPeople(process) if sys.stderr.isatty() else Lines(process))
        logger.addHandler(handler)
        logger.setLevel(level)
        logger.propagate = False


def line(event: str, level: int = logging.INFO, bug: BaseException | None = None, **fields: Any) -> None:
    """Write one line. `bug` adds its traceback."""
    logging.getLogger(NAME).log(level, event, exc_info=bug, extra={"fields": fields})


class Trouble:
    """What is wrong with something that is tried again and again: said once, and then when it changes or is over."""

    def __init__(self, event: str) -> None:
        self._event = event
        self._said: str | None = None

    def say(self, trouble: str | None) -> None:
        if trouble != self._said:
            line(self._event, logging.INFO if trouble is None else logging.WARNING, trouble=trouble)
        self._said = trouble
