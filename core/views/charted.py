"""What a chart draws, and the same as a line of text and as a table; and the one sentence on top of a page."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Chart:
    """`data` as the chart takes it, `words` for one line, `table` with columns named for people."""

    data: pd.DataFrame
    words: str
    table: pd.DataFrame


@dataclass(frozen=True)
class Verdict:
    """The answer in one sentence and what it rests on; `good` says whether all is as one would wish."""

    good: bool
    sentence: str
    detail: str
