"""Every match of the window, its features, and what each model says of it: the two tables that are served."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.football.outcomes import Outcome, Probabilities, score_grid
from core.learning.features import expected_total, hardly_known
from core.learning.models import Model
from core.learning.recipe import FEATURES
from core.learning.training import inputs
from core.tables import MATCH_FEATURES_LEAD, PREDICTIONS

Floats = NDArray[np.float64]

_LABELS = np.array([outcome.label for outcome in Outcome])


def match_features(matches: pd.DataFrame, features: pd.DataFrame, now: datetime, window_days: int) -> pd.DataFrame:
    """`match_features.parquet`: the matches of the last `window_days` and all to come, index match_id, by day.

    The columns of MATCH_FEATURES_LEAD, then every feature of any model.
    """
    begin = pd.Timestamp(now.date()) - timedelta(days=window_days)
    wanted = matches[matches["date"] >= begin].sort_values(["date", "match_id"])
    known = features.set_index("match_id").loc[wanted["match_id"]]
    lead = pd.DataFrame(
        {
            "is_future": is_future(wanted, now),
            "startTimeUtc": wanted["kickoff_utc"],
            "match_date": wanted["date"],
            "homeTeamName": wanted["home_team"],
            "awayTeamName": wanted["away_team"],
            **{name: wanted[name] for name in ("competition", "competition_code", "country", "season", "round")},
            **{name: wanted[name] for name in ("home_team_id", "away_team_id", "sex")},
            "outcome_1x2": known["outcome"].to_numpy(),
            "homeScore": wanted["home_score"],
            "awayScore": wanted["away_score"],
        }
    ).set_index(pd.Index(wanted["match_id"], name="match_id"))
    return pd.concat([MATCH_FEATURES_LEAD.check(lead), known[list(FEATURES)]], axis=1)


def is_future(matches: pd.DataFrame, now: datetime) -> NDArray[np.bool_]:
    """Which matches are still to come: scheduled, without a score, and not begun; without a kick-off, not before today."""
    begun = matches["kickoff_utc"] <= pd.Timestamp(now)
    past = matches["kickoff_utc"].isna() & (matches["date"] < pd.Timestamp(now.date()))
    to_come: NDArray[np.bool_] = ((matches["status"] == "scheduled") & matches["home_score"].isna() & ~begun & ~past).to_numpy(bool)
    return to_come


def predictions(table: pd.DataFrame, model: Model, version: int, run_id: str) -> pd.DataFrame:
    """What one model says of every row of a match_features table: core.tables.PREDICTIONS, index match_id. Which stage the version
    has is decided when the file is read, so `model_stage` is missing.

    `in_sample` marks matches that the model was fitted on: what it says of those is no forecast. `wide` marks those of which
    little is known: a side's first match, or a kind of football that the model has hardly seen.
    """
    rows = inputs(table, model.features)
    chances = model.predict(rows)
    likeliest = chances.argmax(axis=1)
    learnt = table["outcome_1x2"].notna() & (table["match_date"] < pd.Timestamp(model.origin.until or pd.Timestamp.min))
    found = pd.DataFrame(
        {
            "proba_home": chances[:, 0],
            "proba_draw": chances[:, 1],
            "proba_away": chances[:, 2],
            "predicted_class": likeliest,
            "predicted_label": _LABELS[likeliest],
            **{name: table[name].to_numpy() for name in ("is_future", "homeTeamName", "awayTeamName")},
            "startTimeUtc": table["startTimeUtc"],
            "model_run_id": run_id,
            "model_version": version,
            **_scorelines(chances, expected_total(table)),
            "in_sample": learnt.to_numpy(),
            "wide": hardly_known(table) | model.wide(rows),
        },
        index=table.index,
    )
    return PREDICTIONS.check(found)


def _scorelines(chances: Floats, totals: Floats) -> dict[str, Floats]:
    """The likeliest score and the expected goals of each match, from the same grid that its page shows."""
    rows = np.empty((len(chances), 5))
    for place, ((home, draw, away), total) in enumerate(zip(chances.tolist(), totals.tolist(), strict=True)):
        grid = score_grid(Probabilities(home, draw, away), total)
        # Sums over a grid may differ in the last bit from process to process, and the same forecast is the same file.
        rows[place] = (*grid.likeliest, *(round(goals, 9) for goals in grid.expected_goals), total)
    names = ("likeliest_home", "likeliest_away", "expected_home", "expected_away", "expected_total")
    return dict(zip(names, rows.T, strict=True))


def importance(model: Model, table: pd.DataFrame, most: int = 300) -> dict[str, float]:
    """Each feature's share in what the model says of the last `most` rows: how far the log-odds of a home win move, on average,
    when the feature alone is put at its mean (occlusion; M. Zeiler and R. Fergus 2014).
    """
    rows = np.nan_to_num(inputs(table, model.features)[-most:])
    if not len(rows):
        return {feature.name: 0.0 for feature in model.features}
    said = model.log_odds(rows)
    changed = [model.log_odds(_without(rows, place, feature.type)) for place, feature in enumerate(model.features)]
    moved = np.abs(np.array(changed) - said).mean(axis=1)
    shares = moved / moved.sum() if moved.sum() else moved
    return {feature.name: float(share) for feature, share in zip(model.features, shares, strict=True)}


def _without(rows: Floats, place: int, kind: str) -> Floats:
    """The rows with one column at its mean; what tells the kinds of football apart stays, since between them lies nothing."""
    changed = rows.copy()
    if kind != "integer":
        changed[:, place] = rows[:, place].mean()
    return changed
