"""What Prometheus sees. Any room may count.

The metrics are kept on the registry itself, so that a reload of this module finds the same ones again instead of
making duplicates. Base units, `_total` on counters, and no ids in labels.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from core.errors import SettingsError

Metric = TypeVar("Metric", Counter, Gauge, Histogram)

_MADE: dict[str, Any] = REGISTRY.__dict__.setdefault("soccerpredictai", {})
_BRIEF = (1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.1, 0.5, 1.0)
_REQUEST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_TASK = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
_CHANCE = tuple(round(0.35 + 0.05 * step, 2) for step in range(13))


def _once(kind: Callable[..., Metric], name: str, words: str, *labels: str, **options: Any) -> Metric:
    """The metric of this name, made on the first call only.

    SettingsError when it cannot have its file: with PROMETHEUS_MULTIPROC_DIR each process keeps one there, in a folder made at the start.
    """
    if name not in _MADE:
        try:
            _MADE[name] = kind(name, words, labels, **options)
        except OSError as error:
            why = f"PROMETHEUS_MULTIPROC_DIR is {os.environ.get('PROMETHEUS_MULTIPROC_DIR')}, which cannot be written ({error.strerror})."
            raise SettingsError(f"{why} Name a folder that is there and can, or unset it.") from error
    made: Metric = _MADE[name]
    return made


def _gauge(name: str, words: str, *labels: str) -> Gauge:
    """A gauge to be set, never counted up: the latest value counts, of whichever process wrote it."""
    return _once(Gauge, name, words, *labels, multiprocess_mode="livemostrecent")


HTTP_REQUESTS = _once(Counter, "http_requests_total", "Requests answered.", "method", "path", "status")
HTTP_DURATION = _once(Histogram, "http_request_duration_seconds", "Time to answer a request.", "method", "path", buckets=_REQUEST)
PREDICTION_REQUESTS = _once(Counter, "prediction_requests_total", "Predictions asked for.", "source", "stage")
PREDICTION_DURATION = _once(Histogram, "prediction_duration_seconds", "Time of one prediction, with its checks.", buckets=_BRIEF)
INFERENCE_DURATION = _once(Histogram, "inference_duration_seconds", "Time of the model alone.", buckets=_BRIEF)
PREDICTION_CONFIDENCE = _once(Histogram, "prediction_confidence", "Chance given to the likeliest outcome.", "outcome", buckets=_CHANCE)
MODEL_INFO = _gauge("model_info", "1 for each model version that serves a stage.", "model_name", "version", "stage")
MODEL_REGISTERED = _gauge("model_registered_at_seconds", "When the champion was registered, seconds since 1970.")
MODEL_RELOADS = _once(
    Counter, "model_reload_total", "Models taken up (ok) or refused (error), and questions to a registry that is away.", "stage", "result"
)
DRIFT_SCORE = _gauge("model_feature_drift_score", "Share of the features that drift.")
LOOKUP_AGE = _gauge("lookup_age_seconds", "Age of what a lookup serves.", "file")
LOOKUP_RELOADS = _once(Counter, "lookup_reload_total", "Files taken up, or refused.", "file", "result")
QUEUE_DEPTH = _gauge("task_queue_depth", "Tasks in the queue.", "state")
TASKS = _once(Counter, "tasks_total", "Tasks that ended.", "task", "status")
TASK_DURATION = _once(Histogram, "task_duration_seconds", "Time from a task's start to its end.", "task", buckets=_TASK)
WORKER_UP = _gauge("worker_up", "1 while a worker's heart beats, else 0.", "worker")
WORKER_HEARTBEAT_AGE = _gauge("worker_heartbeat_age_seconds", "Age of a worker's last heartbeat.", "worker")
DEPENDENCY_UP = _gauge("dependency_up", "1 while the database, the queue or the store answers in time, else 0.", "dependency")
DEPENDENCY_SECONDS = _gauge("dependency_answer_seconds", "Time that its last answer took, or for which one has been waited.", "dependency")
READINESS = _gauge("readiness", "1 for each part of /readyz that is fit to serve, else 0.", "part")
FORECAST_LOG_LOSS = _gauge("forecast_log_loss", "Log loss of a stage's forecasts, once played; nats.", "stage")
PAGE_RENDER = _once(Histogram, "app_page_render_seconds", "Time to draw a page.", "page", buckets=_REQUEST)
SESSIONS = _once(Gauge, "app_sessions", "Sessions that are open.", multiprocess_mode="livesum")


def show_chain(valid: bool) -> None:
    """Set `forecast_chain_valid`. Not made before the first call: a gauge without labels shows 0 from then on, a false alarm."""
    _gauge("forecast_chain_valid", "1 when the last check found the chain of sealed forecasts whole, else 0.").set(int(valid))


def exposition() -> tuple[bytes, str]:
    """Every metric in Prometheus' text format, and its content type: of all processes when PROMETHEUS_MULTIPROC_DIR is set."""
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
    from prometheus_client.multiprocess import MultiProcessCollector

    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return generate_latest(together), CONTENT_TYPE_LATEST
