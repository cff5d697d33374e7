"""Operations: what runs, what waits, what failed and why, what happened lately, how fresh everything is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, NamedTuple

import pandas as pd

from core.clock import from_iso
from core.views.charted import Verdict
from core.views.words import MISSING, ago, clock_time, count, duration, listed, sentence
from core.vocabulary import STAGES

Row = Mapping[str, Any]

QUEUES = {"ml": "single forecasts", "batch": "long work"}
STATES = {
    "PENDING": "Waiting",
    "STARTED": "Running",
    "RETRY": "To be tried again",
    "LOST": "Lost, queued again",
    "SUCCESS": "Done",
    "FAILURE": "Failed",
    "REVOKED": "Taken back",
    "EXPIRED": "Expired",
}
FILTERS = {"All": None, "Waiting": "PENDING", "Running": "STARTED", "Failed": "FAILURE", "Lost": "LOST"}
TASK_COLUMNS = {"task_id": "Id", "name": "Task", "state": "State", "asked": "Asked", "took": "Took", "tries": "Tries", "reason": "Reason"}
UNENDED = ("PENDING", "STARTED", "RETRY", "LOST")
ENDED_BADLY = ("FAILURE", "REVOKED", "EXPIRED")
TROUBLE = ("FAILURE", "LOST", "RETRY", "EXPIRED")
TASKS = {
    "predict_match": "Forecast one match",
    "get_model_info": "Say what a model is",
    "export_data_raw": "Export a table",
    "promote": "Promote a version",
    "rollback": "Roll back",
    "refresh": "Fetch what is new",
    "retrain": "Fit the models anew",
    "advance": "Move the replay’s clock",
    "score_file": "Score a file",
    "simulate_season": "Simulate a season",
}
# How far a run of the pipeline has come, by the last stage that it has behind it.
SO_FAR = {
    "starting": "it looks for what is new",
    "instance": "it takes the matches in",
    "ingest": "the matches are taken in",
    "featurize": "the ratings are worked out",
    "train": "the models are fitted",
    "register": "the models are registered",
    "batch_inference": "the forecasts are made",
    "monitor_drift": "drift is looked for",
    "publish": "it is published",
}
TABLES = {
    "raw_matches": "Matches, as each source told them",
    "matches": "Matches, as they are learnt from",
    "teams": "Teams",
    "team_aliases": "Names of teams",
    "quarantine": "Rows set aside",
    "forecasts": "Sealed forecasts",
    "audit": "Promotions and rollbacks",
    "drift_history": "Drift reports in short",
    "pipeline_runs": "Runs of the pipeline",
}
PROCESSES = {
    "web": "web process",
    "ml": "ml worker",
    "batch": "batch worker",
    "redis": "Redis server",
    "s3": "S3 server",
    "mlflow": "MLflow server",
}
RUNS = {"success": "Done", "running": "Running", "failed": "Failed", "lost": "Lost"}
SUPERVISOR = "supervisor"
# Kinds of notices: what stops tasks is the gravest; a replay is no fault, and of workers this page knows more itself.
STOPS_WORK = ("database", "locked", "queue")
TOLD_ELSEWHERE = ("replay", "worker")
AT_ONCE = timedelta(seconds=10)  # what starts so soon after the supervisor was started by it
STARTS = ("started", "restarted")


@dataclass(frozen=True)
class WorkerRow:
    name: str
    queue: str
    heartbeat: str
    late: bool
    models: str
    doing: str
    done: int


def worker_rows(workers: Iterable[Row], tasks: Sequence[Row], now: datetime) -> list[WorkerRow]:
    """The living workers. `now` is the real time; `tasks` give the name of what a worker is at."""
    names = {str(task["task_id"]): task_name(task) for task in tasks}
    rows = []
    for worker in workers:
        age = (now - from_iso(worker["heartbeat_at"])).total_seconds()
        versions = dict(worker["model_versions"])
        models = ", ".join(f"{stage} v{versions[stage]}" for stage in STAGES if stage in versions) or "no model"
        current = worker.get("current_task")
        doing = names.get(str(current), f"task {str(current)[:8]}") if current else "idle"
        heard = "now" if age < 1.5 else f"{duration(age)} ago"
        rows.append(WorkerRow(worker["worker"], worker["queue"], heard, age > 3, models, doing, int(worker["tasks_done"])))
    return rows


def task_name(task: Row) -> str:
    """What a task does, for people."""
    return TASKS.get(str(task["name"]), str(task["name"]))


@dataclass(frozen=True)
class TaskRow:
    task_id: str
    name: str
    state: str
    trouble: bool
    asked: str
    took: str
    tries: str
    reason: str


@dataclass(frozen=True)
class TaskChoice:
    """A task that something can be done about: `again`, it can be queued once more; `back`, it can be taken back."""

    words: str
    again: bool
    back: bool


def task_rows(tasks: Iterable[Row], now: datetime, zone: tzinfo) -> list[TaskRow]:
    """Recent tasks as they are shown; those in trouble with their reason."""
    return [
        TaskRow(
            task_id=task["task_id"],
            name=task_name(task),
            state=STATES.get(str(task["status"]), str(task["status"])),
            trouble=task["status"] in TROUBLE,
            asked=clock_time(from_iso(task["created_at"]), zone, now),
            took=_took(task, now),
            tries=_tries(task),
            reason=_reason(task),
        )
        for task in tasks
    ]


def choices(tasks: Iterable[Row], rows: Sequence[TaskRow]) -> dict[str, TaskChoice]:
    """What can be done about each of these tasks, by its id; one that is done is not among them. `rows` are the same tasks as shown."""
    found = {}
    for task, row in zip(tasks, rows, strict=True):
        again, back = task["status"] in ENDED_BADLY, task["status"] in UNENDED
        if again or back:
            found[row.task_id] = TaskChoice(f"{row.name}, {row.state.lower()}, asked {row.asked} ({row.task_id[:8]})", again, back)
    return found


def _took(task: Row, now: datetime) -> str:
    if not task.get("started_at"):
        return MISSING
    end = from_iso(task["finished_at"]) if task.get("finished_at") else now
    return duration((end - from_iso(task["started_at"])).total_seconds())


def _tries(task: Row) -> str:
    attempts, kills = int(task.get("attempts") or 0), int(task.get("kills") or 0)
    return f"{attempts}" + (f", worker died {kills}×" if kills else "")


def _reason(task: Row) -> str:
    error = task.get("error") or {}
    said = str(error.get("message") or str(error.get("kind") or "").replace("_", " "))
    if not said and task["status"] == "LOST":
        said = "its worker died; it goes back into the queue by itself"
    return sentence(said or _how_far(task))


def _how_far(task: Row) -> str:
    note = str(task.get("progress_note") or "")
    if task["status"] == "STARTED":
        return SO_FAR.get(note, note)
    came_of_it = task.get("result") or {}
    return "nothing was new" if task["status"] == "SUCCESS" and came_of_it.get("stages") == 0 else ""


@dataclass(frozen=True)
class Happening:
    when: str
    text: str
    bad: bool


def happenings(events: Iterable[Row], now: datetime, zone: tzinfo, limit: int = 8) -> list[Happening]:
    """What befell the processes, the latest first: a death and the next start of a process are one sentence.

    That the supervisor started everything is one too.
    """
    ordered = sorted(({**event, "at": from_iso(event["at"])} for event in events), key=lambda event: event["at"])
    stories: list[_Story] = []
    down: dict[str, _Story] = {}
    everything = datetime.min.replace(tzinfo=UTC)
    for event in ordered:
        if event["process"] == SUPERVISOR and event["event"] in STARTS:
            everything = event["at"]
        if event["event"] in STARTS and event["process"] in down:
            down.pop(event["process"]).back = event["at"]
        elif event["process"] == SUPERVISOR or event["event"] not in STARTS or event["at"] - everything > AT_ONCE:
            stories.append(_Story(event))
            if event["event"] == "died":
                down[event["process"]] = stories[-1]
    return [_told(story, now, zone) for story in reversed(stories)][:limit]


@dataclass
class _Story:
    event: Row
    back: datetime | None = None


def _told(story: _Story, now: datetime, zone: tzinfo) -> Happening:
    event = story.event
    when = clock_time(event["at"], zone, now)
    who = "Everything" if event["process"] == SUPERVISOR else f"The {_process(event['process'])}"
    text = f"{who} {_befell(event)} at {when}"
    if event["event"] in STARTS:
        return Happening(when, f"{text}.", bad=False)
    if story.back is not None:
        return Happening(when, f"{text} and was started again {duration((story.back - event['at']).total_seconds())} later.", bad=False)
    return Happening(when, f"{text}.", bad=event["event"] != "stopped")


def _befell(event: Row) -> str:
    """What happened, in a verb: the note of a death says how."""
    if event["event"] == "died":
        return str(event.get("note") or "died")
    return {"stopped": "was stopped", "started": "was started", "restarted": "was started again"}.get(event["event"], str(event["event"]))


def _process(name: str) -> str:
    kind, _, number = name.partition("-")
    return f"{PROCESSES.get(kind, kind)} {number}".strip()


def headline(
    workers: Sequence[WorkerRow], counts: Mapping[str, int], latest: Sequence[Happening], faults: Mapping[str, str] | None = None
) -> Verdict:
    """How things stand in one sentence, and the tasks by state below it. `faults`: by kind of notice, its title."""
    detail = ", ".join(f"{n:,} {STATES.get(state, state).lower()}" for state, n in counts.items() if n) or "No task was ever queued"
    waiting = sum(counts.get(state, 0) for state in ("PENDING", "RETRY", "LOST"))
    found = {kind: title for kind, title in (faults or {}).items() if kind not in TOLD_ELSEWHERE}
    gravest = next((found[kind] for kind in STOPS_WORK if kind in found), None)
    absent = [f"{queue} queue" for queue in QUEUES if queue not in {worker.queue for worker in workers}]
    if absent and gravest is None:
        held = f" {count(waiting, 'task')} {'waits' if waiting == 1 else 'wait'} until it is back; nothing is lost." if waiting else ""
        return Verdict(False, f"No worker serves the {listed(absent)}.{held}", f"{detail}. `make run` starts them.")
    if found:
        return Verdict(False, gravest or next(iter(found.values())), f"{detail}. What it means, and what to do, stands above.")
    troubled = [event for event in latest if event.bad]
    if troubled:
        return Verdict(False, troubled[0].text, f"{detail}.")
    queue = f"{count(waiting, 'task')} in the queue" if waiting else "nothing waits"
    return Verdict(True, f"All is well: {count(len(workers), 'worker')} at work, {queue}.", f"{detail}.")


@dataclass(frozen=True)
class FileRow:
    name: str
    meaning: str
    written: str
    rows: str
    problem: str


FILES = {
    "predictions.parquet": "Forecasts",
    "match_features.parquet": "Features",
    "matches.parquet": "Matches",
    "evaluation.parquet": "Evaluation",
    "drift.json": "Drift report",
    "scores.json": "Scores",
}


def file_row(name: str, written_at: datetime | None, rows: int | None, problem: str | None, now: datetime) -> FileRow:
    """One published file as it is held in memory; `problem` says why something newer could not be taken up, or that it is stale."""
    return FileRow(name, FILES.get(name, name), ago(written_at, now), MISSING if rows is None else f"{rows:,}", sentence(problem or ""))


@dataclass(frozen=True)
class SourceRow:
    name: str
    asked: str
    loaded: str
    problem: str


SOURCES = {
    "openfootball": "openfootball",
    "international_men": "Internationals, men",
    "international_women": "Internationals, women",
    "openligadb": "OpenLigaDB",
    "football_data": "football-data.co.uk",
    "my_league": "My league",
}


def source_rows(documents: Iterable[Row], now: datetime) -> list[SourceRow]:
    """Each source that was ever asked: when it was last, how many of its documents are loaded, and what is the matter with one of them."""
    by_source: dict[str, list[Row]] = {}
    for document in documents:
        by_source.setdefault(str(document["source"]), []).append(document)
    return [_source(name, told, now) for name, told in by_source.items()]


def _source(name: str, told: Sequence[Row], now: datetime) -> SourceRow:
    last = max(from_iso(row["asked_at"]) for row in told)
    troubled = sorted((row for row in told if row["status"] in ("failed", "refused")), key=lambda row: str(row["asked_at"]))
    more = f" And {len(troubled) - 1} more." if len(troubled) > 1 else ""
    problem = sentence(str(troubled[-1]["reason"] or "")) + more if troubled else ""
    return SourceRow(SOURCES.get(name, name), ago(last, now), f"{sum(row['digest'] is not None for row in told):,}", problem)


@dataclass(frozen=True)
class RunRow:
    started: str
    took: str
    state: str
    good: bool
    note: str


def run_rows(runs: Iterable[Row], now: datetime, zone: tzinfo) -> list[RunRow]:
    """The pipeline's latest runs."""
    return [_run(run, now, zone) for run in runs]


