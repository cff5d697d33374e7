"""The pipeline's lock: one run at a time, in its home and among its work files."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from core.errors import PipelineBusy, SettingsError

LOCK = "pipeline.lock"


@contextmanager
def locked(*paths: Path) -> Iterator[list[int]]:
    """Hold these locks until this process and those that it hands the descriptors to are gone; PipelineBusy when another holds one."""
    with ExitStack() as open_files:
        descriptors = []
        for path in paths:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                file = open_files.enter_context(path.open("a"))
            except OSError as error:
                said = f"Cannot write to {path.parent} ({error.strerror})."
                raise SettingsError(f"{said} The pipeline works there: make it writable.") from error
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise PipelineBusy("The pipeline is running already. Wait for it to end; Operations shows how far it is.") from None
            descriptors.append(file.fileno())
        yield descriptors
