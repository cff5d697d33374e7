"""What the REST routes take and give. Times are ISO 8601, UTC."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StringConstraints
from pydantic_core import PydanticCustomError

from core.football.live import Phase
from core.vocabulary import Stage, TaskState

StageName = Stage
Label = Literal["home_win", "draw", "away_win"]

CONTROL = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # but tab, line feed and carriage return

LONGEST = 2000  # characters of a reason

Chance = Annotated[float, Field(ge=0, le=1)]
OutcomeClass = Annotated[int, Field(ge=0, le=2, description="0 home win, 1 draw, 2 away win")]
Sex = Annotated[int, Field(ge=0, le=1, description="0 men, 1 women")]


def _integral(value: Any) -> Any:
    """7.0 is an integer in JSON; a text or a truth is none."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, Field(strict=True, ge=1, lt=2**53), BeforeValidator(_integral)]
Version = Annotated[int, Field(strict=True, ge=1, lt=2**31), BeforeValidator(_integral)]


def _words(text: Any) -> Any:
    if isinstance(text, str) and len(text) > LONGEST:  # as it was sent: blanks at its ends count, as the document says
        raise PydanticCustomError("words", f"must have at most {LONGEST} characters")
    if isinstance(text, str) and re.search(f"[{CONTROL}]", text):
        raise PydanticCustomError("words", "must hold no control characters but line breaks and tabs")
    return text


Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST, pattern=rf"^[^{CONTROL}]*[^\s{CONTROL}][^{CONTROL}]*$"),
    BeforeValidator(_words),
]


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=rf"^[^{CONTROL}]*[^\s{CONTROL}][^{CONTROL}]*$"),
    BeforeValidator(_words),
]


class Problem(BaseModel):
    """Every answer that is no success: a sentence for a person."""

    detail: str


class GateRefusal(Problem):
    """A promotion that is refused."""

    failing: list[str] = Field([], description="the checks of the gate that fail, the gravest first")


class Refusal(Problem):
    """A request that cannot be understood, or does not fit the model."""

    problems: dict[str, str] = Field(description="what is wrong, by where it stands: `body.match_id`, or a feature's name")


class Taken(BaseModel):
    """Bodies are exact: a field that is not known is refused."""

    model_config = ConfigDict(extra="forbid")


# Predictions


class PredictRequest(Taken):
    """The features of one match: exactly those that `/predict/model/info` lists for the stage."""

    features: dict[str, Any]
    match_id: Whole | None = None


class PredictResponse(BaseModel):
    match_id: int | None = None
    predicted_class: OutcomeClass
    predicted_label: Label
    proba_home: Chance
    proba_draw: Chance
    proba_away: Chance
    model_name: str | None = None
    model_version: int
    model_run_id: str | None = None
    model_stage: StageName
    features_computed_at: str | None = None
    predicted_at: str


class AsyncPredictRequest(Taken):
    match_id: Whole
    stage: StageName | None = Field(None, description="null means the champion")


class AsyncPredictResponse(BaseModel):
    """A task was taken: poll `status_url` until it has ended."""

    task_id: str
    status: TaskState
    status_url: str


class PrecomputedPredictResponse(BaseModel):
    match_id: int
    proba_home: Chance
    proba_draw: Chance
    proba_away: Chance
    predicted_class: OutcomeClass
    predicted_label: Label
    home_team_name: str | None = None
    away_team_name: str | None = None
    start_time_utc: str | None = None
    is_future: bool | None = None
    model_stage: StageName
    model_run_id: str | None = None
    model_version: int | None = None
    predictions_computed_at: str
    stale: bool = Field(description="whether the batch is older than it should be; it is served all the same")


class UpcomingMatch(BaseModel):
    match_id: int
    home_team: str
    away_team: str
    match_date: str
    kickoff_utc: str | None = Field(None, description="missing while only the day is known")
    competition: str | None = None
    competition_code: str | None = None
    country: str | None = None
    season: str | None = None
    round: str | None = None
    sex: Sex
    home_team_id: str | None = None
    away_team_id: str | None = None


class PredictionRow(BaseModel):
    """A row of predictions.parquet, named as there; what the file lacks is null."""

    match_id: int
    proba_home: Chance
    proba_draw: Chance
    proba_away: Chance
    predicted_class: OutcomeClass
    predicted_label: Label
    is_future: bool | None = None
    startTimeUtc: str | None = None
    homeTeamName: str | None = None
    awayTeamName: str | None = None
    model_run_id: str | None = None
    model_stage: str | None = None
    model_version: int | None = None
    likeliest_home: int | None = None
    likeliest_away: int | None = None
    expected_home: float | None = None
    expected_away: float | None = None
    expected_total: float | None = None
    in_sample: bool | None = None
    wide: bool | None = None


