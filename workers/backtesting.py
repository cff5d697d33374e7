"""The backtest command: any file of matches in, forecasts walked forward through time out, and how good they were."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from core import vocabulary
from core.errors import LearningError, MatchesRefused, SoccerPredictError
from core.vocabulary import FORM5, JOINT_BOOSTED, SIX_RATINGS, recipe_id

if TYPE_CHECKING:
    import pandas as pd

    from core.football.scoring import Interval

RECIPES = (JOINT_BOOSTED, SIX_RATINGS, FORM5, vocabulary.ELO, "dixon-coles")
COLUMNS = ["date", "competition", "home_team", "away_team", "p_home", "p_draw", "p_away"]
PARQUET = (".parquet", ".pq")


def add_to(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("matches", type=Path, metavar="MATCHES", help="CSV or Parquet, a row for each match")
    parser.add_argument("--since", required=True, metavar="DATE", help="the first day that is forecast, such as 2024-08-01")
    parser.add_argument("--until", metavar="DATE", help="the first day that is not; without it, to the end")
    parser.add_argument("--recipe", type=recipe_id, choices=RECIPES, default=JOINT_BOOSTED)
    parser.add_argument("--out", type=Path, required=True, metavar="PREDICTIONS", help="CSV or Parquet, by its ending")
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    """0 when all went well, 1 when it did not, and a line says why."""
    started = time.perf_counter()
    try:
        told = _forecast(asked)
        write(told[COLUMNS], asked.out)
    except SoccerPredictError as error:
        print(error, file=sys.stderr)
        return 1
    print(report(told, asked.recipe))
    print(f"{len(told):,} forecasts are in {asked.out}; it took {time.perf_counter() - started:.1f} s.")
    return 0


def _forecast(asked: argparse.Namespace) -> pd.DataFrame:
    from core.learning.backtest import forecast
    from core.learning.match_file import checked

    since, until = _day(asked.since, "--since"), _day(asked.until, "--until") if asked.until else None
    if until and until <= since:
        raise LearningError(f"--until {until} is not after --since {since}. Choose a later day.")
    _ending(asked.out)
    logging.getLogger("lightgbm").setLevel(logging.ERROR)
    with Bar() as bar:
        return forecast(checked(read(asked.matches)), asked.recipe, since, until, bar.show)


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise LearningError(f"{option} {text!r} is no day. Write it as 2024-08-01.") from None


def _ending(path: Path) -> str:
    ending = path.suffix.lower()
    if ending != ".csv" and ending not in PARQUET:
        raise LearningError(f"{path} ends neither in .csv nor in .parquet. Give it one of these endings.")
    return ending


def read(path: Path) -> pd.DataFrame:
    """The file as it stands, CSV as text; MatchesRefused when it cannot be read."""
    import pandas as pd
    from pyarrow import ArrowException

    ending = _ending(path)
    try:
        if ending in PARQUET:
            return pd.read_parquet(path)
        return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError, ArrowException) as error:  # pandas' parser errors are ValueErrors
        if isinstance(error, pd.errors.EmptyDataError):
            raise MatchesRefused(f"{path} is empty. Give it a header and a row for each match.") from error
        raise MatchesRefused(f"{path} cannot be read: {error}. Give a CSV (UTF-8) or Parquet file of matches.") from error


def write(table: pd.DataFrame, path: Path) -> None:
    """By the path's ending; days as text in a CSV."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if _ending(path) in PARQUET:
            table.to_parquet(path, index=False)
        else:
            table.assign(date=table["date"].dt.strftime("%Y-%m-%d")).to_csv(path, index=False)
    except OSError as error:
        raise LearningError(f"Cannot write {path}: {error.strerror}. Choose a place that is writable.") from error


def report(told: pd.DataFrame, recipe: str) -> str:
    """How good the forecasts of played matches were, of each kind of football and of all, with 95% intervals by day."""
    played = told[told["outcome"] >= 0]
    fixtures = len(told) - len(played)
    lines = [f"{recipe}: {len(played):,} played matches" + (f", {fixtures:,} fixtures without a score" if fixtures else "")]
    if told["fresh"].any():
        lines.append(f"{int(told['fresh'].sum()):,} forecasts are wide: a side plays the first of its matches that is known")
    parts = [(str(kind), part) for kind, part in played.groupby("kind", sort=False)]
    for title, part in [("all", played), *(parts if len(parts) > 1 else [])]:
        if len(part):
            lines += [f"{title}, {len(part):,} matches", *_scores(part)]
    return "\n".join(lines)


def _scores(part: pd.DataFrame) -> list[str]:
    """The recipe's scores on some matches; then those of Elo with an ordered logit, and the recipe's less Elo's."""
    from core.football.evidence import perfect_calibration
    from core.football.scoring import MEASURES, block_interval, calibration_interval
    from core.learning.backtest import ELO, FORECAST

    chances, elo = part[FORECAST].to_numpy(), part[ELO].to_numpy()
    outcomes, days = part["outcome"].to_numpy("int64"), part["date"].to_numpy().astype("datetime64[D]").astype("int64")
    titles = {"rps": "RPS", "log_loss": "log loss", "accuracy": "accuracy"}
    lines = []
    for words, of in (("", [chances]), ("Elo, ", [elo]), ("less Elo, ", [chances, elo])):
        for name, title in titles.items():
            values = [MEASURES[name](said, outcomes) for said in of]
            lines.append(_line(words + title, block_interval(values[0] - values[1] if len(of) > 1 else values[0], days)))
        if not words:
            found = calibration_interval(chances, outcomes, days)
            lines.append(f"{_line('ECE', found)}; up to {perfect_calibration(chances):.4f} would be luck")
    return lines


def _line(title: str, found: Interval) -> str:
    return f"  {title:19s} {found.point:.4f}  [{found.low:.4f}, {found.high:.4f}]"


class Bar:
    """Progress on standard error: one line that is redrawn at a terminal, a line each tenth elsewhere."""

    WIDTH = 30

    def __init__(self) -> None:
        self._tenth = -1

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *problem: object) -> None:
        if sys.stderr.isatty():
            print(file=sys.stderr)

    def show(self, share: float, words: str) -> None:
        if sys.stderr.isatty():
            full = round(share * self.WIDTH)
            print(f"\r[{'#' * full}{'.' * (self.WIDTH - full)}] {share:4.0%} {words:60.60s}", end="", file=sys.stderr, flush=True)
        elif int(share * 10) > self._tenth:
            self._tenth = int(share * 10)
            print(f"{share:4.0%} {words}", file=sys.stderr, flush=True)
