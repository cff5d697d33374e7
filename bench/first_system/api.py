"""Its API: a prediction at once is a task that the request waits for; a precomputed one is looked up in a frame."""

from __future__ import annotations

import hmac
import os
from typing import Annotated, Any

import pandas as pd
from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel

from bench.first_system import place
from bench.first_system.celery_app import predict as predict_task

TIMEOUT = 30.0


class PredictRequest(BaseModel):
    features: dict[str, Any]
    match_id: int | None = None


class PredictResponse(BaseModel):
    match_id: int | None
    predicted_class: int
    predicted_label: str
    proba_home: float
    proba_draw: float
    proba_away: float
    predicted_at: str


class Precomputed(BaseModel):
    match_id: int
    predicted_class: int
    predicted_label: str
    proba_home: float
    proba_draw: float
    proba_away: float


def checked(x_api_key: Annotated[str | None, Header()] = None) -> None:
    if x_api_key is None or not hmac.compare_digest(x_api_key, os.environ["FASTAPI_HEADER_TOKEN"]):
        raise HTTPException(401, "Missing or invalid X-API-Key header")


def table() -> pd.DataFrame:
    """One row a match, read once."""
    frame = pd.read_parquet(place.said(place.PREDICTIONS)).reset_index()
    return frame.drop_duplicates("match_id").set_index("match_id").sort_index()


app = FastAPI()
predictions = table()


@app.get("/healthz")
def health() -> dict[str, str]:
    return {"status": "alive"}


@app.post("/predict/", dependencies=[Depends(checked)])
def predict(request: PredictRequest) -> PredictResponse:
    answer = predict_task.apply_async((request.features, request.match_id)).get(timeout=TIMEOUT)
    return PredictResponse(**answer)


@app.get("/predict/precomputed/{match_id}", dependencies=[Depends(checked)])
def precomputed(match_id: int) -> Precomputed:
    if match_id not in predictions.index:
        raise HTTPException(404, "The match is not in the latest batch output")
    row = predictions.loc[match_id]
    return Precomputed.model_validate({"match_id": match_id, **row.to_dict()})
