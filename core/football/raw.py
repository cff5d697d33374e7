"""A match as a source tells it, before anybody knows which team is meant."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal

Precision = Literal["minute", "day", "round"]
ScoreBasis = Literal["90", "aet_or_90", "awarded", "unknown"]

# From kick-off to the moment when a result may be known: two halves, the break, stoppage time.
MATCH_LASTS = timedelta(hours=2)

SHOTS = ("home_shots", "away_shots", "home_shots_on_target", "away_shots_on_target")
# What can be said of a match only when it has been played; odds come in one piece, those at kick-off among them.
_TOLD_BY_PLAY = ("ft_home", "ft_away", "ht_home", "ht_away", "et_home", "et_away", "pen_home", "pen_away", *SHOTS, "odds_json")


_SPOKEN = json.JSONEncoder(default=str, sort_keys=True)
_LEG = re.compile(r"/(\d+|\{leg\})$")  # as it stands before the legs are counted, too


@dataclass(frozen=True)
class RawMatch:
    """One row of one document. Scores are after 90 minutes unless `score_basis` says otherwise; None means not said.

    `source_ref` names the row within its source for ever: the same match in a later document has the same one.
    `et_*` is the score after extra time, `pen_*` that of the shoot-out alone. Shots on target are among the shots; both tell of later
    matches. `odds_json` holds odds under the source's own names: a yardstick for models, never a feature.
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
    home_source_id: str | None = None
    away_source_id: str | None = None
    neutral: bool = False
    leg: int | None = None
    status_raw: str | None = None
    ft_home: int | None = None
    ft_away: int | None = None
    ht_home: int | None = None
    ht_away: int | None = None
    et_home: int | None = None
    et_away: int | None = None
    pen_home: int | None = None
    pen_away: int | None = None
    home_shots: int | None = None
    away_shots: int | None = None
    home_shots_on_target: int | None = None
    away_shots_on_target: int | None = None
    score_basis: ScoreBasis = "90"
    odds_json: str | None = None

    @property
    def shots(self) -> dict[str, int | None]:
        """How many shots of either side were counted, by the names in SHOTS."""
        return {name: getattr(self, name) for name in SHOTS}

    @property
    def payload_hash(self) -> str:
        """SHA-1 over all that the source said: the same words twice are one version. What it did not say adds nothing."""
        said = {name: value for name, value in vars(self).items() if value is not None}
        return hashlib.sha1(_SPOKEN.encode(said).encode()).hexdigest()

    def numbered(self, leg: int) -> RawMatch:
        """The same row as this leg, with its number in the reference."""
        # What dataclasses.replace does, without checking forty fields again: a tenth of all loading went there.
        row = object.__new__(RawMatch)
        vars(row).update(vars(self), leg=leg, source_ref=self.source_ref.format(leg=leg))
        return row

    def known_at(self, moment: datetime) -> bool:
        """Whether a result of this match can be known at `moment`: two hours after kick-off, or the day after the match."""
        if self.kickoff_utc is not None:
            return self.kickoff_utc + MATCH_LASTS <= moment
        return self.date_local < moment.date()

    def upcoming(self, now: datetime) -> bool:
        """Whether it is still to be played at `now`: a day that has gone by without a score is only a source that stands still."""
        if self.ft_home is not None or self.status_raw not in (None, "scheduled"):
            return False
        return self.kickoff_utc > now if self.kickoff_utc else self.date_local >= now.date()

    def masked(self) -> RawMatch:
        """The same match without anything that only its being played can tell."""
        nothing: dict[str, Any] = dict.fromkeys(_TOLD_BY_PLAY)
        return replace(self, **nothing, status_raw="scheduled", score_basis="90")


def pair_of(source_ref: str) -> str:
    """The reference without the number of the leg: what all meetings of two sides on one ground share. A provider's own number of
    a match is a pair by itself.
    """
    return _LEG.sub("", source_ref)


@dataclass(frozen=True)
class Refused:
    """A row that was not taken: where it stood, why, and what it said."""

    source: str
    source_ref: str
    reason: str
    payload: str
