"""Ours beside the first system's design, on the same model and body, in one run: `python -m bench.first_system`.

Both run at once and are asked in turns. The callers, all servers and all workers share this machine: compare, don't quote.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.api import Question, ask
from bench.first_system import swap
from bench.first_system.rig import Rig, both
from bench.tasks import processor_seconds
from core.errors import SoccerPredictError

ROUNDS = 2
Row = tuple[str, str, str, str, bool | None]


@dataclass
class Answers:
    """What one port answered in all rounds."""

    alone: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    per_processor: list[float] = field(default_factory=list)

    @property
    def p50(self) -> float:
        return statistics.median(self.alone) * 1e3

    @property
    def rate(self) -> float:
        return statistics.mean(self.rates)


def ask_both(rig: Rig, asked: Question, seconds: float) -> tuple[Answers, Answers]:
    """(first, ours), in turns."""
    found = {"first": Answers(), "ours": Answers()}
    for _ in range(ROUNDS):
        for name, answers in found.items():
            port, pid = getattr(rig, name), rig.processes[name].pid
            asyncio.run(ask(port, asked, 8, 0.5))
            answers.alone += asyncio.run(ask(port, asked, 1, seconds))
            before = processor_seconds(pid)
            many = len(asyncio.run(ask(port, asked, 8, seconds)))
            answers.rates.append(many / seconds)
            answers.per_processor.append(many / max(0.01, processor_seconds(pid) - before))
    return found["first"], found["ours"]


def round_trips(rig: Rig, name: str, arguments: dict[str, object], count: int) -> dict[str, float]:
    """p50 in milliseconds for each queue: handed in, run, and read from the ledger with all its rows committed; in turns."""

    def ours(queue: str) -> Callable[[], None]:
        jobs = rig.homes[queue]

        def run() -> None:
            task = jobs.wait(jobs.hand_in(name, arguments), 10)
            assert task["status"] == "SUCCESS", task

        return run

    ways = {"SQLite": ours("SQLite"), "Redis": ours("Redis"), "Celery": lambda: rig.celery(name, rig.homes["Celery"], arguments, 10.0)}
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(3):
        for way, run in ways.items():
            for number in range(count // 3 + 5):
                began = time.perf_counter()
                run()
                if number >= 5 or turn:
                    taken[way].append((time.perf_counter() - began) * 1e3)
                time.sleep(0.003)  # callers come one after another, not in one burst
    return {way: statistics.median(found) for way, found in taken.items()}


def sync_rows(rig: Rig, seconds: float) -> list[Row]:
    first, ours = ask_both(rig, rig.body, seconds)
    shorter, more = first.p50 / ours.p50, ours.rate / first.rate
    return [
        (
            "prediction over HTTP, 1 connection, p50",
            f"{first.p50:.2f} ms",
            f"{ours.p50:.2f} ms, {shorter:.1f}x shorter",
            "8x",
            shorter >= 8,
        ),
        ("the same, 8 connections", f"{first.rate:.0f}/s", f"{ours.rate:.0f}/s, {more:.1f}x more", "6x", more >= 6),
    ]


def precomputed_rows(rig: Rig, seconds: float) -> list[Row]:
    first, ours = ask_both(rig, rig.precomputed, seconds)
    core = statistics.mean(ours.per_processor)
    return [
        ("precomputed answer, 8 connections", f"{first.rate:.0f}/s", f"{ours.rate:.0f}/s", "2,000/s", ours.rate >= 2000),
        (
            "the same, for each second of the server's processor",
            f"{statistics.mean(first.per_processor):.0f}",
            f"{core:.0f}",
            "2,000",
            core >= 2000,
        ),
    ]


def queue_rows(rig: Rig, count: int) -> list[Row]:
    work = round_trips(rig, "predict_match", rig.arguments, count)
    nothing = round_trips(rig, "nothing", {}, count)
    celery = f"{work['Celery']:.2f} ms"
    rows: list[Row] = [
        (f"queued predict_match with its ledger, {way}, p50", celery, f"{work[way]:.2f} ms", f"{goal} ms, shorter", met)
        for way, goal, met in (
            ("SQLite", 12, work["SQLite"] <= 12 and work["SQLite"] < work["Celery"]),
            ("Redis", 4, work["Redis"] <= 4 and work["Redis"] < work["Celery"]),
        )
    ]
    for way in ("SQLite", "Redis"):
        rows.append(
            (f"a task that does nothing, with its ledger, {way}", f"{nothing['Celery']:.2f} ms", f"{nothing[way]:.2f} ms", "", None)
        )
    return rows


def swap_rows(rig: Rig) -> list[Row]:
    found = swap.measured(rig)
    enough = found.answers >= swap.LEAST and not found.failures
    return [
        ("promotion under load: answers, failures", "keeps the old model", f"{found.answers:,}, {found.failures}", "2,000, 0", enough),
        ("every process on the new version after", "a restart", f"{found.seconds:.1f} s", "5 s", found.seconds <= 5),
    ]


def told(row: Row) -> str:
    what, first, ours, goal, met = row
    return f"| {what} | {first} | {ours} | {goal} | {'' if met is None else 'yes' if met else 'NO'} |"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.first_system", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="for each figure over HTTP, twice")
    parser.add_argument("--count", type=int, default=240, help="round trips for each queue and task")
    given = parser.parse_args()
    began = time.monotonic()
    try:
        with both() as rig:
            rows = [*sync_rows(rig, given.seconds), *precomputed_rows(rig, given.seconds), *queue_rows(rig, given.count), *swap_rows(rig)]
    except SoccerPredictError as error:
        print(error, file=sys.stderr)
        return 2
    print("| what | first system | ours | goal | met |\n| --- | ---: | ---: | ---: | --- |")
    print("\n".join(told(row) for row in rows))
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"\n{os.cpu_count()} processors, load averages at the end {load}; {time.monotonic() - began:.0f} s in all.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
