"""What a visitor should know first: what is the matter, since when, what it means, and the next step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from core.clock import Clock, from_iso, in_words, real_now
from core.serving.lookups import Lookup, PredictionLookupService
from core.serving.predictor import PredictionService
from core.serving.probes import SLOW, Probe
from core.serving.pulse import LATE, Vitals
from core.serving.snapshot import hours
from core.settings import Settings
from core.storage.chain_check import ChainCheck
from core.vocabulary import CHAMPION

Kind = Literal["empty", "replay", "stale", "degraded", "model", "worker", "database", "locked", "queue", "store", "chain"]

LATELY = timedelta(minutes=5)
NEWLY = timedelta(hours=1)
STARTS_WITHIN = timedelta(seconds=30)
WORK = {"ml": "single forecasts", "batch": "long work"}
FILES = {
    "predictions.parquet": "forecasts",
    "match_features.parquet": "features",
    "matches.parquet": "matches",
    "evaluation.parquet": "evaluation",
    "scores.json": "scores",
    "drift.json": "drift report",
}


@dataclass(frozen=True)
class Notice:
    """One thing to know. `kind` `replay` is no fault."""

    kind: Kind
    title: str
    text: str


def about_timeline(settings: Settings, clock: Clock, refresh: Mapping[str, Any] | None = None) -> Iterator[Notice]:
    """That the clock is no real one, and the way to the other timeline, where there is one to go to; `refresh` is the latest task
    that asked the sources.
    """
    if clock.moment is not None:
        yield Notice(
            "replay",
            f"Replaying {in_words(clock.moment)}.",
            "Later results are hidden from the models. Forecasts made here are labelled and never count in the real record."
            + _way(settings, refresh),
        )
    elif settings.can_switch and settings.arrived_at is not None and real_now() - settings.arrived_at < NEWLY:
        yield Notice(
            "replay",
            "These are today's matches.",
            "They were fetched from open sources and renew themselves. The replay is still there: Operations leads back to it.",
        )


def _way(settings: Settings, refresh: Mapping[str, Any] | None) -> str:
    if not settings.can_switch or (not settings.sources and not settings.arrived):
        return ""
    if settings.arrived:
        return " Today's matches are here too: Operations leads to them."
    return f" {_awaited(refresh)}"


def _awaited(refresh: Mapping[str, Any] | None) -> str:
    """How far today's matches are, of which none are here yet."""
    if refresh is None or refresh["finished_at"] is None:
        return "Today's matches are being fetched; they are shown as soon as they have forecasts, a minute or two after they came."
    at = in_words(from_iso(refresh["finished_at"]))
    if refresh["status"] == "SUCCESS":
        return f"The sources of today's matches could not be reached at {at}. They are asked again by themselves."
    return f"Today's matches could not be fetched at {at}; Operations says why. It is tried again by itself."


def about_files(lookups: Mapping[str, Lookup[Any]]) -> Iterator[Notice]:
    """An older copy served, or one that is too old: one notice for all files with the same reason."""
    degraded: dict[str, list[str]] = {}
    for name, lookup in lookups.items():
        if lookup.error and lookup.peek() is not None:
            degraded.setdefault(lookup.error, []).append(FILES.get(name, name))
    for reason, names in degraded.items():
        since = min(lookup.error_since or real_now() for lookup in lookups.values() if lookup.error == reason)
        yield Notice(
            "degraded",
            f"An earlier copy of the {_listed(names)} is shown, since {in_words(since)}.",
            f"It still serves, but nothing newer is taken up. {reason}",
        )
    stale = [lookup for lookup in lookups.values() if lookup.peek() is not None and lookup.stale]
    if stale:
        oldest = max(stale, key=lambda lookup: lookup.age_seconds or 0.0)
        yield Notice(
            "stale",
            f"The data are {hours(oldest.age_seconds or 0.0)} old.",
            f"They end at {in_words(oldest.as_of or real_now())}: later results and fixtures are missing, and forecasts do not know of "
            "them. Run `make pipeline` to renew them; the pages take them up by themselves.",
        )


def about_models(models: PredictionService, too_old: float) -> Iterator[Notice]:
    for stage, reason in models.failures.items():
        kept = models.versions().get(stage)
        means = f"Version {kept} keeps serving." if kept is not None else f"Nothing serves as {stage}."
        yield Notice("model", f"A new {stage} did not take over.", f"{means} {reason}")
    serving = models.versions().values()
    for version, reason in models.damaged.items():
        if version in serving:
            yield Notice("model", f"The published files of version {version} are damaged.", reason)
    silence = models.silence()
    if silence is not None and silence > too_old:
        yield Notice(
            "model",
            f"The model registry has not answered for {hours(silence) if silence >= 120 else f'{silence:.0f} seconds'}.",
            "The models in memory keep forecasting, but a promotion or a rollback is not noticed. Check MLFLOW_TRACKING_URI.",
        )


