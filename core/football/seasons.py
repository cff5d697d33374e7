"""Seasons by name: `2025-26` from summer to summer, `2025` within a year; and the days that belong to each."""

from __future__ import annotations

import re
from datetime import date

# Seasons that the pandemic stretched beyond their usual end.
_ENDED_LATER = {"2019-20": date(2020, 8, 31), "2020": date(2021, 2, 28)}
_SPLIT = re.compile(r"^(\d{4})[-/](\d{2}|\d{4})$")


def season_name(text: str) -> str:
    """`2025-26` from `2025/26`, `2025/2026`, `2526` or itself; `2025` from `2025`. ValueError for anything else."""
    found = _SPLIT.match(text.strip())
    if found and (int(found[1]) + 1) % 100 == int(found[2][-2:]):
        return f"{found[1]}-{found[2][-2:]}"
    if re.fullmatch(r"(19|20)\d\d", text.strip()):
        return text.strip()
    raise ValueError(f"{text!r} is no season such as 2025-26 or 2025")


def split_season(year: int) -> str:
    """The season that begins in the summer of `year`: `2025-26`."""
    return f"{year}-{(year + 1) % 100:02d}"


def season_of(day: date) -> str:
    """The season from summer to summer in which this day lies."""
    return split_season(day.year if day.month >= 7 else day.year - 1)


def window(season: str) -> tuple[date, date]:
    """The first and the last day on which a match of the season may be played."""
    year = int(season[:4])
    if "-" in season:
        return date(year, 7, 1), _ENDED_LATER.get(season, date(year + 1, 6, 30))
    return date(year, 1, 1), _ENDED_LATER.get(season, date(year, 12, 31))
