"""What a web process serves from: the clients, made once, and everything that is kept in memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

import pandas as pd

from core.clock import Clock, from_iso, real_now
from core.errors import GateNotPassed, NotReady, PromotionRefused, StorageError
from core.football.contest import contest
from core.football.judging import Judged, evidence, judge
from core.football.promotion import before, refuse_leak
from core.metrics import READINESS, show_chain
from core.serving.batches import Batches
from core.serving.live import LiveScores
from core.serving.lookups import FeatureLookupService, Lookup, PredictionLookupService
from core.serving.match_ids import MatchIds
from core.serving.notices import (
    Notice,
    about_chain,
    about_files,
    about_forecasts,
    about_models,
    about_processes,
    about_queue,
    about_store,
    about_timeline,
    slowness,
)
from core.serving.predictor import TOO_OLD, PredictionService
from core.serving.probes import Probe, Probes
from core.serving.pulse import LATE, Pulse
from core.serving.records import Records
from core.serving.reports import MatchHistory, Reports
from core.serving.snapshot import Watch
from core.serving.version_comparison import Compared, compare, sealed_rows
from core.settings import Settings
from core.storage import logbook
from core.storage.database import Database
from core.storage.files import POINTER, Store
from core.storage.manifest import Card
from core.vocabulary import BASE_RATE, BASELINE, CHALLENGER, CHAMPION, FORMER_CHAMPION, STAGES

PATIENCE = 4.0
STORE_EVERY = 10.0  # seconds between two questions how fast the store is
NOTHING = "Nothing was published yet. Run `make pipeline`; it takes a minute or two, and this page takes it up by itself."


@dataclass(frozen=True)
class Freshness:
    """How fresh the published batch is: the moment it speaks of, when it was written, its age on the timeline's clock.

    `moment` is where a replay's clock stands.
    """

    as_of: datetime | None
    written_at: datetime | None
    age_seconds: float | None
    champion: int | None
    challenger: int | None
    replaying: bool
    stale: bool
    moment: datetime | None = None


@dataclass(frozen=True)
class Rival:
    """The version that the champion is compared with, by its card. `until` is when a former champion ceased to be it, in real time."""

    card: Card
    is_former: bool
    until: datetime | None = None


@dataclass
class Services:
    """Everything that pages and requests read. They touch memory only; threads of their own keep it new."""

    settings: Settings
    clock: Clock
    database: Database
    store: Store
    features: FeatureLookupService
    predictions: PredictionLookupService
    history: MatchHistory
    reports: Reports
    models: PredictionService
    records: Records
    watch: Watch
    pulse: Pulse
    live: LiveScores
    match_ids: MatchIds
    probes: Probes

    def start(self) -> None:
        """Read what is published, so that the first visitor does not wait, and keep everything new from now on.

        A store that does not answer holds the start up for four seconds at most; the reading goes on without it.
        """
        reading = [
            threading.Thread(target=read, daemon=True) for read in (self._load, *(lookup.warm for lookup in self.lookups().values()))
        ]
        until = time.monotonic() + PATIENCE
        for thread in reading:
            thread.start()
        for thread in reading:
            thread.join(max(0.0, until - time.monotonic()))
        self.pulse.start()
        self.probes.start()
        self.models.start_background()

    def _load(self) -> None:
        with suppress(NotReady):  # the pages say so, and the threads look again
            self.models.load(ask_registry=False)

    def follow_queue(self, check: Callable[[], object]) -> None:
        """Tell of the task queue, too, from now on; `check` raises while its broker is away. Whoever hands work in knows how to ask."""
        self.probes.add(Probe("queue", "The task queue", "Check SOCCER_QUEUE_URL and what it points to.", check))

    def close(self) -> None:
        self.probes.close()
        self.models.close()
        self.pulse.close()
        self.watch.close()
        self.database.close()

    def lookups(self) -> dict[str, Lookup[Any]]:
        """Every file that is kept in memory, by its name."""
        named: dict[str, Lookup[Any]] = {
            "predictions.parquet": self.predictions,
            "match_features.parquet": self.features,
            "matches.parquet": self.history,
        }
        return named | self.reports.lookups()

    def freshness(self) -> Freshness:
        versions, held = self.models.assigned(), self.predictions.peek()
        return Freshness(
            as_of=None if held is None else held.as_of or held.written_at,
            written_at=None if held is None else held.written_at,
            age_seconds=self.predictions.age_seconds,
            champion=versions.get(CHAMPION),
            challenger=versions.get(CHALLENGER) if versions.get(CHALLENGER) != versions.get(CHAMPION) else None,
            replaying=self.clock.replaying,
            stale=any(lookup.peek() is not None and lookup.stale for lookup in (self.predictions, self.features)),
            moment=self.clock.moment,
        )

    def walk_of(self, stage: str) -> pd.DataFrame:
        """The walk-forward of the version that has a stage, columns as `core.tables.EVALUATION`. NotReady while there is none."""
        return self.reports.walk_of(self.card_of(stage))

    def scores_of(self, stage: str) -> dict[str, Any]:
        """The scores of the version that has a stage, as `core.learning.comparison.scores` makes them; empty when there are none."""
        return self.reports.scores_of(self.card_of(stage))

    def roles(self) -> dict[str, int | None]:
        """Each version whose forecasts are shown, once, by its role: the stages in their order, and the former champion.

        The version is None where the file of forecasts names none.
        """
        versions, former = self.predictions.versions(), self.models.former_champion
        if former is not None:
            versions = {**versions, FORMER_CHAMPION: former.version}
        found: dict[str, int | None] = {}
        for role in (CHAMPION, CHALLENGER, FORMER_CHAMPION, BASELINE):
            if role in versions and versions[role] not in found.values():
                found[role] = versions[role]
        return found

    def card_of(self, role: str) -> Card:
        """The card of the version whose forecasts are shown in a role; empty when there is none.

        A stage's alias may name a version that no batch knows yet: then the version before it is shown, with its own figures.
        """
        versions, former = self.predictions.versions(), self.models.former_champion
        if role == FORMER_CHAMPION:
            return {} if former is None else former.card
        version = versions.get(role)
        return self.models.card(role) if version is None else self.models.published_card(version) or self.models.card(role)

    def scored(self) -> list[tuple[str, int | None, dict[str, Any]]]:
        """The scores of each version that is shown, and of the base rate: its role for people, its version, its scores."""
        words = {role: role.replace("_", " ").capitalize() for role in (*STAGES, FORMER_CHAMPION)}
        rows = [(words[role], version, self.reports.scores_of(self.card_of(role))) for role, version in self.roles().items()]
        return [*rows, ("Base rate", None, self.reports.scores_of_reference(BASE_RATE))]

    def rival(self) -> Rival | None:
        """The version that the champion is compared with: the challenger, or after a promotion, when there is none, the former champion."""
        champion, challenger, former = self.card_of(CHAMPION), self.card_of(CHALLENGER), self.models.former_champion
        version = challenger.get("model_version")
        if version is not None and version != champion.get("model_version"):
            return Rival(challenger, is_former=False)
        return Rival(former.card, is_former=True, until=former.until) if former is not None and former.card else None

    def compared(self, champion: Card, rival: Card, baseline: Card | None = None) -> Compared:
        """Two versions on the same matches, by their cards. NotReady while there is no evaluation."""
        sealed = partial(sealed_rows, self.database, self.settings.timeline, self.history.frame())
        return compare(self.reports.evaluation(), champion, rival, sealed, baseline)

    def check_promotion(self, version: int, expected_champion: int | None, against_the_gate: bool) -> None:
        """Raise AliasMissing for a version that the registry does not hold, and PromotionRefused for one that may not be promoted now:
        GateNotPassed names the checks that fail, unless somebody goes against the gate."""
        card = self.models.card_of(version)
        if self.models.assigned().get(CHAMPION) != expected_champion:
            self.models.refresh()  # it may have moved a moment ago
        if self.models.assigned().get(CHAMPION) == version:
            raise PromotionRefused(f"Version {version} is the champion already.")
        refuse_leak(version, card)
        judged = self._judged(card)
        if judged.failing and not against_the_gate:
            raise GateNotPassed(version, judged.failing)

    def _judged(self, card: Card) -> Judged:
        """What the gate says of a version against the champion; without a champion or a batch, no check that needs matches is made."""
        champion = self.models.card(CHAMPION)
        with suppress(NotReady):
            if champion:
                return self.compared(champion, card).judged(card)
        return judge(contest({}), evidence(card))

    def check_rollback(self) -> None:
        """PromotionRefused when there is no champion to return to."""
        decided = self.records.audit(logbook.ALL)
        if decided and self.models.assigned().get(CHAMPION) != decided[0]["to_version"]:
            self.models.refresh()  # the decision was made a moment ago
        before(self.models.assigned().get(CHAMPION), decided)

    def notices(self) -> list[Notice]:
        """What a visitor should know first, the gravest first."""
        empty = (
            []
            if self.predictions.peek() is not None
            else [Notice("empty", "There are no forecasts yet.", self.predictions.error or NOTHING)]
        )
        return [
            *empty,
            *about_files(self.lookups()),
            *about_forecasts(self.predictions, self.models),
            *about_models(self.models, TOO_OLD),
            *about_store(self.probes.get("store"), degraded=any(lookup.error for lookup in self.lookups().values())),
            *(about_queue(self.probes.get("queue")) if self._database()["ok"] else ()),
            *about_processes(self.pulse.latest(), self.probes.get("database")),
            *about_chain(self.pulse.latest().chain),
            *about_timeline(self.settings, self.clock, self.pulse.latest().refresh),
        ]

    def readiness(self) -> dict[str, Any]:
        """{ready, model, batch_files, worker, database, queue}: each part {ok, age_seconds, reason}. Asks nobody: memory only."""
        parts = {"model": self._model(), "batch_files": self._files(), "worker": self._worker(), "database": self._database()}
        parts |= {"queue": self._queue()}
        return {"ready": all(part["ok"] for part in parts.values()), **parts}

    def measure(self) -> None:
        """Show Prometheus what is fit to serve, and the last check of the sealed forecasts. Reads memory only."""
        for name, part in self.readiness().items():
            if name != "ready":
                READINESS.labels(name).set(int(part["ok"]))
        chain = self.pulse.latest().chain
        if chain is not None:
            show_chain(chain.problem is None)

    def health(self) -> dict[str, Any]:
        """`readiness`, and what a person looks at next: versions, the clock, every file's age and trouble."""
        files = {name: _part(lookup.peek() is not None, lookup.age_seconds, _trouble(lookup)) for name, lookup in self.lookups().items()}
        return {
            **self.readiness(),
            "timeline": self.settings.timeline,
            "versions": self.models.versions(),
            "files": files,
            "notices": [f"{notice.title} {notice.text}" for notice in self.notices()],
        }

    def _model(self) -> dict[str, Any]:
        trouble = self.models.failures.get(CHAMPION) or self.predictions.skipped.get(CHAMPION) or self.models.error
        if CHAMPION not in self.models.versions():
            return _part(False, None, trouble or NOTHING)
        damaged = self.models.damaged
        trouble = trouble or damaged.get(self.models.versions()[CHAMPION]) or next(iter(damaged.values()), None)
        registered = self.models.card(CHAMPION).get("registered_at")
        age = (real_now() - from_iso(str(registered))).total_seconds() if registered else None
        return _part(True, age, trouble)

    def _files(self) -> dict[str, Any]:
        both: Mapping[str, Lookup[Any]] = {"forecasts": self.predictions, "features": self.features}
        absent = [name for name, lookup in both.items() if lookup.peek() is None]
        if absent:
            return _part(False, None, self.predictions.error or self.features.error or NOTHING)
        reasons = [_trouble(lookup) for lookup in both.values()]
        if not self.watch.alive:
            reasons.append("The thread that looks for newer files has ended. Start the process again.")
        reasons.append(slowness(self.probes.get("store")))
        age = max(lookup.age_seconds or 0.0 for lookup in both.values())
        return _part(True, age, next((reason for reason in reasons if reason), None))

    def _worker(self) -> dict[str, Any]:
        vitals, locked = self.pulse.latest(), self._locked()
        if locked is not None:
            return _part(False, None, f"No heart can beat while nothing can be written. {locked}")
        ages = [float(worker["age_seconds"]) + vitals.age for worker in vitals.workers if worker["queue"] == "ml"]
        if vitals.error is not None or not ages or min(ages) > LATE:
            return _part(False, None, vitals.error or "No worker's heart has beaten for five seconds. `make run` starts the workers.")
        return _part(True, min(ages), None)

    def _database(self) -> dict[str, Any]:
        vitals = self.pulse.latest()
        late = "The database has not answered for five seconds. Check SOCCER_DATABASE_URL and its disk." if vitals.age > LATE else None
        reason = vitals.error or late or self._locked()
        return _part(reason is None, vitals.age, reason)

    def _locked(self) -> str | None:
        """Why nothing can be written into the database; None while it can."""
        writing = self.probes.get("database")
        return None if writing is None else writing.trouble

    def _queue(self) -> dict[str, Any]:
        queue = self.probes.get("queue")
        return _part(True, None, None) if queue is None else _part(queue.trouble is None, queue.age, queue.trouble)