def about_forecasts(predictions: PredictionLookupService, models: PredictionService) -> Iterator[Notice]:
    for stage, reason in predictions.skipped.items():
        yield Notice("model", f"The {stage} has no forecasts in the latest batch.", f"The other models' are shown. {reason}")
    champion = models.assigned().get(CHAMPION)
    shown = None if predictions.peek() is None else predictions.versions().get(CHAMPION)
    if None not in (champion, shown) and champion != shown and CHAMPION not in {*models.failures, *predictions.skipped}:
        yield Notice(
            "model",
            f"Version {champion} is the champion, but the batch has no forecasts by it yet:",
            f"those of version {shown} are shown until the next run of the pipeline.",
        )


def slowness(store: Probe | None) -> str | None:
    """That the store lets wait, and for how long; None while it answers soon, or not at all."""
    if store is None or store.trouble is not None or store.seconds <= SLOW:
        return None
    return f"The store is slow: its last answer took {store.seconds:.0f} seconds."


def about_store(store: Probe | None, degraded: bool) -> Iterator[Notice]:
    """That it is slow, or away where no file's own notice says so yet."""
    slow, away = slowness(store), None if store is None else store.trouble
    if slow is not None:
        yield Notice(
            "store", slow, "What is in memory is served at once; whatever is newer comes later. Look at the store, and the way to it."
        )
    elif away is not None and not degraded:
        yield Notice("store", "The store is away.", f"What is in memory is served, and nothing newer is taken up. {away}")


def about_chain(check: ChainCheck | None) -> Iterator[Notice]:
    """That the record of forecasts was changed, as the last check found it."""
    if check is not None and check.problem is not None:
        yield Notice(
            "chain",
            "The record of sealed forecasts is broken.",
            f"{check.problem} Forecasts are still served, but the record before and after that row cannot be trusted. "
            "Restore a backup (make restore), or find out who changed the database; `make verify` checks again.",
        )


def about_queue(queue: Probe | None) -> Iterator[Notice]:
    if queue is not None and queue.trouble is not None:
        yield Notice(
            "queue",
            "The task queue is away.",
            "Forecasts are served. New tasks are refused; those that were taken before go on by themselves when it is back, "
            f"and none is lost. {queue.trouble}",
        )


def about_processes(vitals: Vitals, writing: Probe | None) -> Iterator[Notice]:
    if vitals.error is not None or vitals.age > LATE:
        text = vitals.error or "The database does not answer."
        yield Notice("database", "The database is away.", f"Forecasts are served from memory; tasks and records cannot be shown. {text}")
        return
    if writing is not None and writing.trouble is not None:
        yield Notice(
            "locked",
            "Nothing can be written into the database.",
            "Forecasts are served from memory. New tasks and results wait for it, and workers cannot be heard; nothing is lost. "
            f"Another program may hold it locked: find that one and stop it. {writing.trouble}",
        )
        return
    restarted = _restarted(vitals.events)
    idle = _unserved(vitals.workers)
    if idle is not None and not _starting(vitals.events):
        yield Notice(
            "worker",
            idle,
            f"Forecasts on the pages are not affected; queued work waits, and nothing of it is lost. {_ended(vitals.events)}"
            "`make run` starts the workers, and starts again those that die; when they do so again and again, their log says why.",
        )
    elif restarted is not None:
        yield Notice(
            "worker",
            f"The {restarted['process']} process was started again at {in_words(from_iso(restarted['at']))}.",
            "It had ended unexpectedly. "
            + ("" if restarted["process"] == "web" else "What it was working at went back into the queue. ")
            + "Nothing needs to be done.",
        )


def _unserved(workers: Iterable[Mapping[str, Any]]) -> str | None:
    """Which work nobody takes, as a sentence; None when all of it is taken."""
    served = {worker["queue"] for worker in workers}
    if not served:
        return "No worker is running."
    idle = [work for queue, work in WORK.items() if queue not in served]
    return f"No worker takes {_listed(idle)}." if idle else None


def _starting(events: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a worker was started just now, as all are at the beginning and when the other timeline is shown: it is soon heard of."""
    latest: dict[str, Mapping[str, Any]] = {}
    for event in events:  # the latest first
        latest.setdefault(str(event["process"]), event)
    since = real_now() - STARTS_WITHIN
    workers = [event for process, event in latest.items() if process.partition("-")[0] in WORK]
    died = any(event["event"] == "died" for event in workers)
    return not died and any(event["event"] == "started" and from_iso(event["at"]) > since for event in workers)


def _restarted(events: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The latest restart of these minutes."""
    since = real_now() - LATELY
    return next((event for event in events if event["event"] == "restarted" and from_iso(event["at"]) > since), None)


def _ended(events: Iterable[Mapping[str, Any]]) -> str:
    """When the last worker was seen to end, as a sentence with a space behind it."""
    last = next((event for event in events if event["event"] in ("died", "stopped") and event["process"] != "web"), None)
    return "" if last is None else f"The last one ended at {in_words(from_iso(last['at']))}. "


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
