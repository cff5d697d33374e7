"""The pipeline as commands: `python -m workers.pipeline` runs what changed, `... STAGE` runs one stage.

The whole of it is `dvc repro` under a lock, with a row in `pipeline_runs` when it starts and when it ends. A stage that
was started by hand, or by a bare `dvc repro`, takes the lock and writes its row itself.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import signal
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from core.clock import iso
from core.errors import FileMissing, SoccerPredictError
from core.settings import Settings, prepare_home
from core.storage import chain_check, pipeline_log, replay
from workers import backtesting, replaying, workspace
from workers.dvc_process import dvc
from workers.locking import LOCK, locked
from workers.log import configure, line
from workers.workplace import NO, TRAIN_CUT, UNPUBLISHED, WITHIN, Figures, Workplace

Work = Callable[[str, list[int]], int]  # takes the run's id and the locks that it holds; 0 when it went well
WHOLE, REFRESH, BACKTEST, RETRAIN, VERIFY = "run", "refresh", "backtest", "retrain", "verify"
# Where each stage stands. A run that finds nothing changed imports no more than it needs.
STAGES = {
    "instance": "workers.instance",
    "ingest": "workers.stages",
    "featurize": "workers.stages",
    "train": "workers.stages",
    "register": "workers.registration",
    "batch_inference": "workers.scoring",
    "monitor_drift": "workers.scoring",
    "publish": "workers.publishing",
}


def main(arguments: list[str] | None = None) -> int:
    """0 when all went well, 1 when it did not, and a line says why."""
    asked = _parser().parse_args(arguments)
    if asked.stage == BACKTEST:
        return int(asked.run(asked))
    configure("pipeline")
    try:
        settings = Settings.from_environment()
        if asked.stage == REFRESH and settings.refreshed != settings.timeline:
            os.environ["SOCCER_TIMELINE"] = settings.refreshed  # for the stages too
            settings = Settings.from_environment()
        place = Workplace(settings)
        if asked.stage in (WHOLE, RETRAIN):
            return _whole(place, asked.force, asked.stage == RETRAIN)
        if asked.stage == replaying.ADVANCE:
            return _advance(place, asked.to)
        if asked.stage == REFRESH:
            return _refresh(place)
        if asked.stage == replaying.PLAY:
            return _play(place, asked.speed)
        if asked.stage == VERIFY:
            return _verify(place)
        run = os.environ.get(WITHIN)
        return _one(place, asked.stage, run) if run else _alone(place, asked.stage)
    except SoccerPredictError as error:
        line("pipeline", level=logging.ERROR, stage=asked.stage, problem=str(error))
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workers.pipeline", description="Run the pipeline, or one of its stages.")
    parser.add_argument("--force", action="store_true", help="run every stage, changed or not")
    stages = parser.add_subparsers(dest="stage", metavar="stage", help="a stage; without one, all that changed")
    stages.add_parser(REFRESH, help="what is new at the sources, through to published forecasts")
    stages.add_parser(VERIFY, help="whether the chain of sealed forecasts is whole, and ends as it was published")
    for stage in (WHOLE, RETRAIN, *STAGES):
        stages.add_parser(stage).add_argument("--force", action="store_true", default=argparse.SUPPRESS)
    parser.set_defaults(stage=WHOLE)
    replaying.add_to(stages.add_parser(replaying.ADVANCE, help="move the replay's clock, and run what follows from that"))
    replaying.add_play_to(stages.add_parser(replaying.PLAY, help="let the replay's clock run; the workers of `make run` play"))
    backtesting.add_to(stages.add_parser(BACKTEST, help="how well a recipe forecasts the matches of any file"))
    return parser


def _one(place: Workplace, stage: str, run: str) -> int:
    """One stage, with one line in the log; a problem is noted in the run's row."""
    started = time.perf_counter()
    try:
        work: Callable[[Workplace], Figures] = getattr(importlib.import_module(STAGES[stage]), stage)
        figures = work(place)
    except SoccerPredictError as error:
        line("stage", level=logging.ERROR, run=run, stage=stage, seconds=_since(started), problem=str(error))
        pipeline_log.remark(place.database, run, f"{stage}: {error}")
        return 1
    line("stage", run=run, stage=stage, seconds=_since(started), **figures)
    return 0


