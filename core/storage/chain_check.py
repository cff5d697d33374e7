"""The latest check of the forecast chains: run, stored in `meta`, and read by the web process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass

from core.clock import from_iso, in_words, iso, real_now
from core.errors import StorageError, TableInvalid
from core.storage import forecast_chain, pipeline_log
from core.storage.database import Database
from core.storage.files import Store
from core.storage.forecast_chain import Published
from core.storage.manifest import Manifest

NAME = "chain_check"  # of the row in `meta`


@dataclass(frozen=True)
class ChainCheck:
    """One check: the good entries of each timeline's chain, the first broken row as a sentence (None: none), and the batch that was
    the latest when it began. `checked_at` and `sealed_at` (the last entry's, by timeline) are ISO texts, UTC.
    """

    checked_at: str
    entries: Mapping[str, int]
    sealed_at: Mapping[str, str | None]
    problem: str | None
    batch: str | None = None

    @property
    def age_seconds(self) -> float:
        return (real_now() - from_iso(self.checked_at)).total_seconds()

    def sentence(self, timeline: str) -> str:
        """How the chain of this timeline is, for a person."""
        if self.problem is not None:
            return self.problem
        entries, sealed_at = self.entries.get(timeline, 0), self.sealed_at.get(timeline)
        last = f", last sealed {in_words(from_iso(sealed_at))}" if sealed_at else ""
        return f"The {timeline} chain is whole: {entries:,} {'entry' if entries == 1 else 'entries'}{last}."


def run(database: Database, store: Store | None = None) -> ChainCheck:
    """Verify every chain in the database, store the outcome, and return it. Reads rows in a stream and blocks no writer of SQLite.

    With a `store`, the chain is compared with the head that was published there; a store that does not answer is left out.
    """
    batch = pipeline_log.noted(database, pipeline_log.PUBLISHED)
    published = None if store is None else published_head(store)  # before the database: later on, that could only be ahead
    check = _checked(database, published, batch)
    pipeline_log.note(database, NAME, json.dumps(asdict(check)))
    return check


def _checked(database: Database, published: Published | None, batch: str | None) -> ChainCheck:
    with database.consistent() as connection:
        chains = forecast_chain.inspect(connection, published)
    return ChainCheck(
        checked_at=iso(real_now()),
        entries={chain.timeline: chain.entries for chain in chains},
        sealed_at={chain.timeline: chain.sealed_at for chain in chains},
        problem=next((chain.problem for chain in chains if chain.problem), None),
        batch=batch,
    )


def latest(database: Database) -> ChainCheck | None:
    """The stored outcome of the last check; None before the first one."""
    said = pipeline_log.noted(database, NAME)
    if said is None:
        return None
    with suppress(ValueError, TypeError):  # of another version
        return ChainCheck(**json.loads(said))
    return None


def published_head(store: Store) -> Published | None:
    """The end of the chain as the published batch names it; None where it names none or the store does not answer."""
    try:
        manifest = Manifest.read(store)
    except (StorageError, TableInvalid):
        return None
    head = manifest.chain
    return None if head is None else Published(head.timeline, head.digest, head.entries, manifest.written_at)
