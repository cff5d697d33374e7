"""A table of matches from anybody's file: every row checked, and refused by its number and the reason."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import numpy as np
import pandas as pd

from core.errors import MatchesRefused
from core.football.raw import SHOTS

NEEDED = ("date", "competition", "sex", "neutral", "home_team", "away_team", "home_score", "away_score")
MOST_GOALS, MOST_SHOTS = 50, 150  # of one side; the record of a full international is 31
FIRST_YEAR, LAST_YEAR = 1863, 2200
SEXES = {"men": 0, "man": 0, "male": 0, "m": 0, "0": 0, "0.0": 0, "women": 1, "woman": 1, "female": 1, "w": 1, "f": 1, "1": 1, "1.0": 1}
TRUTHS = {"true": 1.0, "t": 1.0, "yes": 1.0, "1": 1.0, "1.0": 1.0, "false": 0.0, "f": 0.0, "no": 0.0, "0": 0.0, "0.0": 0.0}
SHOWN = 10
_DAY = re.compile(r"^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}.*)?$")
Problem = tuple[int, str]


def checked(given: pd.DataFrame) -> pd.DataFrame:
    """The matches with `date` as a day, `sex` 0 or 1, numbers as float64 and the optional columns filled in; other columns
    are left out and the rows keep their order. MatchesRefused names every wrong row, counted from 1.
    """
    table = given.rename(columns=lambda name: str(name).strip().lower()).reset_index(drop=True)
    missing = [name for name in NEEDED if name not in table.columns]
    if missing:
        raise MatchesRefused(f"The file lacks {', '.join(missing)}. Give it the columns {', '.join(NEEDED)}.")
    twice = sorted(set(table.columns[table.columns.duplicated()]) & {*NEEDED, *SHOTS, "season"})
    if twice:
        raise MatchesRefused(f"The file has more than one column {', '.join(twice)}. Keep one of each.")
    if table.empty:
        raise MatchesRefused("The file holds no match. Give it a row for each match.")
    found, problems = _read(table)
    problems += [*_against_oneself(found), *_half_scores(found), *_duplicates(found)]
    if problems:
        raise MatchesRefused(_told(problems, table))
    return found.drop(columns=["_home_said", "_away_said"])


def _read(table: pd.DataFrame) -> tuple[pd.DataFrame, list[Problem]]:
    """The columns as what they should be, and what could not be read."""
    problems: list[Problem] = []
    found: dict[str, pd.Series] = {"date": _days(table["date"], problems)}
    for name in ("competition", "home_team", "away_team"):
        found[name] = _words(table[name])
        problems += [(row, f"{name} is empty") for row in _where(found[name] == "")]
    found["sex"] = _chosen(table["sex"], SEXES, "men or women", problems).astype("int64")
    found["neutral"] = _chosen(table["neutral"], TRUTHS, "true or false", problems).astype(bool)
    for name, most in (("home_score", MOST_GOALS), ("away_score", MOST_GOALS), *((name, MOST_SHOTS) for name in SHOTS)):
        found[name] = _counts(table[name], most, problems) if name in table.columns else pd.Series(np.nan, table.index)
    found["season"] = _words(table["season"]) if "season" in table.columns else pd.Series("", table.index)
    for side in ("home", "away"):
        found[f"_{side}_said"] = _text(table[f"{side}_score"]) != ""
    return pd.DataFrame(found), problems


def _where(wrong: pd.Series) -> list[int]:
    """The rows that are wrong."""
    rows: list[int] = np.flatnonzero(wrong.to_numpy(bool)).tolist()
    return rows


def _text(column: pd.Series) -> pd.Series:
    """As stripped text; a missing value is empty."""
    return column.astype("object").map(lambda value: "" if pd.isna(value) else str(value).strip())


def _words(column: pd.Series) -> pd.Series:
    return _text(column).map(lambda value: unicodedata.normalize("NFC", value))


def _days(column: pd.Series, problems: list[Problem]) -> pd.Series:
    text = _text(column)
    days = pd.to_datetime(text.where(text.str.match(_DAY)).str[:10], format="%Y-%m-%d", errors="coerce").astype("datetime64[us]")
    good = days.notna() & days.dt.year.between(FIRST_YEAR, LAST_YEAR)
    problems += [(row, f"date {text[row]!r} is no day such as 2025-08-16") for row in _where(~good)]
    return days.where(good)


def _chosen(column: pd.Series, known: dict[str, int] | dict[str, float], choices: str, problems: list[Problem]) -> pd.Series:
    text = _text(column)
    found = text.str.lower().map(known)
    problems += [(row, f"{column.name} {text[row]!r} is neither {choices}") for row in _where(found.isna())]
    return found.fillna(0)


def _counts(column: pd.Series, most: int, problems: list[Problem]) -> pd.Series:
    """Whole numbers from 0 to `most`, missing where nothing is said."""
    text = _text(column)
    found = pd.to_numeric(text.where(text != ""), errors="coerce").astype("float64")
    wrong = (text != "") & ~((found >= 0) & (found <= most) & (found % 1 == 0))
    problems += [(row, f"{column.name} {text[row]!r} is no whole number from 0 to {most}") for row in _where(wrong)]
    return found.where(~wrong)


def _against_oneself(found: pd.DataFrame) -> Iterator[Problem]:
    same = (found["home_team"] == found["away_team"]) & (found["home_team"] != "")
    yield from ((row, f"{found['home_team'][row]} plays against itself") for row in _where(same))


def _half_scores(found: pd.DataFrame) -> Iterator[Problem]:
    half = found["_home_said"] != found["_away_said"]
    yield from ((row, "only one side has a score") for row in _where(half))


def _duplicates(found: pd.DataFrame) -> Iterator[Problem]:
    key = ["date", "competition", "sex", "home_team", "away_team"]
    first = found.groupby(key, dropna=False).cumcount() > 0
    places = found.reset_index(names="_row").groupby(key, dropna=False)["_row"].transform("min")
    yield from ((row, f"the same match as row {places[row] + 1}") for row in _where(first) if pd.notna(found["date"][row]))


def _told(problems: list[Problem], table: pd.DataFrame) -> str:
    """The problems by row; row 1 stands below the header."""
    rows = sorted({row for row, _ in problems})
    lines = []
    for row in rows[:SHOWN]:
        match = f"{_short(table['date'][row])} {_short(table['home_team'][row])} - {_short(table['away_team'][row])}"
        lines.append(f"row {row + 1} ({match}): {', '.join(reason for place, reason in problems if place == row)}")
    more = f"\nand {len(rows) - SHOWN} more rows" if len(rows) > SHOWN else ""
    listed = "\n".join(lines)
    return f"These rows are refused, row 1 being the first below the header:\n{listed}{more}\nCorrect them, or leave them out."


def _short(value: object) -> str:
    return str(value)[:40]
