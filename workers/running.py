"""One app per home: a locked file in it, which says where the app is reached.

The lock belongs to the supervisor's open file: the kernel lets go of it when that process ends, however it ends. No child inherits it.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from core.errors import SettingsError

NAME = "running"
TRIES, PAUSE = 5, 0.05


class Held:
    """The lock, held; `say_address` writes where the app is reached for whoever is refused."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def say_address(self, address: str) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._file.write(f"{address}\n")
        self._file.flush()


@contextmanager
def alone(home: Path) -> Iterator[Held]:
    """Hold the home for one app. SettingsError when another runs on it, or the file cannot be written."""
    with _opened(home) as file:
        held = Held(file)
        held.say_address("")  # of the run before
        try:
            yield held
        finally:
            held.say_address("")


def refuse_second(home: Path) -> None:
    """SettingsError when an app runs on this home. Makes and changes nothing."""
    try:
        file = (home / NAME).open("r+", encoding="utf-8")
    except OSError:
        return  # nobody ran here yet, or it is told when the home is made
    with file:
        _lock(file, home)


def _opened(home: Path) -> TextIO:
    """The file, open and locked. It is opened again when the home was replaced between the opening and the lock."""
    path = home / NAME
    while True:
        try:
            file = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise SettingsError(f"Cannot write to {path} ({error.strerror}). Make it writable, or set SOCCER_HOME.") from error
        try:
            _lock(file, home)
            if _is_at(path, file):
                return file
        except BaseException:
            file.close()
            raise
        file.close()


def _is_at(path: Path, file: TextIO) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except OSError:
        return False


def _lock(file: TextIO, home: Path) -> None:
    """Take the lock. Whoever only looks holds it for a moment, too: hence several tries."""
    for _ in range(TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            time.sleep(PAUSE)
        except OSError as error:
            raise SettingsError(f"{home} cannot be locked ({error.strerror}). Set SOCCER_HOME to a folder on a local disk.") from error
    raise SettingsError(_refusal(file, home))


def _refusal(file: TextIO, home: Path) -> str:
    file.seek(0)
    address = file.read().strip()
    at = f" at {address}" if address else ""
    return f"SoccerPredictAI runs already{at} on {home}. Stop it first, or set SOCCER_HOME to another folder."
