"""Each table that crosses a room: its columns, and the check."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from core.errors import TableInvalid

MOMENT = "datetime64[us, UTC]"
DAY = "datetime64[us]"
TEXT = "str"


@dataclass(frozen=True)
class Table:
    """A table's columns and their dtypes; `optional` ones may be absent and are then filled with missing values."""

    name: str
    columns: dict[str, str]
    optional: frozenset[str] = field(default_factory=frozenset)

    def check(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with exactly these columns, in this order and of these dtypes; TableInvalid names what is wrong."""
        absent = [column for column in self.columns if column not in frame.columns]
        missing = [column for column in absent if column not in self.optional]
        if missing:
            raise TableInvalid(f"The table {self.name} lacks {', '.join(missing)}. Run the pipeline again to make it anew.")
        try:
            return frame.assign(**dict.fromkeys(absent)).loc[:, list(self.columns)].astype(self.columns)
        except (TypeError, ValueError, OverflowError) as error:
            raise TableInvalid(f"The table {self.name} holds a value of the wrong kind: {error}. Run the pipeline again.") from error

    def empty(self) -> pd.DataFrame:
        return pd.DataFrame({column: pd.Series(dtype=dtype) for column, dtype in self.columns.items()})


# One row a match, as every room beside storage sees it. Scores are after 90 minutes, missing until played.
# `date` is the local day of the match, naive; `kickoff_utc` is missing where only the day is known.
# `label_ok` says that the score may be learned from (a played league match: not awarded, not abandoned).
# Shots, those on target among them, are missing where nobody counted them.
MATCHES = Table(
    "matches",
    {
        "match_id": "int64",
        "sex": "int64",
        "competition_code": TEXT,
        "competition": TEXT,
        "country": TEXT,
        "season": TEXT,
        "round": TEXT,
        "leg": "int64",
        "date": DAY,
        "kickoff_utc": MOMENT,
        "neutral": "bool",
        "home_team_id": TEXT,
        "away_team_id": TEXT,
        "home_team": TEXT,
        "away_team": TEXT,
        "status": TEXT,
        "home_score": "float64",
        "away_score": "float64",
        "label_ok": "bool",
        "home_shots": "float64",
        "away_shots": "float64",
        "home_shots_on_target": "float64",
        "away_shots_on_target": "float64",
    },
    optional=frozenset({"home_shots", "away_shots", "home_shots_on_target", "away_shots_on_target"}),
)

# Work table of the pipeline: MATCHES plus `outcome` (0, 1, 2, missing until played) plus one float64 column a feature.
FEATURES_LEAD = ("match_id", "date", "season", "competition_code", "sex", "neutral", "outcome", "label_ok")

# data/predictions/predictions.parquet: index match_id; a row for each match and model version.
PREDICTIONS = Table(
    "predictions",
    {
        "proba_home": "float64",
        "proba_draw": "float64",
        "proba_away": "float64",
        "predicted_class": "int64",
        "predicted_label": TEXT,
        "is_future": "boolean",
        "startTimeUtc": MOMENT,
        "homeTeamName": TEXT,
        "awayTeamName": TEXT,
        "model_run_id": TEXT,
        "model_stage": TEXT,
        "model_version": "Int64",
        "likeliest_home": "Int64",
        "likeliest_away": "Int64",
        "expected_home": "float64",
        "expected_away": "float64",
        "expected_total": "float64",
        "in_sample": "boolean",
        "wide": "boolean",
    },
    optional=frozenset(
        {
            "is_future", "startTimeUtc", "homeTeamName", "awayTeamName", "model_run_id", "model_stage", "model_version",
            "likeliest_home", "likeliest_away", "expected_home", "expected_away", "expected_total", "in_sample", "wide",
        }
    ),
)  # fmt: skip

# data/predictions/match_features.parquet: index match_id; these, then one float64 column for each feature of any model.
MATCH_FEATURES_LEAD = Table(
    "match_features",
    {
        "is_future": "bool",
        "startTimeUtc": MOMENT,
        "match_date": DAY,
        "homeTeamName": TEXT,
        "awayTeamName": TEXT,
        "competition": TEXT,
        "competition_code": TEXT,
        "country": TEXT,
        "season": TEXT,
        "round": TEXT,
        "home_team_id": TEXT,
        "away_team_id": TEXT,
        "sex": "int64",
        "outcome_1x2": "Int64",
        "homeScore": "Int64",
        "awayScore": "Int64",
    },
)
LABELS = ("outcome_1x2", "homeScore", "awayScore")

# Forecasts made while walking forward through time: each by a model fitted on earlier matches only. As published, `model_version` is the
# version that is judged by a row (missing for the references), and `walk` names the recipe's walk by digests of its code and its data.
EVALUATION = Table(
    "evaluation",
    {
        "match_id": "int64",
        "recipe": TEXT,
        "date": DAY,
        "season": TEXT,
        "competition_code": TEXT,
        "sex": "int64",
        "proba_home": "float64",
        "proba_draw": "float64",
        "proba_away": "float64",
        "outcome": "int64",
        "model_version": "Int64",
        "walk": TEXT,
    },
    optional=frozenset({"model_version", "walk"}),
)
