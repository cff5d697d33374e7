"""One structured line for each request and each task: JSON on standard error, with ids and never a key."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

from core.clock import iso, real_now

NAME = "soccer"


class Lines(logging.Formatter):
    """A record as one line of JSON; a traceback, if any, stands in it as text."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self.process = process

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {"at": iso(real_now()), "level": record.levelname.lower(), "process": self.process}
        line["event"] = record.getMessage()
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def configure(process: str) -> None:
    """Begin to write this process's lines; the second time changes nothing."""
    for name, level in ((NAME, logging.INFO), ("huey", logging.WARNING)):
        logger = logging.getLogger(name)
        if any(isinstance(handler.formatter, Lines) for handler in logger.handlers):
            continue
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(Lines(process))
        logger.addHandler(handler)
        logger.setLevel(level)
        logger.propagate = False


def line(event: str, level: int = logging.INFO, bug: BaseException | None = None, **fields: Any) -> None:
    """Write one line. `bug` adds its traceback."""
    logging.getLogger(NAME).log(level, event, exc_info=bug, extra={"fields": fields})
