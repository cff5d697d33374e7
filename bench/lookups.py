"""How long one lookup takes in the process: `python -m bench.lookups [rows ...]` prints a table, microseconds.

Each number is over 20,000 calls for random matches, timed one by one; the timer's own cost, about 0.1 microseconds, is in it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from core.clock import Clock
from core.serving.lookups import FeatureLookupService, PredictionLookupService

CALLS = 20_000
COLUMNS = 100
START = pd.Timestamp("2026-03-13T12:00", tz="UTC")


def names_and_times(rows: int) -> dict[str, pa.Array]:
    """What both files say of a match: 2,000 team names, kick-offs each quarter of an hour."""
    random = np.random.default_rng(2)
    teams = np.array([f"Team {number}" for number in range(2000)])
    start = START + pd.to_timedelta(15 * random.integers(-40_000, 400, rows), unit="min")
    return {
        "is_future": pa.array(start > START),
        "startTimeUtc": pa.array(start.as_unit("us")),
        "homeTeamName": pa.array(teams[random.integers(0, 2000, rows)]),
        "awayTeamName": pa.array(teams[random.integers(0, 2000, rows)]),
    }


def match_ids(rows: int) -> np.ndarray:
    return np.sort(np.unique(np.random.default_rng(1).integers(1, 2**52, rows * 2)))[:rows]


def write_predictions(path: Path, rows: int) -> None:
    chances = np.random.default_rng(3).dirichlet([3, 2, 2], rows)
    best = chances.argmax(axis=1)
    columns = {
        "match_id": match_ids(rows),
        **{f"proba_{name}": chances[:, place] for place, name in enumerate(("home", "draw", "away"))},
        "predicted_class": best,
        "predicted_label": np.array(["home_win", "draw", "away_win"])[best],
        **names_and_times(rows),
    }
    pq.write_table(pa.table(columns), path)


def write_features(path: Path, rows: int) -> None:
    random = np.random.default_rng(4)
    days = pa.array(np.full(rows, np.datetime64("2026-03-13", "us")))
    words = dict.fromkeys(
        ("competition", "competition_code", "country", "season", "round", "home_team_id", "away_team_id"), ["some words"] * rows
    )
    missing = pa.nulls(rows, pa.int64())
    lead = {"match_id": match_ids(rows), **names_and_times(rows), "match_date": days, **words, "sex": random.integers(0, 2, rows)}
    numbers = {f"diff_measure_{column}_w5": random.normal(size=rows) for column in range(COLUMNS)}
    pq.write_table(pa.table({**lead, "outcome_1x2": missing, "homeScore": missing, "awayScore": missing, **numbers}), path)


def quantiles(call: Callable[[int], object], wanted: list[int]) -> tuple[float, float]:
    """p50 and p99 of one call, microseconds."""
    taken = np.empty(len(wanted))
    for number, match_id in enumerate(wanted):
        start = time.perf_counter_ns()
        call(match_id)
        taken[number] = time.perf_counter_ns() - start
    return float(np.median(taken)) / 1000, float(np.quantile(taken, 0.99)) / 1000


def row(name: str, rows: int, call: Callable[[int], object]) -> str:
    wanted = [int(one) for one in np.random.default_rng(5).choice(match_ids(rows), CALLS)]
    start = time.perf_counter()
    assert call(wanted[0]) is not None
    first = time.perf_counter() - start
    middle, late = quantiles(call, wanted)
    return f"{name:28} {rows:>10,} {middle:>8.2f} {late:>8.2f} {first:>10.2f}"


def main() -> None:
    print(f"{'':28} {'rows':>10} {'p50 us':>8} {'p99 us':>8} {'load s':>10}")
    for rows in [int(given) for given in sys.argv[1:]] or [200_000, 1_000_000]:
        with tempfile.TemporaryDirectory() as folder:
            forecasts, features = Path(folder) / "predictions.parquet", Path(folder) / "match_features.parquet"
            write_predictions(forecasts, rows)
            print(row("get_prediction", rows, PredictionLookupService(forecasts, clock=Clock()).get_prediction), flush=True)
            write_features(features, rows)
            print(row(f"get_features, {COLUMNS} columns", rows, FeatureLookupService(features, clock=Clock()).get_features), flush=True)


if __name__ == "__main__":
    main()
