"""Is the process alive, is it fit to serve, and what does it count."""

from __future__ import annotations

import resource
import sys
from typing import Any

from fastapi import Request, Response

from core.errors import NotReady
from core.metrics import exposition
from workers.routes.shared import Answer, Router, apart, services
from workers.schemas import Alive, Healthcheck, Readiness

router = Router(tags=["health"])

NOT_READY = "Not fit to serve; the part that is not says why"
TEXT: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}


@router.both("GET", "/healthz", response_model=Alive, summary="The process lives")
async def healthz() -> Answer:
    return Answer({"status": "alive"})


@router.both(
    "GET",
    "/readyz",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": NOT_READY}},
    summary="Fit to serve: model, batch files and worker, each with its age and reason",
)
async def readyz(request: Request) -> Answer:
    found = await _asked(request, "readiness")
    return Answer(found, 200 if found["ready"] else 503)


@router.both(
    "GET",
    "/healthcheck/",
    response_model=Healthcheck,
    responses={503: {"model": Healthcheck, "description": NOT_READY}},
    summary="Both, with version and memory",
)
async def healthcheck(request: Request) -> Answer:
    found = await _asked(request, "health")
    answer = {"alive": True, **found, "version": request.app.version, "memory_mb": memory()}
    return Answer(answer, 200 if found["ready"] else 503)


@router.both("GET", "/metrics", response_class=Response, responses=TEXT, summary="Metrics in Prometheus' text format")
async def prometheus_metrics() -> Response:
    """Of this process, or of all of them when PROMETHEUS_MULTIPROC_DIR is set."""
    body, kind = await apart(exposition)
    return Response(body, headers={"Content-Type": kind})


async def _asked(request: Request, question: str) -> dict[str, Any]:
    """{ready, ...} with a reason for whatever is not."""
    try:
        found: dict[str, Any] = getattr(await services(request), question)()
    except NotReady as error:
        return {"ready": False, "reason": str(error)}
    return found


def memory() -> float:
    """The most memory this process has held, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3), 1)
