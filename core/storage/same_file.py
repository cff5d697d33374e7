"""Notice that a file was deleted or replaced while this process has it open."""

from __future__ import annotations

import stat
from pathlib import Path


class SameFile:
    """The file at a path, known by device and inode from when it was first opened.

    A process that holds a deleted file open reads and writes on as if nothing had happened; only the path shows it. A folder that is
    moved away and put back has the same file again.
    """

    def __init__(self, path: Path, next_step: str) -> None:
        self.path = path
        self._next_step = next_step
        self._first: tuple[int, int] | None = None

    @property
    def known(self) -> bool:
        return self._first is not None

    def remember(self) -> None:
        """Call this right after the file was opened; the first call counts."""
        if self._first is None:
            self._first = self._now()

    def trouble(self) -> str | None:
        """What happened to the file and what to do; None while it is the same, and before it was opened. One os.stat: microseconds."""
        if self._first is None or self._now() == self._first:
            return None
        return f"{self.path} was deleted or replaced while the app was running. {self._next_step}"

    def _now(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return (found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) else None  # a folder may get the number of a deleted file
