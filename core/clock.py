"""What time it is: now, or the moment being replayed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

# With nothing but the bundled matches, the app stands here: the later rows of the snapshot are then fixtures to come.
SNAPSHOT_MOMENT = datetime(2026, 3, 13, 12, 0, tzinfo=UTC)


@dataclass
class Clock:
    """The time on a timeline. `moment` None means the real time; otherwise the clock stands at that moment until it is moved."""

    moment: datetime | None = None

    @property
    def replaying(self) -> bool:
        return self.moment is not None

    def now(self) -> datetime:
        """The time on this timeline, aware, UTC."""
        return self.moment if self.moment is not None else real_now()


def real_now() -> datetime:
    """The time on the wall, aware, UTC: for when something was written, never for what is known."""
    return datetime.now(UTC)


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with `Z`, the form of every time that leaves this project."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds" if moment.microsecond else "seconds").replace("+00:00", "Z")


def in_words(moment: datetime) -> str:
    """`13 March 2026, 12:00 UTC`."""
    return f"{moment.day} {moment:%B %Y}, {moment:%H:%M} UTC"


def sortable(moment: datetime) -> str:
    """As `iso`, with the microseconds even when they are nought: the order of such texts is the order of their moments."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def from_iso(text: str) -> datetime:
    """The aware UTC datetime behind an ISO 8601 text; one without a zone is taken as UTC. ValueError if it is none."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
