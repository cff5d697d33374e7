"""How the tables of docs/forecasting.md are measured: files of matches for the backtest command, and forecasts beside closing odds.

    python -m bench.yardstick make FOLDER OUT         clubs.parquet (with shots), men.parquet, women.parquet, odds.parquet
    python -m workers.pipeline backtest OUT/clubs.parquet --since 2023-07-01 --until 2025-07-01 --out OUT/said.parquet
    python -m bench.yardstick compare OUT/said.parquet OUT/odds.parquet

FOLDER holds the files as their sources publish them, in any depth: openfootball's `football.json.zip`, football-data.co.uk's
`2425/E0.csv`, and `men/results.csv`, `women/results.csv` of the internationals with the tables beside them.
"""

from __future__ import annotations

import argparse
import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from core.errors import DocumentRefused
from core.football.matches import Teams
from core.football.merging import Version, merged
from core.football.naming import found, names
from core.football.raw import SHOTS, RawMatch
from core.football.scoring import block_interval, rps
from core.settings import PROJECT
from core.sources import football_data, international, openfootball, snapshot

LISTS = ("data/snapshot/team_aliases.csv", "data/teams/aliases.csv")
TOP_FIVE = ("eng.1", "esp.1", "ita.1", "ger.1", "fra.1")
CLOSING = ("AvgCH", "AvgCD", "AvgCA")  # the average of the market at kick-off
ROLES = {"results": "results", "goals": "goalscorers", "shootouts": "shootouts", "former": "former_names"}
KEY = ["date", "competition", "home_team", "away_team"]


def club_rows(folder: Path) -> Iterator[RawMatch]:
    """What openfootball and football-data.co.uk say; files that are refused as a whole are left out."""
    for path in sorted(folder.rglob("football.json.zip")):
        with zipfile.ZipFile(path) as files:
            for name in sorted(files.namelist()):
                yield from _read(openfootball.parse, name.removesuffix(".json"), files.read(name))
    for path in sorted(folder.rglob("[0-9][0-9][0-9][0-9]/*.csv")):
        if path.stem in football_data.DIVISIONS and "messy" not in path.parts:
            yield from _read(football_data.parse, f"{path.parent.name}/{path.stem}", path.read_bytes())


def _read(parse, name: str, content: bytes) -> Iterable[RawMatch]:  # noqa: ANN001
    try:
        return parse(name, content).rows
    except DocumentRefused:
        return ()


def clubs(rows: list[RawMatch]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row a match of both sources, as the backtest takes it; and the closing odds where they are told."""
    teams = known_teams(rows)
    latest = {(row.source, row.source_ref): row for row in rows}  # FOLDER may hold a season as it stood at several times
    told = {reference: json.loads(row.odds_json) for reference, row in latest.items() if row.odds_json}
    matches, odds = [], []
    for match in merged([Version(row, "2026-01-01T00:00:00Z") for row in latest.values()], teams)[0]:
        if match.status not in ("finished", "scheduled"):
            continue
        key = dict(zip(KEY, (pd.Timestamp(match.date), match.competition_code, match.home_team_id, match.away_team_id), strict=True))
        beside = next((told[ref] for ref in match.refs if ref in told), {})
        facts = {
            "season": match.season,
            "sex": "men",
            "neutral": match.neutral,
            "home_score": match.home_score,
            "away_score": match.away_score,
        }
        matches.append(key | facts | {name: getattr(match, name) for name in SHOTS})
        if all(beside.get(name) for name in CLOSING):
            odds.append(key | {name: float(beside[name]) for name in CLOSING})
    return pd.DataFrame(matches), pd.DataFrame(odds)


def known_teams(rows: list[RawMatch]) -> Teams:
    """The teams that are listed beforehand, and those that the rows name."""
    teams = Teams()
    for path in LISTS:
        for alias in snapshot.read_aliases(PROJECT / path):
            teams.add(alias.country, alias.sex, alias.canonical, alias.alias, alias.source)
    teams.complete()
    found(teams, names(rows))
    return teams


def nations(folder: Path, sex: int) -> pd.DataFrame:
    """The internationals of one sex, scores after 90 minutes where the goals' minutes are known."""
    (results,) = folder.rglob(f"{('men', 'women')[sex]}/results.csv")
    files = {role: results.with_name(f"{name}.csv") for role, name in ROLES.items()}
    rows = international.parse(sex, {role: path.read_bytes() for role, path in files.items() if path.is_file()}).rows
    columns = {
        "competition": "competition_raw",
        "home_team": "home_raw",
        "away_team": "away_raw",
        "home_score": "ft_home",
        "away_score": "ft_away",
    }
    table = pd.DataFrame([{name: getattr(row, column) for name, column in columns.items()} | {"neutral": row.neutral} for row in rows])
    dates = pd.to_datetime([row.date_local for row in rows])
    return table.assign(date=dates, sex=("men", "women")[sex]).drop_duplicates(KEY)


def make(folder: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    matches, odds = clubs(list(club_rows(folder)))
    tables = {"clubs": matches, "odds": odds, "men": nations(folder, 0), "women": nations(folder, 1)}
    for name, table in tables.items():
        table.to_parquet(out / f"{name}.parquet", index=False)
        print(f"{len(table):,} rows are in {out / name}.parquet")


def compare(said: Path, odds: Path) -> None:
    """RPS of forecasts and of the closing odds on the same matches of the top five leagues, and their ratio with its interval."""
    forecasts, market = pd.read_parquet(said), pd.read_parquet(odds)
    both = forecasts.merge(market, on=KEY).merge(pd.read_parquet(odds.with_name("clubs.parquet")), on=KEY)
    both = both[both["competition"].isin(TOP_FIVE) & both["home_score"].notna()]
    margin = (both["home_score"] - both["away_score"]).to_numpy(np.float64)
    outcomes = np.where(margin > 0, 0, np.where(margin == 0, 1, 2))
    inverse = 1 / both[list(CLOSING)].to_numpy(np.float64)
    ours = rps(both[["p_home", "p_draw", "p_away"]].to_numpy(np.float64), outcomes)
    theirs = rps(inverse / inverse.sum(axis=1, keepdims=True), outcomes)
    days = both["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    for title, values in (("forecasts", ours), ("closing odds", theirs)):
        interval = block_interval(values, days)
        print(f"{title:13s} RPS {interval.point:.4f}  [{interval.low:.4f}, {interval.high:.4f}]")
    low, high = ratio_interval(ours, theirs, days)
    print(f"forecasts / closing odds {ours.mean() / theirs.mean():.4f}  [{low:.4f}, {high:.4f}] on {len(ours):,} matches")


def ratio_interval(ours: np.ndarray, theirs: np.ndarray, days: np.ndarray, draws: int = 2000) -> tuple[float, float]:
    """The percentile bootstrap interval of a ratio of means, over whole match days."""
    _, member = np.unique(days, return_inverse=True)
    sums = [np.bincount(member, weights=values) for values in (ours, theirs)]
    picks = np.random.default_rng(1).integers(0, len(sums[0]), (draws, len(sums[0])))
    low, high = np.quantile(sums[0][picks].sum(axis=1) / sums[1][picks].sum(axis=1), [0.025, 0.975])
    return float(low), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.yardstick", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("make", "compare"))
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    asked = parser.parse_args()
    (make if asked.what == "make" else compare)(asked.first, asked.second)


if __name__ == "__main__":
    main()