# Models


class FeatureInfo(BaseModel):
    name: str
    type: str


class ModelInfoResponse(BaseModel):
    model_name: str
    model_version: int
    model_stage: StageName
    model_run_id: str | None = None
    metrics: dict[str, float | None]
    params: dict[str, Any]
    features: list[FeatureInfo]
    loaded: bool
    registered_at: str | None = None


class PromoteRequest(Taken):
    """Make a version the champion, if the champion is still the one you looked at."""

    version: Version
    reason: Reason
    expected_champion: Version | None = Field(description="null when you expect that there is none")
    against_the_gate: StrictBool = Field(False, description="promote it although it fails checks of the gate, the leak test aside")
    who: Name | None = Field(None, description="name of the requester, kept in the audit log")


class RollbackRequest(Taken):
    reason: Reason
    who: Name | None = Field(None, description="name of the requester, kept in the audit log")


# Monitoring


class TaskError(BaseModel):
    """Why a task failed: a word for programs and a sentence for people."""

    kind: str
    message: str


class TaskStatus(BaseModel):
    """How a task stands. Poll until `status` is SUCCESS, FAILURE, REVOKED or EXPIRED."""

    task_id: str
    status: TaskState
    progress: float | None = Field(None, description="0 to 1, where the task says so")
    result: Any = None
    error: TaskError | None = None
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None


class DriftStatus(BaseModel):
    """The latest drift report in short; all null while there is none."""

    drift_score: float | None = Field(description="the share of features that drift")
    as_of: str | None = None
    model_version: int | None = None
    sentence: str | None = None
    hurts: bool | None = None
    features_checked: int | None = None
    features_drifting: list[str] | None = None
    window: dict[str, Any] | None = None
    realised: dict[str, Any] | None = None
    error: str | None = Field(None, description="why the latest report cannot be read")


class QueueState(BaseModel):
    active: int = Field(description="run now")
    scheduled: int = Field(description="wait for their next try")
    reserved: int = Field(description="wait for a worker")


class WorkerLoad(BaseModel):
    worker: str
    queue: str
    active: int
    current_task: str | None = None
    tasks_done: int


class QueueStats(QueueState):
    backend: str
    queues: dict[str, QueueState]
    workers: list[WorkerLoad]
    tasks: dict[str, int] = Field(description="how many tasks are in each state")


class WorkerInfo(BaseModel):
    worker: str
    queues: list[str]
    ping_age_seconds: float
    model_versions: dict[str, int]
    tasks_done: int
    current_task: str | None = None
    started_at: str
    host: str
    pid: int


class Part(BaseModel):
    """One thing that the app needs; `reason` also says what is the matter while it still serves."""

    ok: bool
    age_seconds: float | None = None
    reason: str | None = None


class Alive(BaseModel):
    status: Literal["alive"] = "alive"


class Readiness(BaseModel):
    ready: bool
    reason: str | None = None
    model: Part | None = None
    batch_files: Part | None = None
    worker: Part | None = None
    database: Part | None = None
    queue: Part | None = None


class Healthcheck(Readiness):
    alive: bool
    version: str
    memory_mb: float
    timeline: str | None = None
    versions: dict[str, int] | None = None
    files: dict[str, Part] | None = None
    notices: list[str] | None = None


# Matches


class MatchRaw(BaseModel):
    """A match as one source told it, as it is stored."""

    raw_id: int
    source: str
    source_ref: str
    observed_at: str
    payload_hash: str
    sex: Sex
    competition_raw: str
    competition_code: str
    country: str
    season_raw: str
    round_raw: str | None = None
    date_local: str
    time_local: str | None = None
    tz: str | None = None
    kickoff_utc: str | None = None
    kickoff_precision: str
    home_raw: str
    away_raw: str
    home_source_id: str | None = None
    away_source_id: str | None = None
    neutral: bool | None = None
    leg: int | None = None
    status_raw: str | None = None
    ft_home: int | None = None
    ft_away: int | None = None
    ht_home: int | None = None
    ht_away: int | None = None
    et_home: int | None = None
    et_away: int | None = None
    pen_home: int | None = None
    pen_away: int | None = None
    home_shots: int | None = None
    away_shots: int | None = None
    home_shots_on_target: int | None = None
    away_shots_on_target: int | None = None
    score_basis: str
    odds_json: str | None = None
    part: str | None = None
    superseded_at: str | None = None


class MatchRawLive(BaseModel):
    """What is shown of a match that is being played."""

    match_id: int
    source: str
    observed_at: str
    competition: str
    sex: Sex
    kickoff_utc: str | None = None
    home_team: str
    away_team: str
    status: Phase
    minute: int | None = None
    home_score: int | None = None
    away_score: int | None = None
    is_stale: bool
