"""The REST API. It is served beside the pages, or alone: `uvicorn workers.api:api`. The routes stand in `workers/routes`.

`api.state.services` and `api.state.jobs` are set by whoever starts the process: `app.py`, or `alone` below.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from core import errors
from core.errors import FeaturesRefused, GateNotPassed, PromotionRefused, SoccerPredictError
from workers.alone import opened
from workers.fixtures import Fixtures
from workers.heads import Heads
from workers.labelled import Labelled, timeline
from workers.limits import SmallBodies
from workers.observed import Observed
from workers.routes import docs, health, live, model, monitoring, predict, tasks
from workers.routes.shared import Answer
from workers.waiting import Waiting

VERSION = "0.1.0"

ABOUT = """
Routes under `/predict`, and whatever changes something, want the key in the header `X-API-Key`; `make run` says where it is.

**A forecast**: take a `match_id` from `/predict/matches/`, then ask `/predict/precomputed/{match_id}` for the forecast that was made
ahead, or `/predict/{match_id}` to have one made now. Class 0 is a home win, 1 a draw, 2 an away win.

**Long work** answers 202 with a `task_id` and a `status_url`. Ask that address every second or so until `status` is `SUCCESS`, `FAILURE`,
`REVOKED` or `EXPIRED`; `PENDING`, `STARTED`, `RETRY` and `LOST` go on by themselves. Send an `Idempotency-Key` of your own: whoever sends a
request again under the same key gets the same task.

**What goes wrong** is a sentence in `detail`; with 422 `problems` names each field. After 429, 503 and 504 wait as long as `Retry-After`
says, then ask again. Times are ISO 8601, UTC. `X-Timeline` says whether an answer is of the real record or of a `replay`.
"""

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
    "/redoc",
)
# In this order routes are looked for: what is asked most stands first.
SUBJECTS = (predict, model, health, tasks, monitoring, live, docs)

# The first that fits counts.
STATUS: tuple[tuple[type[SoccerPredictError], int], ...] = (
    (errors.TaskUnknown, 404),
    (errors.MatchUnknown, 404),
    (errors.AliasMissing, 404),
    (errors.FileMissing, 404),
    (errors.FeaturesRefused, 422),
    (errors.TaskStateError, 409),
    (errors.PromotionRefused, 409),
    (errors.KeyReused, 409),
    (errors.QueueFull, 429),
    (errors.UnknownStage, 503),
    (errors.NotReady, 503),
    (errors.QueueError, 503),
    (errors.StorageError, 503),
    (errors.SettingsError, 503),
)
RETRY_SECONDS = {429: "60", 503: "5"}
WORDS = {
    400: "The body is no JSON that can be read.",
    404: "There is nothing here. /docs shows every route.",
    405: "This path does not take this method. /docs shows every route.",
}
# So many problems of one request are named, each in so many letters.
NAMED, LETTERS = 100, 200


class Front:
    """Gives the API its paths, and all else to the app behind it. It stands before that app's own middleware."""

    def __init__(self, app: ASGIApp, api: ASGIApp) -> None:
        self.app, self.api = app, api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ours = scope["type"] == "http" and is_ours(scope["path"])
        await (self.api if ours else self.app)(scope, receive, send)


def is_ours(path: str) -> bool:
    return f"/{path.split('/', 2)[1]}" in PREFIXES if "/" in path else False


async def _in_words(request: Request, error: Exception) -> Answer:
    status = next((status for kind, status in STATUS if isinstance(error, kind)), 500)
    headers = {"Retry-After": RETRY_SECONDS[status]} if status in RETRY_SECONDS else None
    return Answer({"detail": str(error)[:2000], **_details(error)}, status, headers)


def _details(error: Exception) -> dict[str, Any]:
    """What an answer says beside its sentence."""
    if isinstance(error, FeaturesRefused):
        return {"problems": _short(error.problems)}
    if isinstance(error, PromotionRefused):
        return {"failing": error.failing if isinstance(error, GateNotPassed) else []}
    return {}


async def _refused(request: Request, error: Exception) -> Answer:
    """Where it does not fit, and why; never what was sent, which may be a key."""
    assert isinstance(error, RequestValidationError)
    found = dict(_where_and_why(problem) for problem in error.errors())
    first = next(iter(found.items()), ("request", "cannot be understood"))
    more = "" if len(found) < 2 else f" And {len(found) - 1} more."
    return Answer({"detail": f"{first[0]}: {first[1]}.{more}"[:2000], "problems": _short(found)}, 422)


def _where_and_why(problem: Mapping[str, Any]) -> tuple[str, str]:
    if problem["type"] == "json_invalid":
        return "body", f"is no JSON that can be read: {problem['ctx']['error']} at character {problem['loc'][-1] + 1}"
    return ".".join(str(step) for step in problem["loc"]), str(problem["msg"])


async def _http(request: Request, error: Exception) -> Answer:
    assert isinstance(error, HTTPException)
    plain = error.status_code in WORDS and error.detail in ("Not Found", "Method Not Allowed", "There was an error parsing the body")
    return Answer({"detail": WORDS[error.status_code] if plain else error.detail}, error.status_code, error.headers)


async def _broken(request: Request, error: Exception) -> Answer:
    """The bug itself goes on to the log, loudly."""
    return Answer({"detail": "Something in the app is broken; its log says what."}, 500, timeline(request.scope))


def _short(problems: dict[str, str]) -> dict[str, str]:
    return {name[:LETTERS]: problem[:LETTERS] for name, problem in list(problems.items())[:NAMED]}


@asynccontextmanager
async def alone(made: FastAPI) -> AsyncIterator[None]:
    """What the API needs when it runs alone. Mounted in the app it is not called: the app wires it to its own services."""
    with opened() as (made.state.services, made.state.jobs):
        yield


def make_api(lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None) -> FastAPI:
    """The routes, without anything behind them yet."""
    made = FastAPI(
        title="SoccerPredictAI",
        version=VERSION,
        summary="Open football forecasts",
        description=ABOUT,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers=_handlers(),
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    made.add_middleware(SmallBodies)
    made.add_middleware(Labelled)
    made.add_middleware(Observed)
    made.add_middleware(Heads)
    made.state.waiting, made.state.fixtures = Waiting(), Fixtures()
    for subject in SUBJECTS:
        # As they stand: a router that is included looks for each route twice, which costs more than the answer does.
        made.router.routes.extend(subject.router.routes)
    return made


def _handlers() -> dict[int | type[Exception], Any]:
    return {SoccerPredictError: _in_words, RequestValidationError: _refused, HTTPException: _http, Exception: _broken}


api = make_api(alone)
