"""A PostgreSQL connection that does not wait without end for a server that has fallen silent."""

from __future__ import annotations

from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus

T = TypeVar("T")

# Seconds. The server ends a statement itself after 60 (see `database.ANSWERED`): one that says nothing even then hangs.
SILENCE = 65.0
LOOK_EVERY = 0.1


class Impatient(psycopg.Connection[Any]):
    """Closes itself, with an OperationalError, when what it waits for does not come within SILENCE.

    Neither the server's `statement_timeout` nor TCP can tell of a server that was stopped: its kernel goes on to acknowledge.
    """

    def wait(self, gen: PQGen[T], interval: float = LOOK_EVERY, timeout: float | None = None) -> T:
        try:
            return super().wait(gen, interval, SILENCE if timeout is None else timeout)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:  # the answer never came, so no more can be asked here
                self.pgconn.finish()
            raise
