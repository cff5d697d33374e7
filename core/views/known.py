"""A match as the published batch knows it: who plays, when in the visitor's time, how it ended, and what was said of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, tzinfo
from typing import Any, NamedTuple

import pandas as pd

from core.football.outcomes import Probabilities

FACTS = ["match_date", "startTimeUtc", "homeTeamName", "awayTeamName", "competition", "homeScore", "awayScore"]
SAID = ["proba_home", "proba_draw", "proba_away", "likeliest_home", "likeliest_away"]
Score = tuple[int, int]


class Known(NamedTuple):
    """`kickoff` is in the visitor's zone, None where only the day is known; `score` is None until played."""

    match_id: int
    home: str
    away: str
    league: str
    day: date
    kickoff: datetime | None
    score: Score | None
    probabilities: Probabilities | None
    likeliest: Score | None = None


def known(features: pd.DataFrame, predictions: pd.DataFrame, version: int | None, zone: tzinfo) -> list[Known]:
    """The matches of `features`, in its order, with the forecasts of one model version, or of a file that names none."""
    own = predictions if version is None else predictions[predictions["model_version"] == version]
    said = own[~own.index.duplicated()].reindex(columns=SAID)
    joined = features[FACTS].join(said).reset_index(names="match_id")
    return [_known({str(name): value for name, value in row.items()}, zone) for row in joined.to_dict("records")]


def _known(row: Mapping[str, Any], zone: tzinfo) -> Known:
    kickoff = None if pd.isna(row["startTimeUtc"]) else row["startTimeUtc"].to_pydatetime().astimezone(zone)
    chances = [row["proba_home"], row["proba_draw"], row["proba_away"]]
    return Known(
        int(row["match_id"]),
        str(row["homeTeamName"]),
        str(row["awayTeamName"]),
        str(row["competition"]),
        kickoff.date() if kickoff else row["match_date"].date(),
        kickoff,
        _score(row["homeScore"], row["awayScore"]),
        None if pd.isna(chances[0]) else Probabilities(*map(float, chances)),
        _score(row["likeliest_home"], row["likeliest_away"]),
    )


def _score(home: Any, away: Any) -> Score | None:
    return None if pd.isna(home) or pd.isna(away) else (int(home), int(away))


def score_words(score: Score | None, absent: str = "") -> str:
    """`2–1`, or what stands for a score that is not known."""
    return absent if score is None else f"{score[0]}–{score[1]}"
