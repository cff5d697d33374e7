"""What every route needs: both spellings of a path, the key, the answer, and what was handed to the API."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response, Security
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from core.errors import NotReady
from workers.auth import SCHEME, authorise
from workers.labelled import TIMELINE
from workers.schemas import Problem, Refusal, StageName

if TYPE_CHECKING:
    from core.serving.services import Services
    from workers.jobs import Jobs

Route = TypeVar("Route", bound=Callable[..., Any])
Result = TypeVar("Result")
Answering = Callable[[Request], Coroutine[Any, Any, Response]]

PROBLEMS: Mapping[int, str] = {
    400: "The body is no JSON",
    401: "No key, or a wrong one",
    404: "There is no such thing",
    409: "Its state does not allow this, or its Idempotency-Key came before with another request",
    413: "The body is larger than 64 KiB",
    422: "What was asked cannot be understood, or does not fit the model",
    429: "Too many tasks wait already",
    503: "Something that is needed is away, or not there yet; `detail` says what, and what to do",
    504: "A model, or the batch, was still being read when the time was over",
}
WAIT = {"Retry-After": "seconds to wait before asking again"}
HEADERS: Mapping[int, Mapping[str, str]] = {401: {"WWW-Authenticate": "`ApiKey`"}, 429: WAIT, 503: WAIT, 504: WAIT}
VERSIONED = {"X-Model-Version": "the version of the model that was used; `unknown` where the batch names none"}
LABELLED = {TIMELINE: "`replay` or `real`: a forecast of a replay is none of the real record"}
MOST = 2**53 - 1


class Guarded(APIRoute):
    """A route that wants the key, before anything of the request is read."""

    def get_route_handler(self) -> Answering:
        answer = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            await authorise(request, (await services(request)).settings)
            return await answer(request)

        return guarded


class GuardedIfClosed(APIRoute):
    """One that wants it only where SOCCER_CLOSE_MONITORING says so."""

    def get_route_handler(self) -> Answering:
        answer = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            held: Services | None = getattr(request.app.state, "services", None)
            if held is not None and held.settings.close_monitoring:
                await authorise(request, held.settings)
            return await answer(request)

        return guarded


# What a route can answer because of its kind.
ALWAYS: Mapping[type[APIRoute], tuple[int, ...]] = {Guarded: (401, 503), GuardedIfClosed: (401,), APIRoute: ()}


class Router(APIRouter):
    """Routes of one subject. Each answers with and without the last slash, and is described once.

    Everything under /predict wants the key, and whatever changes something; /monitoring can be closed too.
    """

    def both(self, method: str, path: str, fails: Sequence[int] = (), versioned: bool = False, **options: Any) -> Callable[[Route], Route]:
        """`fails` are the statuses that it can answer beside those that every such route can; `versioned`: a model is used."""
        kind = self._kind(method)
        if kind is Guarded:
            options["dependencies"] = [Security(SCHEME)]
        statuses = {*fails, *ALWAYS[kind], *(() if method == "GET" else (400, 413, 422))}
        described: dict[int, dict[str, Any]] = {status: _problem(status) for status in sorted(statuses)}
        described[options.get("status_code", 200)] = {"headers": _headers(VERSIONED if versioned else {})}
        for status, more in options.get("responses", {}).items():
            described[status] = {"headers": _headers({}), **described.get(status, {}), **more}

        def add(function: Route) -> Route:
            bare = path.rstrip("/")
            options["responses"] = described
            options["operation_id"] = function.__name__
            for number, spelling in enumerate((path, bare if path.endswith("/") else bare + "/")):
                described_once = {} if number == 0 else {"include_in_schema": False}
                self.add_api_route(spelling, function, methods=[method], route_class_override=kind, **{**options, **described_once})
            return function

        return add

    def _kind(self, method: str) -> type[APIRoute]:
        if method != "GET" or self.prefix.startswith("/predict"):
            return Guarded
        return GuardedIfClosed if self.prefix.startswith("/monitoring") else APIRoute


def _problem(status: int) -> dict[str, Any]:
    model = Refusal if status == 422 else Problem
    return {"model": model, "description": PROBLEMS[status], "headers": _headers(HEADERS.get(status, {}))}


def _headers(described: Mapping[str, str]) -> dict[str, Any]:
    return {name: {"description": words, "schema": {"type": "string"}} for name, words in (LABELLED | dict(described)).items()}


async def apart(work: Callable[[], Result]) -> Result:
    """Do what needs memory only in a thread, but none of those that wait for the database, which may hang."""
    return await asyncio.to_thread(work)


class Answer(JSONResponse):
    """JSON that every parser takes: what is not finite is null."""

    def render(self, content: Any) -> bytes:
        try:
            return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        except ValueError:  # NaN, an infinity, or half a character that a caller sent
            return json.dumps(finite(content), separators=(",", ":")).encode()


def said(content: Any, version: int | None = None, status: int = 200, **headers: str) -> Answer:
    """An answer for which this model version was used; a file that names no version says so."""
    return Answer(content, status, {"X-Model-Version": "unknown" if version is None else str(version), **headers})


def finite(value: Any) -> Any:
    """The same with null for each number that JSON cannot say."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: finite(inner) for name, inner in value.items()}
    return [finite(inner) for inner in value] if isinstance(value, list | tuple) else value


# What a route asks for


async def services(request: Request) -> Services:
    """The process's services; NotReady until `api.state.services` is set."""
    found: Services | None = getattr(request.app.state, "services", None)
    if found is None:
        raise NotReady("The app is starting. Try again in a few seconds.")
    return found


async def jobs(request: Request) -> Jobs:
    """Where work is handed in; NotReady until `api.state.jobs` is set."""
    found: Jobs | None = getattr(request.app.state, "jobs", None)
    if found is None:
        raise NotReady("The app is starting. Try again in a few seconds.")
    return found


def _whole(text: Any) -> Any:
    """Digits only: neither `1.0` nor `1_000` is an id. One that is longer than any id names no match."""
    if not re.fullmatch(r"-?[0-9]+", str(text)):
        raise PydanticCustomError("whole_number", "must be a whole number")
    return int(text) if len(str(text)) < 20 else 0


def _day(text: Any) -> Any:
    if isinstance(text, str) and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        raise PydanticCustomError("day", "must be a day, such as 2026-03-14")
    return text


Held = Annotated[Any, Depends(services)]
Work = Annotated[Any, Depends(jobs)]
# Any whole number is an id that may exist; the range is for the document only.
MatchId = Annotated[int, BeforeValidator(_whole), Path(json_schema_extra={"minimum": 1, "maximum": MOST})]
Stage = Annotated[StageName, Query(description="which model: the alias in the registry")]
Day = Annotated[date, BeforeValidator(_day)]
Offset = Annotated[int, Field(ge=0, le=10**9)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="the same key gives the same task again; with another request it is refused with 409",
    ),
]