def open_services(settings: Settings) -> Services:
    """Make the clients, once per process. Reads no batch yet: `start` does, or whoever asks first."""
    database = Database(settings.database_url)
    with suppress(StorageError):  # forecasts are served without it, and the pages say that it is away
        database.create()
    store = Store.open(settings.store_url, settings.s3_endpoint)
    # A clock of their own: it moves with the replay, and the settings say where that starts.
    watch, clock, max_age = Watch(settings.lookup_check_interval), replace(settings.clock), settings.lookup_max_age
    batches = Batches(store)
    features = FeatureLookupService(store=store, clock=clock, max_age=max_age, watch=watch, batches=batches)
    predictions = PredictionLookupService(store=store, clock=clock, max_age=max_age, watch=watch, batches=batches)
    history = MatchHistory(store, watch=watch, clock=clock, max_age=max_age, batches=batches)
    reports = Reports(store, watch=watch, clock=clock, max_age=max_age, batches=batches)

    def changed(versions: Mapping[str, int]) -> None:
        predictions.set_aliases(versions)
        reports.set_cards({stage: models.card(stage) for stage in versions})

    models = PredictionService(settings, store, features=features, on_change=changed, database=database, batches=batches)
    records = Records(database)
    match_ids = MatchIds(database)

    def published() -> None:
        watch.wake()
        match_ids.read()

    live = LiveScores(database, clock, settings.timeline, published)

    def measure() -> None:
        live.refresh()
        for lookup in (predictions, features, history):
            lookup.measure()

    pulse = Pulse(records, measure, database.create)
    probes = Probes(
        Probe("database", "The database", "Check SOCCER_DATABASE_URL and its disk.", database.check),
        Probe(
            "store", "The store", "Check SOCCER_STORE_URL.", lambda: store.stamp(POINTER), min(STORE_EVERY, settings.lookup_check_interval)
        ),
    )
    services = Services(
        settings, clock, database, store, features, predictions, history, reports, models, records, watch, pulse, live, match_ids, probes
    )
    pulse.follow(services.measure)
    return services


def _trouble(lookup: Lookup[Any]) -> str | None:
    """What is the matter with a file; nothing is read to say it."""
    return lookup.error or (None if lookup.peek() is None else lookup.stale_reason)


def _part(ok: bool, age_seconds: float | None, reason: str | None) -> dict[str, Any]:
    return {"ok": ok, "age_seconds": None if age_seconds is None else round(age_seconds, 3), "reason": reason}
