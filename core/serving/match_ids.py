"""Ids that matches once had, and the ones that they have now: an old link, or an old id of a caller, still finds its match."""

from __future__ import annotations

from collections.abc import Mapping

from core.storage.database import Database
from core.storage.moved_matches import moved


class MatchIds:
    """Kept in memory; `read` it anew when a batch was published, since ids only change with one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._present: Mapping[int, int] = {}

    def read(self) -> None:
        """Raises DatabaseUnavailable; what was read before stays."""
        with self._database.read() as connection:
            self._present = moved(connection)

    def present(self, match_id: int) -> int:
        """The id that the match has now; any other number as it is."""
        return self._present.get(match_id, match_id)

    def former(self, match_id: int) -> list[int]:
        """The ids that the match had before: what was sealed then stands under them."""
        return [old for old, new in self._present.items() if new == match_id]