def _alone(place: Workplace, stage: str) -> int:
    return _recorded(place, stage, lambda run, _: _one(place, stage, run))


def _play(place: Workplace, speed: float) -> int:
    place.database.create()
    stands = replaying.play(place.settings, place.database, speed)
    line("replay", moment=iso(stands.moment), speed=stands.speed)
    return 0


def _verify(place: Workplace) -> int:
    """Print how the chain of the current timeline is; 1 when it is broken."""
    url = place.settings.database_url
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).is_file():
        raise FileMissing(f"There is no database {url.removeprefix('sqlite:///')} yet, so nothing was sealed. `make run` makes it.")
    place.database.create()
    check = chain_check.run(place.database, place.store)
    print(check.sentence(place.settings.timeline), flush=True)
    return 0 if check.problem is None else 1


def _whole(place: Workplace, force: bool, retrain: bool = False) -> int:
    """All stages that changed. `retrain`: models learn from all that was played before today."""

    def repro(run: str, locks: list[int]) -> int:
        if retrain:
            pipeline_log.note(place.database, TRAIN_CUT, place.now.date().isoformat())
        return dvc(place, run, locks, "repro", *(["--force"] if force else []))

    return _recorded(place, "whole pipeline", _to_its_end(place, repro))


def _advance(place: Workplace, to: str) -> int:
    """A replay's clock moved, and what follows from that: without a refit within a month."""
    from workers import renewing

    def moved(run: str, locks: list[int]) -> int:
        replaying.set_out(place.settings, place.database, to)
        ways = _ways(place, run, locks)
        # Back at the start, what was learnt later is not known.
        on = to != replaying.START and renewing.can_renew(place)
        return renewing.renew(ways["stage"], ways["commit"]) if on else int(ways["repro"]())

    return _recorded(place, f"clock to {to}", _to_its_end(place, moved))


def _to_its_end(place: Workplace, work: Work) -> Work:
    """The work of a whole run, and its end in one line. The clock of a replay has arrived then; when the run failed or was
    stopped, it stays where it was.
    """

    def run_through(run: str, locks: list[int]) -> int:
        started, code = time.perf_counter(), 1
        try:
            code = work(run, locks)
        finally:
            _settle(place, code)
            level, status = (logging.ERROR, "failed") if code else (logging.INFO, "done")
            line("pipeline", level=level, run=run, seconds=_since(started), status=status)
        return code

    return run_through


def _settle(place: Workplace, code: int) -> None:
    if place.settings.clock.moment is not None:
        (replay.turn_back if code else replay.arrive)(place.database, place.settings.clock.moment)
    elif not code:
        pipeline_log.note(place.database, UNPUBLISHED, NO)


def _refresh(place: Workplace) -> int:
    """What is new at the sources, through to published forecasts; on a replay, which has no sources, all stages that changed."""
    if place.settings.timeline == "replay":
        return _whole(place, force=False)

    from workers import renewing

    return _recorded(place, "refresh", _to_its_end(place, lambda run, locks: renewing.refresh(place, **_ways(place, run, locks))))


def _ways(place: Workplace, run: str, locks: list[int]) -> dict[str, Any]:
    """How a run does its work: `stage` one stage here, `repro` what changed by DVC, `commit` telling DVC what was made here."""
    from workers.renewing import RENEWED

    return {
        "stage": lambda name: _one(place, name, run),
        "repro": lambda: dvc(place, run, locks, "repro"),
        "commit": lambda: dvc(place, run, locks, "commit", "--force", *RENEWED),
    }


def _recorded(place: Workplace, note: str, work: Work) -> int:
    """Hold the lock and do the work, which is told the run's id and the lock's descriptors; a row when it starts and ends."""
    prepare_home(place.settings)
    place.database.create()
    run, code = str(uuid.uuid4()), 1
    signal.signal(signal.SIGTERM, _leave)
    with locked(place.settings.folder / LOCK, place.work / LOCK) as locks:
        workspace.enter(place)
        pipeline_log.begin(place.database, run, note)
        try:
            code = work(run, locks)
        finally:
            pipeline_log.end(place.database, run, pipeline_log.FAILED if code else pipeline_log.SUCCESS)
    return code


def _leave(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 2)


if __name__ == "__main__":
    sys.exit(main())
