"""`python -m workers.pipeline backtest`: a file in, forecasts and their scores out, bad input refused with a sentence."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.installation import PATIENCE
from workers import pipeline
from workers.backtesting import COLUMNS, read

ROOT = Path(__file__).resolve().parent.parent.parent
MATCHES = ROOT / "tests" / "data" / "two_divisions.csv"
SINCE = "2023-10-20"


def backtest(matches, out, *more, since=SINCE):
    return pipeline.main(["backtest", str(matches), "--since", since, "--out", str(out), *more])


def test_the_command_writes_a_row_for_each_match_and_says_how_good_they_were(tmp_path, capsys):
    out = tmp_path / "new" / "forecasts.csv"
    assert backtest(MATCHES, out, "--recipe", "challenger") == 0
    found, given = pd.read_csv(out), pd.read_csv(MATCHES)
    assert list(found.columns) == COLUMNS == ["date", "competition", "home_team", "away_team", "p_home", "p_draw", "p_away"]
    key = COLUMNS[:4]
    wanted = given.loc[given["date"] >= SINCE, key].sort_values(key, ignore_index=True)
    assert found[key].sort_values(key, ignore_index=True).equals(wanted)
    chances = found[["p_home", "p_draw", "p_away"]].to_numpy()
    assert np.abs(chances.sum(axis=1) - 1).max() < 1e-9 and chances.min() >= 0.001
    told = capsys.readouterr()
    for title in ("RPS", "log loss", "accuracy", "ECE", "Elo, RPS", "Elo, log loss", "less Elo, RPS"):
        assert re.search(rf"^  {title} +-?\d\.\d{{4}}  \[-?\d\.\d{{4}}, -?\d\.\d{{4}}\]", told.out, re.MULTILINE), told.out
    assert re.search(r"it took \d+\.\d s", told.out) and "100% men's clubs: November 2023" in told.err


def test_csv_and_parquet_give_the_same_forecasts(tmp_path):
    pd.read_csv(MATCHES).assign(date=lambda table: pd.to_datetime(table["date"])).to_parquet(tmp_path / "matches.parquet")
    assert backtest(MATCHES, tmp_path / "one.csv", "--recipe", "baseline") == 0
    assert backtest(tmp_path / "matches.parquet", tmp_path / "two.parquet", "--recipe", "baseline") == 0
    one, two = pd.read_csv(tmp_path / "one.csv"), pd.read_parquet(tmp_path / "two.parquet")
    assert one[COLUMNS[1:4]].equals(two[COLUMNS[1:4]].astype(one[COLUMNS[1:4]].dtypes.to_dict()))
    assert np.array_equal(one[COLUMNS[4:]], two[COLUMNS[4:]])


def test_until_is_the_first_day_left_out(tmp_path):
    assert backtest(MATCHES, tmp_path / "out.csv", "--until", "2023-10-27", "--recipe", "baseline") == 0
    assert set(pd.read_csv(tmp_path / "out.csv")["date"]) == {"2023-10-20"}


def test_fixtures_alone_are_forecast_without_scores(tmp_path, capsys):
    table = read(MATCHES)
    table.loc[table["date"] >= SINCE, ["home_score", "away_score"]] = ""
    table.to_csv(tmp_path / "fixtures.csv", index=False)
    assert backtest(tmp_path / "fixtures.csv", tmp_path / "out.csv") == 0
    assert len(pd.read_csv(tmp_path / "out.csv")) == (table["date"] >= SINCE).sum()
    assert "0 played matches, 24 fixtures without a score" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("date,competition\n2024-01-01,x\n", "lacks sex, neutral"),
        ("date,competition,sex,neutral,home_team,away_team,home_score,away_score\n", "holds no match"),
        (
            "date,competition,sex,neutral,home_team,away_team,home_score,away_score\n2024-01-01,L,men,no,A,A,1,0\n",
            "row 1 (2024-01-01 A - A)",
        ),
    ],
)
def test_a_bad_file_is_refused_with_a_sentence_and_nothing_is_written(text, reason, tmp_path, capsys):
    (tmp_path / "bad.csv").write_text(text)
    assert backtest(tmp_path / "bad.csv", tmp_path / "out.csv") == 1
    assert reason in capsys.readouterr().err and not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("matches", "out", "more", "reason"),
    [
        ("absent.csv", "out.csv", (), "cannot be read"),
        (MATCHES, "out.txt", (), "ends neither in .csv nor in .parquet"),
        (MATCHES, "out.csv", ("--until", "2023-01-01"), "is not after --since"),
        (MATCHES, "out.csv", ("--until", "soon"), "--until 'soon' is no day"),
    ],
)
def test_what_was_asked_wrongly_is_told(matches, out, more, reason, tmp_path, capsys):
    assert backtest(tmp_path / matches, tmp_path / out, *more) == 1
    assert reason in capsys.readouterr().err


def test_the_stages_are_still_asked_for_as_before():
    parser = pipeline._parser()
    assert [parser.parse_args(words).stage for words in ([], ["run"], ["train"], ["--force"])] == ["run", "run", "train", "run"]
    assert [parser.parse_args(words).force for words in ([], ["--force"], ["run", "--force"])] == [False, True, True]


def test_the_command_makes_no_home_and_no_work_files(tmp_path):
    asked = ["backtest", MATCHES, "--since", SINCE, "--recipe", "baseline", "--out", tmp_path / "o.csv"]
    command = [sys.executable, "-m", "workers.pipeline", *asked]
    environment = os.environ | {"SOCCER_HOME": str(tmp_path / "home")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0 and "Warning" not in done.stderr, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["o.csv"]
