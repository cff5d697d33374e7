"""Which forecasts are sealed: those of matches that have surely not begun, once a model version, under the stage that it has."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pandas as pd

from core.clock import iso, real_now
from core.football.competitions import earliest
from core.serving.feature_table import FeatureTable
from core.serving.prediction_table import PredictionTable
from core.storage.database import Database
from core.storage.files import Store
from core.storage.forecast_chain import Forecast, seal
from core.storage.manifest import Manifest
from core.vocabulary import CHAMPION, FEATURES_FILE, PREDICTIONS_FILE


def seal_champion(store: Store, database: Database, version: int, now: datetime, timeline: str) -> int | None:
    """Seal what a version that has become the champion says of matches to come, by the published batch: from now on it is what we say.

    The number of new entries; None when the batch has no forecasts of this version.
    """
    manifest = Manifest.read(store)
    forecasts = PredictionTable.read(store.read(manifest.file(PREDICTIONS_FILE).key)).frame
    own = forecasts[(forecasts["model_version"] == version).fillna(False).astype(bool)]
    if own.empty:
        return None
    features = FeatureTable.read(store.read(manifest.file(FEATURES_FILE).key)).frame
    rows = to_seal(features, own, lambda _: CHAMPION, as_of=manifest.as_of, now=now, timeline=timeline)
    with database.write() as connection:
        return seal(connection, rows)


def to_seal(
    features: pd.DataFrame, forecasts: pd.DataFrame, stage_of: Callable[[int], str], *, as_of: datetime, now: datetime, timeline: str
) -> list[Forecast]:
    """The entries for the chain, from frames as `match_features.parquet` and `predictions.parquet` hold them.

    `as_of` is the moment that the forecasts speak of, `now` the timeline's clock: a match without a kick-off counts as begun once its
    day begins where it is played.
    """
    days = [earliest(code, day) for code, day in zip(features["competition_code"], features["match_date"].dt.date, strict=True)]
    begins = features["startTimeUtc"].fillna(pd.Series(pd.to_datetime(days, utc=True), features.index))
    to_come = features.index[features["is_future"] & (begins > pd.Timestamp(now))]
    rows = forecasts.loc[forecasts.index.isin(to_come)].reset_index()
    columns = ["match_id", "model_version", "proba_home", "proba_draw", "proba_away", "startTimeUtc"]
    written = iso(real_now())
    return [
        Forecast(
            int(match_id), stage_of(int(version)), int(version), home, draw, away,
            None if pd.isna(kickoff) else iso(kickoff.to_pydatetime()), iso(as_of), written, timeline,
        )
        for match_id, version, home, draw, away, kickoff in rows[columns].itertuples(index=False, name=None)
    ]  # fmt: skip
