"""Is the process alive, is it fit to serve, and what does it count."""

from __future__ import annotations

import resource
import sys
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from core.errors import NotReady
from core.metrics import exposition
from workers.routes.shared import Router, services

router = Router(tags=["health"])


@router.both("GET", "/healthz", summary="The process lives")
async def healthz() -> dict[str, str]:
    return {"status": "alive"}


@router.both("GET", "/readyz", summary="Fit to serve: model, batch files and worker, each with its age and reason")
def readyz(request: Request) -> JSONResponse:
    found = readiness(request)
    return JSONResponse(found, 200 if found["ready"] else 503)


@router.both("GET", "/healthcheck/", summary="Both, with version and memory")
def healthcheck(request: Request) -> JSONResponse:
    found = readiness(request)
    answer = {"alive": True, **found, "version": request.app.version, "memory_mb": memory()}
    return JSONResponse(answer, 200 if found["ready"] else 503)


@router.both("GET", "/metrics", summary="Metrics in Prometheus' text format", response_class=Response)
def prometheus_metrics() -> Response:
    """Of this process, or of all of them when PROMETHEUS_MULTIPROC_DIR is set."""
    body, kind = exposition()
    return Response(body, headers={"Content-Type": kind})


def readiness(request: Request) -> dict[str, Any]:
    """{ready, ...} with a reason for whatever is not."""
    try:
        return services(request).readiness()
    except NotReady as error:
        return {"ready": False, "reason": str(error)}


def memory() -> float:
    """The most memory this process has held, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3), 1)
