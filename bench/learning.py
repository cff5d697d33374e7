"""What learning costs: `python -m bench.learning [matches ...]`, by default 10,000, 100,000 and 1,000,000 made-up ones.

For each number: the features of all matches from nothing, those of one more day of results, the bytes that are kept between
the two; and once the fit of each recipe, and one forecast and its reasons by the model as it is served. Seconds are the
processor's, of one core.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from core.learning.features import build_on, labelled
from core.learning.gate import latency
from core.learning.memory import Memory
from core.learning.models import load_model
from core.learning.recipe import SERVED
from core.learning.training import fit, inputs
from core.tables import MATCHES

TEAMS = 20  # a league
LEAGUES = 40
ROUNDS = 2 * (TEAMS - 1)
FIRST_YEAR = 1981


def made_up(number: int) -> pd.DataFrame:
    """So many matches of forty leagues, or of as few as make a season of them: a round a week, goals by strengths of the teams."""
    random = np.random.default_rng(3)
    leagues = min(LEAGUES, max(1, number // (ROUNDS * TEAMS // 2)))
    a_round = leagues * TEAMS // 2
    rounds = -(-number // a_round)
    sides = np.array([random.permuted(np.arange(TEAMS)) for _ in range(rounds * leagues)]).reshape(rounds, leagues, TEAMS)
    teams = (sides + TEAMS * np.arange(leagues)[None, :, None]).reshape(rounds, a_round, 2)
    league = np.tile(np.repeat(np.arange(leagues), TEAMS // 2), rounds)[:number]
    home, away = teams.reshape(-1, 2)[:number].T
    turn = np.repeat(np.arange(rounds), a_round)[:number]
    strength = random.normal(0, 0.3, leagues * TEAMS)
    edge = strength[home] - strength[away]
    scored, conceded = random.poisson(np.exp(0.4 + edge / 2)), random.poisson(np.exp(0.15 - edge / 2))
    year = FIRST_YEAR + turn // ROUNDS
    day = pd.to_datetime(year.astype(str)) + pd.to_timedelta(212 + 7 * (turn % ROUNDS) + league % 2, unit="D")
    words = {"competition": "League", "country": "Nowhere", "round": "", "status": "finished"}
    codes = np.array([f"x{one}.1" for one in range(leagues)])[league]
    names = np.array([f"nowhere-team-{one}" for one in range(leagues * TEAMS)])
    ids = {"home_team_id": names[home], "away_team_id": names[away], "home_team": names[home], "away_team": names[away]}
    facts = {"match_id": np.arange(1, number + 1), "sex": 0, "leg": 1, "season": year.astype(str), "competition_code": codes, "date": day}
    scores = {"home_score": scored, "away_score": conceded, "label_ok": True, "neutral": False}
    unknown = pd.Series(pd.NaT, range(number), "datetime64[us, UTC]")
    return MATCHES.check(pd.DataFrame(facts | words | ids | scores).assign(kickoff_utc=unknown))


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.process_time()
    found = work()
    return time.process_time() - started, found


def features_of(number: int) -> pd.DataFrame:
    """Print what the features of so many matches cost; the features."""
    matches = made_up(number)
    today = (matches["date"].max()).date()
    before = matches.copy()
    last = before["date"] >= pd.Timestamp(today)
    before.loc[last, ["home_score", "away_score"]] = np.nan
    before.loc[last, "status"] = "scheduled"
    whole, (features, points) = timed(lambda: build_on(before, today, None))
    memory = Memory(points, features.set_index("match_id"))
    a_day, (found, _) = timed(lambda: build_on(matches, today + timedelta(days=1), memory))
    kept = sum(len(point.state) for point in points) / 1e6
    day = f"{a_day:.2f} s, {int(last.sum())} results"
    print(f"| {number:,} | {whole:.1f} s | {1e6 * whole / number:.0f} µs | {day} | {kept:.1f} MB |", flush=True)
    return found


def main(numbers: list[int]) -> None:
    print("| matches | features from nothing | a match | one more day | kept |\n| ---: | ---: | ---: | ---: | ---: |")
    tables = [features_of(number) for number in numbers]
    table = labelled(tables[0])
    print(f"\n| recipe, on {len(table):,} matches | fit | one forecast | its reasons |\n| --- | ---: | ---: | ---: |")
    for recipe in SERVED:
        taken, model = timed(lambda recipe=recipe: fit(recipe, table))
        served = load_model(model.to_files())
        row = inputs(table, served.features)[-1]
        reasons = min(timed(lambda served=served, row=row: served.explain(row))[0] for _ in range(20))
        print(f"| {served.title} | {taken:.1f} s | {max(latency(served).values()):.3f} ms | {1000 * reasons:.1f} ms |")


if __name__ == "__main__":
    main([int(one.replace(",", "")) for one in sys.argv[1:]] or [10_000, 100_000, 1_000_000])
