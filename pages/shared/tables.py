"""The HTML of section heads, verdicts and tables: escaped, readable aloud, narrow columns folded under a row's name."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import streamlit as st

from core.views.arena import ScoreRow
from core.views.charted import Verdict
from core.views.drift import FeatureRow


class Cell(NamedTuple):
    """A number, and what stands small beside it (an interval). `wide`: only where there is room for it."""

    text: str
    small: str = ""
    wide: bool = False


class Name(NamedTuple):
    """What a row is about: its name, a tag beside it, and what stands small below it where columns are folded away."""

    text: str
    tag: str = ""
    folded: str = ""


def draw(html: str) -> None:
    """Put our HTML on the page, under our style sheet."""
    st.html(f'<div class="sp">{html}</div>')


def section(title: str, says: str = "") -> None:
    """The head of a section, and one line on how to read it."""
    line = f"<p>{escape(says)}</p>" if says else ""
    draw(f'<div class="sec"><h2>{escape(title)}</h2>{line}</div>')


def verdict(said: Verdict) -> None:
    """The one sentence that answers the page's question."""
    kind = "verdict" if said.good else "verdict no"
    draw(f'<div class="{kind}" role="status"><p class="v">{escape(said.sentence)}</p><p class="w">{escape(said.detail)}</p></div>')


def table(head: Sequence[Cell], rows: Sequence[tuple[Name, Sequence[Cell]]], caption: str = "", kind: str = "") -> None:
    """A table whose first column names the rows; `head` holds a cell for that column too. `kind` adds a class of the style sheet."""
    body = "".join(f"<tr{_hot(name)}>{_name(name)}{''.join(_cell(cell) for cell in cells)}</tr>" for name, cells in rows)
    below = f"<caption>{escape(caption)}</caption>" if caption else ""
    top = "".join(f'<th scope="col"{_wide(cell)}>{escape(cell.text)}</th>' for cell in head)
    draw(f'<div class="tw"><table class="{kind}">{below}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>')


def scores(rows: Sequence[ScoreRow]) -> None:
    """Every forecaster's scores, each number over its interval."""
    names = [("Log loss", False), ("RPS", True), ("Brier", True), ("Accuracy", False), ("ECE", True)]
    head = [Cell("Forecaster"), *(Cell(words, wide=wide) for words, wide in names)]
    lines = []
    for row in rows:
        cells = [Cell(cell.number, cell.interval, wide) for cell, (_, wide) in zip(row.cells, names, strict=True)]
        lines.append((Name(row.name, folded=row.folded), cells))
    caption = "ECE: the mean gap between said and happened. Luck alone makes one of up to the size below it."
    table(head, lines, caption, kind="stack")


def tests(rows: Sequence[FeatureRow], caption: str, importance: bool = True) -> None:
    """One row a feature with all that its test says; on a phone only q and importance, the rest under the name."""
    names = [("Test", True), ("Statistic", True), ("Threshold", True), ("p", True), ("q", False), ("Effect", True), ("Importance", False)]
    head = [Cell("Feature"), *(Cell(words, wide=wide) for words, wide in names)]
    lines = []
    for row in rows:
        values = (row.test, row.statistic, row.threshold, row.p, row.q, row.effect, row.importance)
        cells = [Cell(value, wide=wide) for value, (_, wide) in zip(values, names, strict=True)]
        lines.append((Name(row.words, "drifts" if row.drifts else "", row.folded), cells if importance else cells[:-1]))
    table(head if importance else head[:-1], lines, caption)


def _hot(name: Name) -> str:
    return ' class="hot"' if name.tag else ""


def _name(name: Name) -> str:
    tag = f' <span class="tag">{escape(name.tag)}</span>' if name.tag else ""
    folded = f"<small>{escape(name.folded)}</small>" if name.folded else ""
    return f'<th scope="row">{escape(name.text)}{tag}{folded}</th>'


def _cell(cell: Cell) -> str:
    small = f' <span class="ci">{escape(cell.small)}</span>' if cell.small else ""
    return f"<td{_wide(cell)}>{escape(cell.text)}{small}</td>"


def _wide(cell: Cell) -> str:
    return ' class="wide"' if cell.wide else ""
