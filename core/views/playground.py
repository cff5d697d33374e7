"""Playground: one match, one model, at once or through the queue; the answer for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

import pandas as pd

from core.clock import from_iso
from core.football.outcomes import Outcome, Probabilities
from core.views.words import count, duration, sentence
from core.vocabulary import STAGES

STAGE_WORDS = {stage: stage.capitalize() for stage in STAGES}
FINAL = {"SUCCESS", "FAILURE", "REVOKED", "EXPIRED"}
LONGEST_ID = 64


def upcoming(features: pd.DataFrame) -> pd.DataFrame:
    """The matches to come of a MATCH_FEATURES table, the next kick-off first."""
    return features[features["is_future"]].sort_values(["match_date", "startTimeUtc", "homeTeamName"], kind="stable")


def options(features: pd.DataFrame, zone: tzinfo, also: int | None) -> dict[int, str]:
    """What can be chosen: match ids and how each is named; the matches to come, and `also` even when it was played."""
    matches = upcoming(features)
    if also is not None and also in features.index and also not in matches.index:
        matches = pd.concat([features.loc[[also]], matches])
    columns = matches[["homeTeamName", "awayTeamName", "competition", "startTimeUtc", "match_date"]].itertuples(name=None)
    return {int(key): f"{home} v {away}, {_when(start, date, zone)}, {league}" for key, home, away, league, start, date in columns}


def _when(start: Any, date: Any, zone: tzinfo) -> str:
    if pd.isna(start):
        return f"{date:%a} {date.day} {date:%B}"
    local = start.to_pydatetime().astimezone(zone)
    return f"{local:%a} {local.day} {local:%B} {local:%H:%M}"


@dataclass(frozen=True)
class Asked:
    """The match that the address names: its id, or None and a sentence that says why not."""

    match_id: int | None
    problem: str = ""


def asked_for(text: str | None, features: pd.DataFrame, present: Callable[[int], int] = int) -> Asked:
    """`present` gives the id that a match has now, for one that it may have had before."""
    if text is None or not text.strip():
        return Asked(None)
    shown = text.strip()[:40]
    if not (shown.isascii() and shown.isdigit() and len(shown) <= 16):
        return Asked(None, f"“{shown}” is not the number of a match. Choose a match below.")
    match_id = present(int(shown))
    if match_id not in features.index:
        return Asked(None, f"There is no match {shown} in the latest forecasts. Choose a match below.")
    return Asked(match_id)


def task_problem(task_id: str) -> str | None:
    """Why this cannot be the id of a task, or None when it may be one."""
    if len(task_id) <= LONGEST_ID and task_id.isascii() and task_id.replace("-", "").isalnum():
        return None
    return f"“{task_id[:40]}” is not the id of a task. Queue a forecast below to get one."


@dataclass(frozen=True)
class TaskView:
    """A task while it goes its way: its state and what that means; `final` once it will not change any more."""

    state: str
    meaning: str
    final: bool
    good: bool
    progress: float | None
    result: dict[str, Any] | None


def task_view(task: Mapping[str, Any], now: datetime) -> TaskView:
    """`task` has the shape of /monitoring/task_status; `now` is the real time."""
    status = str(task["status"])
    meaning = _MEANINGS.get(status, _unknown)(task, now)
    result = task.get("result") if status == "SUCCESS" else None
    return TaskView(status.capitalize(), meaning, status in FINAL, status == "SUCCESS", task.get("progress"), result)


def _since(task: Mapping[str, Any], name: str, now: datetime) -> str:
    moment = task.get(name)
    return duration((now - from_iso(moment)).total_seconds()) if moment else "a moment"


def _reason(task: Mapping[str, Any]) -> str:
    error = task.get("error") or {}
    return sentence(str(error.get("message") or str(error.get("kind") or "nobody wrote down why").replace("_", " ")))


def _succeeded(task: Mapping[str, Any], now: datetime) -> str:
    created, finished = task.get("created_at"), task.get("finished_at")
    took = duration((from_iso(finished) - from_iso(created)).total_seconds()) if created and finished else "a moment"
    return f"Done, {took} after it was asked."


def _unknown(task: Mapping[str, Any], now: datetime) -> str:
    return "In a state that this page does not know."


_MEANINGS: dict[str, Callable[[Mapping[str, Any], datetime], str]] = {
    "PENDING": lambda task, now: f"Waiting in the queue for {_since(task, 'created_at', now)}.",
    "STARTED": lambda task, now: f"A worker is at it, for {_since(task, 'started_at', now)} now.",
    "RETRY": lambda task, now: f"It failed and is tried again by itself. {_reason(task)}",
    "LOST": lambda task, now: "Its worker died. It goes back into the queue by itself; nothing is lost.",
    "SUCCESS": _succeeded,
    "FAILURE": lambda task, now: f"It failed. {_reason(task)}",
    "REVOKED": lambda task, now: "It was taken back before it ended.",
    "EXPIRED": lambda task, now: "It waited too long and was not started. Queue it again.",
}


@dataclass(frozen=True)
class Answer:
    """A forecast as the service gave it, with what a person wants to see of it."""

    home: str
    away: str
    probabilities: Probabilities
    said: str
    source: str
    json: str


def answer(response: Mapping[str, Any], features: pd.DataFrame) -> Answer:
    """From a PredictResponse; team names from the features table, where the match is known."""
    chances = Probabilities(*(float(response[f"proba_{side}"]) for side in ("home", "draw", "away")))
    home, away = "Home", "Away"
    if response.get("match_id") in features.index:
        row = features.loc[response["match_id"]]
        home, away = str(row["homeTeamName"]), str(row["awayTeamName"])
    likely = {Outcome.HOME: f"{home} to win", Outcome.DRAW: "A draw", Outcome.AWAY: f"{away} to win"}[chances.likeliest]
    stage = STAGE_WORDS.get(response["model_stage"], response["model_stage"])
    said = f"{likely} is the likeliest, at {max(chances.percentages())}%."
    written = json.dumps(dict(response), indent=2, ensure_ascii=False)
    return Answer(home, away, chances, said, f"{stage} v{response['model_version']}", written)


def at_once_command(base: str, match_id: int, stage: str) -> str:
    """The same question for a shell; the key stays a variable."""
    return f'curl -H "X-API-Key: $KEY" \\\n"{base}/predict/{match_id}?stage={stage}"'


def queue_command(base: str, match_id: int, stage: str) -> str:
    body = json.dumps({"match_id": match_id, "stage": stage})
    return f'curl -H "X-API-Key: $KEY" -H "Content-Type: application/json" \\\n-d \'{body}\' \\\n"{base}/predict/async/"'


def status_command(base: str, task_id: str) -> str:
    return f"curl {base}/monitoring/task_status/{task_id}"


def queue_words(counts: Mapping[str, int]) -> str:
    """What somebody who asks now has before them."""
    waiting = sum(counts.get(state, 0) for state in ("PENDING", "RETRY", "LOST"))
    running = counts.get("STARTED", 0)
    return f"{count(waiting, 'task')} waiting, {running:,} running" if waiting or running else "the queue is empty"
