"""Forecasts: made ahead, made now, and handed to a worker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.exceptions import HTTPException
from fastapi.responses import StreamingResponse

from core.clock import iso
from core.errors import MatchUnknown, UnknownStage
from core.metrics import PREDICTION_REQUESTS
from core.vocabulary import CHAMPION
from workers.fixtures import Wanted
from workers.routes.shared import Answer, Day, Held, IdempotencyKey, MatchId, Offset, Router, Stage, Work, apart, said
from workers.routes.tasks import accepted
from workers.schemas import (
    AsyncPredictRequest,
    AsyncPredictResponse,
    PrecomputedPredictResponse,
    PredictionRow,
    PredictRequest,
    PredictResponse,
    Sex,
    UpcomingMatch,
)

router = Router(prefix="/predict", tags=["forecasts"])

AT_ONCE = 500
# What a precomputed forecast tells, and the column it comes from.
TOLD = {
    **{name: name for name in ("match_id", "proba_home", "proba_draw", "proba_away", "predicted_class", "predicted_label", "is_future")},
    **{name: name for name in ("model_stage", "model_run_id", "model_version")},
    "home_team_name": "homeTeamName",
    "away_team_name": "awayTeamName",
    "start_time_utc": "startTimeUtc",
}


@router.both("GET", "/matches/", fails=(422,), response_model=list[UpcomingMatch], summary="The matches to come, by kick-off")
async def list_upcoming_matches(
    request: Request,
    services: Held,
    league: Annotated[str | None, Query(max_length=200, description="words of its name, or its code")] = None,
    team: Annotated[str | None, Query(max_length=200, description="words that begin words of a team's name; accents do not matter")] = None,
    date_from: Day | None = None,
    date_to: Day | None = None,
    sex: Annotated[Sex | None, Query()] = None,
    limit: Annotated[int | None, Query(ge=1, le=100_000)] = None,
    offset: Annotated[Offset, Query()] = 0,
) -> Answer:
    """Each id is accepted by `/predict/{match_id}`."""
    wanted = Wanted(league, team, date_from, date_to, sex)

    def listed() -> Answer:
        found = request.app.state.fixtures.among(services.features.held(), wanted, services.clock.now())
        return Answer(found[offset:] if limit is None else found[offset : offset + limit])

    return await apart(listed)


@router.both("GET", "/predictions/", fails=(422,), response_model=list[PredictionRow], summary="All rows of the batch, for diagnosis")
async def list_predictions(
    services: Held, limit: Annotated[int | None, Query(ge=1, le=10**9)] = None, offset: Annotated[Offset, Query()] = 0
) -> StreamingResponse:
    """Every match and model version, past and to come."""
    await apart(services.predictions.held)
    rows = services.predictions.rows(limit, offset)
    return StreamingResponse(_as_json(rows), media_type="application/json")


async def _as_json(rows: Iterator[Any]) -> AsyncIterator[bytes]:
    """The rows as one JSON list, some at a time: a large batch is never held as text, nor mixed with the next one."""
    yield b"["
    before = b""
    while some := await apart(lambda: Answer(list(islice(rows, AT_ONCE))).body[1:-1]):
        yield before + some
        before = b","
    yield b"]"


@router.both("POST", "/", fails=(504,), versioned=True, response_model=PredictResponse, summary="Forecast from features, at once")
async def predict(request: Request, asked: PredictRequest, services: Held, stage: Stage = CHAMPION) -> Answer:
    """The features must be exactly those that `/predict/model/info` lists for the stage."""
    await _models_read(request, services)
    answer = services.models.predict(asked.features, asked.match_id, stage=stage)
    PREDICTION_REQUESTS.labels("features", stage).inc()
    return said(answer, answer["model_version"])


@router.both(
    "POST", "/async/", fails=(404, 409, 429), status_code=202, response_model=AsyncPredictResponse, summary="Let a worker forecast"
)
def predict_async(asked: AsyncPredictRequest, services: Held, jobs: Work, idempotency_key: IdempotencyKey = None) -> Answer:
    """Answers at once; poll `status_url`."""
    stage, listed = asked.stage or CHAMPION, services.settings.stages
    if stage not in listed:
        raise UnknownStage(stage, listed)
    held = services.features.held()
    match_id = services.match_ids.present(asked.match_id)
    features = held.value.row(match_id)
    if features is None:
        raise MatchUnknown(match_id)
    task_id = jobs.predict_match(match_id, features, held.written_at, stage, idempotency_key)
    PREDICTION_REQUESTS.labels("queue", stage).inc()
    return accepted(jobs, task_id, idempotency_key is not None)


@router.both("GET", "/async/", include_in_schema=False)
async def not_by_get() -> None:
    """Otherwise `async` would be taken for a match."""
    raise HTTPException(405, headers={"Allow": "POST"})


@router.both(
    "GET",
    "/precomputed/{match_id}",
    fails=(404, 422, 504),
    versioned=True,
    response_model=PrecomputedPredictResponse,
    summary="The champion's forecast that was made ahead",
)
async def predict_precomputed(request: Request, match_id: MatchId, services: Held) -> Answer:
    """From memory only: no task, no model, no registry."""
    predictions = services.predictions
    if predictions.peek() is None:
        await request.app.state.waiting.until("batch of forecasts", predictions.held, services.settings.sync_timeout)
    told = predictions.tell(services.match_ids.present(match_id))
    if told is None:
        raise MatchUnknown(match_id)
    PREDICTION_REQUESTS.labels("precomputed", CHAMPION).inc()
    answer = {name: told.row[column] for name, column in TOLD.items()}
    answer |= {"predictions_computed_at": iso(told.computed_at), "stale": told.stale}
    return said(answer, told.row["model_version"])


@router.both(
    "GET",
    "/{match_id}",
    fails=(404, 422, 504),
    versioned=True,
    response_model=PredictResponse,
    summary="Forecast a match of the batch, at once",
)
async def predict_by_match_id(request: Request, match_id: MatchId, services: Held, stage: Stage = CHAMPION) -> Answer:
    """From the match's features, which the answer dates."""
    await _models_read(request, services)
    if services.features.peek() is None:
        await request.app.state.waiting.until("batch of features", services.features.held, services.settings.sync_timeout)
    answer = services.models.predict_row(services.match_ids.present(match_id), stage)
    PREDICTION_REQUESTS.labels("match", stage).inc()
    return said(answer, answer["model_version"])


async def _models_read(request: Request, services: Any) -> None:
    """Wait for the models when this process has none yet; once it has some, a stage without one says so at once."""
    if not services.models.versions():
        await request.app.state.waiting.until("models", services.models.load, services.settings.sync_timeout)
