"""What the database holds, read for pages and the API: tasks, sealed forecasts, rows set aside, runs, drift."""

from __future__ import annotations

from typing import Any

from core.storage import chain_check, forecast_chain, logbook, process_events, source_documents
from core.storage.chain_check import ChainCheck
from core.storage.database import Database
from core.storage.task_ledger import TaskLedger
from core.vocabulary import CHAMPION

Row = dict[str, Any]


class Records:
    """Plain dicts; times are ISO text. DatabaseUnavailable when it does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ledger = TaskLedger(database)

    def task(self, task_id: str) -> Row:
        """{task_id, status, progress, result, error, created_at, started_at, finished_at}; TaskUnknown."""
        return self._ledger.get(task_id)

    def tasks(self, limit: int = 50, status: str | None = None, name: str | None = None) -> list[Row]:
        """The latest tasks, newest first; of one status and one name, or of all."""
        return self._ledger.recent(limit, status, name)

    def task_events(self, task_id: str) -> list[Row]:
        """What happened to a task, oldest first."""
        return self._ledger.events(task_id)

    def task_counts(self) -> dict[str, int]:
        """How many tasks are in each state."""
        return self._ledger.counts()

    def workers(self) -> list[Row]:
        """The workers whose heart beats, with the age of the last beat and the model versions they hold."""
        return self._ledger.workers()

    def sealed(self, *match_ids: int) -> list[Row]:
        """Every sealed forecast of a match, by all ids that it has had, in the order of sealing, with its digests."""
        with self._database.read() as connection:
            return forecast_chain.sealed(connection, *match_ids)

    def chain_check(self) -> ChainCheck | None:
        """The stored outcome of the worker's last check of the chain; None before the first one."""
        return chain_check.latest(self._database)

    def sealed_champion(self, timeline: str) -> dict[int, tuple[float, float, float]]:
        """By match (home, draw, away) as the champion of that time was last sealed, before kick-off."""
        with self._database.read() as connection:
            return forecast_chain.last_of_stage(connection, timeline, CHAMPION)

    def quarantine(self, limit: int = 1000) -> list[Row]:
        """Rows of the sources that were not loaded, with the reason."""
        return logbook.set_aside(self._database, limit)

    def documents(self) -> list[Row]:
        """Every document of the sources: {source, url, part, role, status, reason, rows, asked_at, fetched_at, etag, digest, ...}."""
        return source_documents.listed(self._database)

    def corrections(self, limit: int = 100) -> list[Row]:
        """Scores that a source took back or changed, the latest first: {at, source, source_ref, was, became, reason, ...}."""
        return logbook.corrections_told(self._database, limit)

    def runs(self, limit: int = 20) -> list[Row]:
        """The pipeline's runs, the latest first."""
        return logbook.runs(self._database, limit)

    def process_events(self, limit: int = 50) -> list[Row]:
        """What happened to the processes, the latest first: {process, event, pid, at, note}."""
        return process_events.recent(self._database, limit)

    def drift_history(self) -> list[Row]:
        """One row a drift report, oldest first."""
        return logbook.drift(self._database)

    def audit(self, limit: int = 100) -> list[Row]:
        """Promotions and rollbacks, the latest first."""
        return logbook.decisions(self._database, limit)