def _run(run: Row, now: datetime, zone: tzinfo) -> RunRow:
    started, status = from_iso(run["started_at"]), str(run["status"]).lower()
    end = from_iso(run["finished_at"]) if run.get("finished_at") else None
    took = duration(((end or now) - started).total_seconds()) + ("" if end else " so far")
    good = status not in ("failed", "failure", "error", "lost")
    return RunRow(clock_time(started, zone, now), took, RUNS.get(status, status.capitalize()), good, sentence(str(run.get("note") or "")))


def chain_line(problem: str | None, sentence: str | None, checked_at: datetime | None, now: datetime) -> str:
    """How the record of sealed forecasts is: `sentence` is the outcome of the last check, `problem` the broken row that it names."""
    if sentence is None:
        return "Not checked yet: a worker of the batch queue does it within a minute of its start."
    return f"{sentence} Checked {ago(checked_at, now)}." + ("" if problem is None else " Run `make verify` to check again.")


class Fact(NamedTuple):
    part: str
    uses: str


def backends(addresses: Mapping[str, str], queue: str, store: str) -> list[Fact]:
    """What each part runs on. `addresses` are the settings' URLs of the database and the registry; no secret of them is shown."""
    registry = "MLflow server" if addresses["registry"].startswith("http") else f"MLflow, {_engine(addresses['registry'])}"
    return [
        Fact("Database", _engine(addresses["database"])),
        Fact("Task queue", f"Huey on {queue}"),
        Fact("Store", store[:1].upper() + store[1:]),
        Fact("Model registry", registry),
    ]


def _engine(address: str) -> str:
    scheme = address.partition(":")[0].partition("+")[0]
    return {"sqlite": "SQLite, one file", "postgresql": "PostgreSQL"}.get(scheme, scheme)


def table(rows: Sequence[Any], columns: Mapping[str, str]) -> pd.DataFrame:
    """Rows of one of these kinds as a frame; `columns` maps a field to the name people read."""
    return pd.DataFrame([[getattr(row, field) for field in columns] for row in rows], columns=list(columns.values()))
