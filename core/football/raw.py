"""A match as a source tells it, before anybody knows which team is meant."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

Precision = Literal["minute", "day", "round"]
ScoreBasis = Literal["90", "aet_or_90", "awarded", "unknown"]

# From kick-off to the moment when a result may be known: two halves, the break, stoppage time.
MATCH_LASTS = timedelta(hours=2)


@dataclass(frozen=True)
class RawMatch:
    """One row of one document. Scores are after 90 minutes unless `score_basis` says otherwise; None means not said.

    `source_ref` names the row within its source for ever: the same match in a later document has the same one.
    """

    source: str
    source_ref: str
    sex: int
    competition_code: str
    competition_raw: str
    country: str
    season_raw: str
    date_local: date
    home_raw: str
    away_raw: str
    round_raw: str | None = None
    time_local: str | None = None
    tz: str | None = None
    kickoff_utc: datetime | None = None
    kickoff_precision: Precision = "day"
    neutral: bool = False
    leg: int | None = None
    status_raw: str | None = None
    ft_home: int | None = None
    ft_away: int | None = None
    ht_home: int | None = None
    ht_away: int | None = None
    score_basis: ScoreBasis = "90"

    @property
    def payload_hash(self) -> str:
        """SHA-1 over all that the source said: the same words twice are one version."""
        return hashlib.sha1(json.dumps(asdict(self), default=str, sort_keys=True).encode()).hexdigest()

    def known_at(self, moment: datetime) -> bool:
        """Whether a result of this match can be known at `moment`: two hours after kick-off, or the day after the match."""
        if self.kickoff_utc is not None:
            return self.kickoff_utc + MATCH_LASTS <= moment
        return self.date_local < moment.date()

    def masked(self) -> RawMatch:
        """The same match without anything that only its being played can tell."""
        return replace(self, ft_home=None, ft_away=None, ht_home=None, ht_away=None, status_raw="scheduled", score_basis="90")


@dataclass(frozen=True)
class Refused:
    """A row that was not taken: where it stood, why, and what it said."""

    source: str
    source_ref: str
    reason: str
    payload: str
