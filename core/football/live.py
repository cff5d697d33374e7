"""A match while it is played, as one source tells it: what the score display shows, never what a model learns from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

Phase = Literal[
    "pre", "first_half", "half_time", "second_half", "extra_time", "shootout", "settling",
    "finished", "suspended", "postponed", "cancelled", "abandoned",
]  # fmt: skip

IN_PLAY: frozenset[Phase] = frozenset({"first_half", "half_time", "second_half", "extra_time", "shootout", "settling"})
OVER: frozenset[Phase] = frozenset({"finished", "postponed", "cancelled", "abandoned"})
STALE_AFTER = timedelta(minutes=5)
REPLAYED, ILLUSTRATIVE = "replay", "replay-illustrative"  # the source of a replayed match whose goal minutes are known, or drawn
NO_PHASES = frozenset({"openligadb"})  # sources that tell neither phase nor minute: both are worked out, and shown as estimated


@dataclass(frozen=True)
class LiveRow:
    """One version of a match. `home_score` and `away_score` are the running score, without goals of a shoot-out; it may fall.

    `match_id` is None until somebody looks it up by `source` and `source_match_id`. Of two versions the one with the larger
    `sequence` is newer, then the one observed later; `sequence` comes from the provider's own time of change, 0 without one.
    """

    source: str
    source_match_id: str
    observed_at: datetime
    competition_code: str
    sex: int
    home_name: str
    away_name: str
    phase: Phase
    match_id: int | None = None
    provider_updated_at: datetime | None = None
    kickoff_utc: datetime | None = None
    minute: int | None = None
    stoppage: int | None = None
    home_score: int | None = None
    away_score: int | None = None
    ht_home: int | None = None
    ht_away: int | None = None
    pen_home: int | None = None
    pen_away: int | None = None
    is_stale: bool = False
    sequence: int = 0

    @property
    def phase_estimated(self) -> bool:
        """Whether the phase was worked out from the kick-off and the goals, because the source names none."""
        return self.source in NO_PHASES and self.phase in IN_PLAY

    @property
    def illustrative(self) -> bool:
        """Whether the minutes of the goals are drawn, because nobody knows the real ones."""
        return self.source == ILLUSTRATIVE

    def newer_than(self, other: LiveRow) -> bool:
        """Whether this version replaces `other`; an older or equal one does not."""
        return (self.sequence, self.observed_at) > (other.sequence, other.observed_at)

    def at(self, now: datetime) -> LiveRow:
        """The row as it stands at `now`: stale when the match is in play and nothing was heard for five minutes."""
        return replace(self, is_stale=self.phase in IN_PLAY and now - self.observed_at > STALE_AFTER)


class LiveMatch(NamedTuple):
    """The latest version of a match in play. `before` is the score before it last changed, at `changed_at`: goals can be taken back."""

    row: LiveRow
    before: tuple[int, int] | None = None
    changed_at: datetime | None = None

    @property
    def taken_back(self) -> bool:
        """Whether the last change of the score made it smaller."""
        return self.before is not None and sum(self.before) > (self.row.home_score or 0) + (self.row.away_score or 0)
