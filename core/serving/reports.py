"""What the batch wrote beside the forecasts: the matches themselves, the evaluation, the scores, the drift report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from core.clock import Clock
from core.errors import TableInvalid
from core.metrics import DRIFT_SCORE, FORECAST_LOG_LOSS
from core.serving.lookups import Lookup
from core.serving.origins import Fetched, Published
from core.serving.parsing import Row, by_match_id, place, plain, read_json, read_parquet, refusing
from core.serving.snapshot import MAX_AGE, Held, Kept, Watch
from core.storage.files import Store
from core.tables import EVALUATION, MATCHES


class MatchHistory(Lookup[pd.DataFrame]):
    """All matches of the batch, played and to come: the table MATCHES, by match_id."""

    def __init__(self, store: Store, *, watch: Watch, clock: Clock, max_age: float = MAX_AGE) -> None:
        super().__init__(Kept("matches.parquet", Published(store, "matches.parquet"), _matches, watch, clock, max_age))

    def frame(self) -> pd.DataFrame:
        """Columns as `core.tables.MATCHES`, ascending match_id. NotReady while there is nothing."""
        return self.held().value.copy(deep=False)

    def match(self, match_id: int) -> Row | None:
        """One match as plain Python, times as ISO text; None when it is not there."""
        held = self._kept.get()
        at = None if held is None else place(held.value["match_id"].to_numpy(), match_id)
        if held is None or at is None:
            return None
        return Row({column: plain(held.value[column].iloc[at]) for column in held.value.columns})


class Reports:
    """The evaluation, the scores and the drift report. Each is kept apart: a bad one leaves the others alone."""

    def __init__(self, store: Store, *, watch: Watch, clock: Clock, max_age: float = MAX_AGE) -> None:
        def kept(name: str, parse: Callable[[bytes], Any], on_change: Callable[[Held[Any], Fetched], None] | None = None) -> Lookup[Any]:
            return Lookup(Kept(name, Published(store, name), parse, watch, clock, max_age, on_change))

        self._evaluation = kept("evaluation.parquet", _evaluation)
        self._scores = kept("scores.json", lambda data: read_json("scores.json", data), _count_scores)
        self._drift = kept("drift.json", _drift, lambda report, _: count_drift(report.value))

    def lookups(self) -> dict[str, Lookup[Any]]:
        """Each file's lookup, by its name."""
        return {"evaluation.parquet": self._evaluation, "scores.json": self._scores, "drift.json": self._drift}

    def evaluation(self) -> pd.DataFrame:
        """Columns as `core.tables.EVALUATION`. NotReady while there is none."""
        frame: pd.DataFrame = self._evaluation.held().value
        return frame.copy(deep=False)

    def scores(self) -> dict[str, Any]:
        """What `core.learning.comparison.scores` found. NotReady while there is none."""
        return dict(self._scores.held().value)

    def drift(self) -> dict[str, Any] | None:
        """The latest drift report; None while there is none, which is no error."""
        return dict(self._drift.held().value) if self._drift.ready else None

    @property
    def drift_error(self) -> str | None:
        """Why the latest drift report could not be read; None when it could, or there is none yet."""
        return self._drift.error


def _matches(data: bytes) -> pd.DataFrame:
    with refusing("matches.parquet"):
        given = by_match_id("matches.parquet", read_parquet(data))
        return MATCHES.check(given.reset_index())


def _evaluation(data: bytes) -> pd.DataFrame:
    with refusing("evaluation.parquet"):
        return EVALUATION.check(read_parquet(data).reset_index())


def _drift(data: bytes) -> dict[str, Any]:
    """The report, with what is told of it in short checked; TableInvalid when it is another thing."""
    with refusing("drift.json"):
        report = read_json("drift.json", data)
        score = report.get("drift_score")
        share = score is None or (isinstance(score, int | float) and not isinstance(score, bool) and 0 <= score <= 1)
        features = report.get("features") or []
        named = isinstance(features, list) and all(isinstance(one, dict) and isinstance(one.get("feature"), str) for one in features)
        parts = all(isinstance(report.get(part), dict | None) for part in ("window", "realised"))
        if not (share and named and parts):
            raise TableInvalid("drift.json holds no drift report. Run the pipeline again to make it anew.")
        return report


def count_drift(report: Mapping[str, Any]) -> None:
    """Show the report's score to Prometheus; without one, what was shown stays."""
    if report.get("drift_score") is not None:
        DRIFT_SCORE.set(report["drift_score"])


def _count_scores(held: Held[dict[str, Any]], _: Fetched) -> None:
    scores = held.value
    for stage in ("champion", "challenger", "baseline"):
        loss = (scores.get(stage) or {}).get("log_loss") if isinstance(scores.get(stage), dict) else None
        if isinstance(loss, dict) and isinstance(loss.get("point"), int | float):
            FORECAST_LOG_LOSS.labels(stage).set(loss["point"])
