"""Each request is counted and written down: by its path template for the metrics, with its ids in the line, never its query or a key."""

from __future__ import annotations

import logging
import time
from typing import Any

from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.metrics import HTTP_DURATION, HTTP_REQUESTS
from workers import log

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PROBES = ("/healthz", "/readyz", "/metrics")
LONGEST = 200


class Observed:
    def __init__(self, app: ASGIApp) -> None:
        log.configure("web")
        logging.getLogger("uvicorn.access").addFilter(_without_query)
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer: dict[str, Any] = {"status": "500"}

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


def _without_query(record: logging.LogRecord) -> bool:
    """The server writes lines of its own, with the query in them, and there may be a key."""
    if isinstance(record.args, tuple):
        record.args = tuple(value.partition("?")[0] if isinstance(value, str) else value for value in record.args)
    return True


def _note(scope: Scope, answer: dict[str, Any], seconds: float) -> None:
    route = scope.get("route")
    path = route.path if isinstance(route, APIRoute) else "unmatched"
    method = scope["method"] if scope["method"] in METHODS else "OTHER"
    HTTP_REQUESTS.labels(method, path, answer["status"]).inc()
    HTTP_DURATION.labels(method, path).observe(seconds)
    if path in PROBES:
        return
    level = logging.ERROR if answer["status"] == "500" else logging.INFO
    ids: dict[str, Any] = {name: str(value)[:LONGEST] for name, value in scope.get("path_params", {}).items() if name != "rest"}
    log.line("request", level, method=method, path=scope["path"][:LONGEST], seconds=round(seconds, 6), **answer, **ids)
