"""The REST API. `api.state.services` is set by whoever starts the process; the routes stand in `workers/routes`, one module a subject."""

from __future__ import annotations

import logging
import time

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core import errors
from core.errors import SoccerPredictError
from core.metrics import HTTP_DURATION, HTTP_REQUESTS
from workers import log
from workers.routes import health, monitoring

VERSION = "0.1.0"

# Everything under these is the API's, known or not: an unknown path gets a JSON 404 and never a page.
PREFIXES = (
    "/predict",
    "/monitoring",
    "/livescores",
    "/calendar",
    "/healthz",
    "/readyz",
    "/healthcheck",
    "/metrics",
    "/openapi.json",
    "/docs",
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PROBES = ("/healthz", "/readyz", "/metrics")

# The first that fits counts.
STATUS: tuple[tuple[type[SoccerPredictError], int], ...] = (
    (errors.TaskUnknown, 404),
    (errors.MatchUnknown, 404),
    (errors.AliasMissing, 404),
    (errors.FileMissing, 404),
    (errors.FeaturesRefused, 422),
    (errors.UnknownStage, 422),
    (errors.TaskStateError, 409),
    (errors.QueueFull, 429),
    (errors.NotReady, 503),
    (errors.QueueError, 503),
    (errors.StorageError, 503),
)
RETRY_SECONDS = {429: "60", 503: "5"}


class Observed:
    """Counts and logs each request: by its path template for the metrics, with its ids in the line, never its query or a key."""

    def __init__(self, app: ASGIApp) -> None:
        log.configure("web")
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer: dict[str, str] = {"status": "500"}

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer["status"] = str(message["status"])
                answer["model_version"] = dict(message["headers"]).get(b"x-model-version", b"").decode()
            await send(message)

        began = time.perf_counter()
        try:
            await self.app(scope, receive, sent)
        finally:
            _note(scope, answer, time.perf_counter() - began)


def _note(scope: Scope, answer: dict[str, str], seconds: float) -> None:
    route = scope.get("route")
    path = route.path if isinstance(route, APIRoute) else "unmatched"
    method = scope["method"] if scope["method"] in METHODS else "OTHER"
    HTTP_REQUESTS.labels(method=method, path=path, status=answer["status"]).inc()
    HTTP_DURATION.labels(method=method, path=path).observe(seconds)
    if path in PROBES:
        return
    ids = scope.get("path_params", {}) if isinstance(route, APIRoute) else {}
    level = logging.ERROR if answer["status"] == "500" else logging.INFO
    log.line("request", level, None, method=method, path=scope["path"], seconds=round(seconds, 6), **answer, **ids)


async def _in_words(request: Request, error: Exception) -> JSONResponse:
    status = next((status for kind, status in STATUS if isinstance(error, kind)), 500)
    headers = {"Retry-After": RETRY_SECONDS[status]} if status in RETRY_SECONDS else None
    return JSONResponse({"detail": str(error)}, status, headers)


async def _broken(request: Request, error: Exception) -> JSONResponse:
    """The bug itself goes on to the log, loudly."""
    return JSONResponse({"detail": "Something in the app is broken; its log says what."}, 500)


def make_api() -> FastAPI:
    made = FastAPI(title="SoccerPredictAI", version=VERSION, docs_url=None, redoc_url=None, redirect_slashes=False)
    made.add_middleware(Observed)
    made.add_exception_handler(SoccerPredictError, _in_words)
    made.add_exception_handler(Exception, _broken)
    for subject in (health, monitoring):
        made.include_router(subject.router)
    return made


api = make_api()
