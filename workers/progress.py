"""How far a long task is, told from within it; and how it hears that it should stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from core.errors import TaskRevoked

# Takes a share from 0 to 1 and a few words; False when the task was revoked.
Tell = Callable[[float, str], bool]

_tell: ContextVar[Tell | None] = ContextVar("tell", default=None)


@contextmanager
def told(tell: Tell) -> Iterator[None]:
    """Within this, `report` goes to `tell`."""
    before = _tell.set(tell)
    try:
        yield
    finally:
        _tell.reset(before)


def report(share: float, note: str = "") -> None:
    """Say how far it is; TaskRevoked when it should go no further. Outside a task it says nothing to nobody."""
    tell = _tell.get()
    if tell is not None and not tell(share, note):
        raise TaskRevoked("The task was revoked, and stopped.")
