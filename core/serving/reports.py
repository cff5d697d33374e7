"""What the batch wrote beside the forecasts: the matches themselves, the evaluation, the scores, the drift report."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from core.clock import Clock
from core.metrics import DRIFT_SCORE, FORECAST_LOG_LOSS
from core.serving.batches import Batches
from core.serving.lookups import Lookup
from core.serving.origins import Fetched, Published
from core.serving.parsing import Row, place, plain
from core.serving.readers import READERS
from core.serving.snapshot import MAX_AGE, Held, Kept, Watch
from core.serving.version_comparison import walk_in
from core.storage.files import Store
from core.storage.manifest import Card, recipe_of
from core.vocabulary import CHAMPION, DRIFT_FILE, EVALUATION_FILE, MATCHES_FILE, SCORES_FILE, STAGES


class MatchHistory(Lookup[pd.DataFrame]):
    """All matches of the batch, played and to come: the table MATCHES, by match_id."""

    def __init__(self, store: Store, *, watch: Watch, clock: Clock, max_age: float = MAX_AGE, batches: Batches | None = None) -> None:
        origin = Published(store, MATCHES_FILE, batches)
        super().__init__(Kept(MATCHES_FILE, origin, READERS[MATCHES_FILE], watch, clock, max_age))

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
    """The evaluation, the scores and the drift report, each of the version that is asked for. A bad file leaves the others alone.

    `set_cards` says which version has which stage now; the metrics follow it.
    """

    def __init__(self, store: Store, *, watch: Watch, clock: Clock, max_age: float = MAX_AGE, batches: Batches | None = None) -> None:
        def kept(name: str, on_change: Callable[[Held[Any], Fetched], None] | None = None) -> Lookup[Any]:
            return Lookup(Kept(name, Published(store, name, batches), READERS[name], watch, clock, max_age, on_change))

        self._cards: Mapping[str, Card] = {}
        self._guard = threading.Lock()  # a new file and moved stages may come at once, from two threads
        self._evaluation = kept(EVALUATION_FILE)
        self._scores = kept(SCORES_FILE, lambda held, _: self._count(scores=held.value))
        self._drift = kept(DRIFT_FILE, lambda held, _: self._count(drift=held.value))

    def lookups(self) -> dict[str, Lookup[Any]]:
        """Each file's lookup, by its name."""
        return {EVALUATION_FILE: self._evaluation, SCORES_FILE: self._scores, DRIFT_FILE: self._drift}

    def set_cards(self, cards: Mapping[str, Card]) -> None:
        """These versions have the stages from now on, by their cards."""
        self._cards = dict(cards)
        self._count()

    def walk_of(self, card: Card, match_id: int | None = None) -> pd.DataFrame:
        """The walk-forward that a version is judged by, of all matches or of one, columns as `core.tables.EVALUATION`; empty when there
        is none. NotReady while there is no evaluation.
        """
        table = self.evaluation()
        return walk_in(table if match_id is None else table[table["match_id"] == match_id], card).copy(deep=False)

    def evaluation(self) -> pd.DataFrame:
        """Columns as `core.tables.EVALUATION`, of all versions and references. NotReady while there is none."""
        frame: pd.DataFrame = self._evaluation.held().value
        return frame.copy(deep=False)

    def scores_of(self, card: Card) -> dict[str, Any]:
        """The scores of a version as `core.learning.comparison.scores` makes them; empty when there are none. NotReady."""
        return _scores_of(self._scores.held().value, card)

    def scores_of_reference(self, name: str) -> dict[str, Any]:
        """The same of a reference, `elo` or `base_rate`."""
        return dict(self._scores.held().value["recipes"].get(name) or {})

    def scored_span(self) -> dict[str, Any]:
        """On how many matches the scores are, and from when to when: {matches, from, to}. NotReady while there are none."""
        return {name: self._scores.held().value.get(name) for name in ("matches", "from", "to")}

    def drift(self) -> dict[str, Any] | None:
        """The drift report of the champion, whose version it names. None while there is none, which is no error.

        Where the batch has none of that version, the report is of the version that was champion when it was made.
        """
        return _drift_of(self._drift.held().value, self._cards.get(CHAMPION, {})) if self._drift.ready else None

    @property
    def drift_error(self) -> str | None:
        """Why the latest drift report could not be read; None when it could, or there is none yet. One of an earlier batch is read."""
        return None if self._drift.stale_reason == self._drift.error else self._drift.error

    def _count(self, scores: Mapping[str, Any] | None = None, drift: Mapping[str, Any] | None = None) -> None:
        """Show the scores of each stage, and the champion's drift, to Prometheus."""
        with self._guard:
            scores = scores or _value(self._scores)
            drift = drift or _value(self._drift)
            for stage in STAGES:
                loss = (_scores_of(scores, self._cards.get(stage, {})) if scores else {}).get("log_loss")
                point = loss.get("point") if isinstance(loss, Mapping) else None
                if scores and stage in self._cards:  # of a version without scores none is known: the one before must not stand for it
                    FORECAST_LOG_LOSS.labels(stage).set(math.nan if point is None else point)
            if drift:
                count_drift(_drift_of(drift, self._cards.get(CHAMPION, {})))


def _value(lookup: Lookup[Any]) -> Mapping[str, Any] | None:
    held = lookup.peek()
    return None if held is None else held.value


def _scores_of(scores: Mapping[str, Any], card: Card) -> dict[str, Any]:
    own = scores["versions"].get(str(card.get("model_version")))
    return dict(own if own is not None else scores["recipes"].get(recipe_of(card) or "") or {})


def _drift_of(report: Mapping[str, Any], champion: Card) -> dict[str, Any]:
    version = champion.get("model_version")
    chosen = (report.get("versions") or {}).get(str(version))
    found = chosen if version != report.get("model_version") and chosen is not None else report
    return {name: value for name, value in found.items() if name != "versions"}


def count_drift(report: Mapping[str, Any]) -> None:
    """Show the report's score to Prometheus; without one, what was shown stays."""
    if report.get("drift_score") is not None:
        DRIFT_SCORE.set(report["drift_score"])
