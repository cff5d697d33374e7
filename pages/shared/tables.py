"""The HTML of section heads, verdicts and tables: escaped, readable aloud, narrow columns folded under a row's name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

import streamlit as st

from core.views.arena import Contestant, ScoreRow
from core.views.charted import Verdict
from core.views.decisions import Decided
from core.views.drift import FeatureRow
from core.views.gate import CheckRow
from core.views.operations import QUEUES, Fact, Happening, RunRow, TaskRow, WorkerRow
from pages.shared.cards import with_code


class Cell(NamedTuple):
    """A number, and what stands small beside it (an interval). `wide`: only where there is room for it; `mark`: as a tag."""

    text: str
    small: str = ""
    wide: bool = False
    mark: bool = False


class Name(NamedTuple):
    """What a row is about: its name, a tag beside it, what stands small below it, and what does where columns are folded away."""

    text: str
    tag: str = ""
    folded: str = ""
    below: str = ""


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
    draw(f'<div class="{kind}" role="status"><p class="v">{escape(said.sentence)}</p><p class="w">{with_code(said.detail)}</p></div>')


def table(head: Sequence[Cell], rows: Sequence[tuple[Name, Sequence[Cell]]], caption: str = "", kind: str = "") -> None:
    """A table whose first column names the rows; `head` holds a cell for that column too. `kind` adds a class of the style sheet."""
    body = "".join(f"<tr{_hot(name, cells)}>{_name(name)}{''.join(_cell(cell) for cell in cells)}</tr>" for name, cells in rows)
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


def workers(rows: Sequence[WorkerRow]) -> None:
    """The workers that live, with their heartbeats."""
    if not rows:
        draw('<p class="none">No worker can be heard just now.</p>')
        return
    head = [Cell("Worker"), Cell("Heartbeat"), Cell("Doing"), Cell("Models", wide=True), Cell("Done", wide=True)]
    lines = [
        (
            Name(row.name, "late" if row.late else "", f"{row.models}; {row.done:,} done"),
            [Cell(row.heartbeat), Cell(row.doing), Cell(row.models, wide=True), Cell(f"{row.done:,}", wide=True)],
        )
        for row in rows
    ]
    table(head, lines)


def queues(depth: Mapping[str, Mapping[str, int]]) -> None:
    """How many tasks wait in each queue, are planned for later, and run."""
    head = [Cell("Queue"), Cell("Waiting"), Cell("Planned"), Cell("Running")]
    lines = [
        (
            Name(f"{name}, {QUEUES[name]}" if name in QUEUES else name),
            [Cell(f"{counts[state]:,}") for state in ("waiting", "scheduled", "active")],
        )
        for name, counts in depth.items()
    ]
    table(head, lines)


def tell(happenings: Sequence[Happening]) -> None:
    """What happened, a sentence each; a diamond marks what is not over."""
    items = "".join(f'<li><i class="dot{" old" if row.bad else ""}"></i><span>{escape(row.text)}</span></li>' for row in happenings)
    draw(f'<ul class="tell">{items}</ul>' if items else '<p class="none">Nothing was written down yet.</p>')


def tasks(rows: Sequence[TaskRow]) -> None:
    """Recent tasks; a reason stands under the name of what needs one."""
    if not rows:
        draw('<p class="none">No task is in this state.</p>')
        return
    head = [Cell("Task"), Cell("State"), Cell("Asked"), Cell("Took", wide=True), Cell("Tries", wide=True)]
    lines = [
        (
            Name(row.name, folded=f"took {row.took}, tries {row.tries}", below=row.reason),
            [Cell(row.state, mark=row.trouble), Cell(row.asked), Cell(row.took, wide=True), Cell(row.tries, wide=True)],
        )
        for row in rows
    ]
    table(head, lines)


def runs(rows: Sequence[RunRow]) -> None:
    """The pipeline's runs."""
    if not rows:
        draw('<p class="none">It never ran here.</p>')
        return
    lines = [(Name(row.started, below=row.note), [Cell(row.state, mark=not row.good), Cell(row.took)]) for row in rows]
    table([Cell("Started"), Cell("State"), Cell("Took")], lines)


def checks(rows: Sequence[CheckRow]) -> None:
    """What a promotion needs, and how each check ended."""
    lines = [(Name(row.name, below=row.needed), [Cell(row.found, row.interval), Cell(row.state, mark=not row.holds)]) for row in rows]
    table([Cell("Check"), Cell("Found"), Cell("Result")], lines, kind="stack")


def decided(rows: Sequence[Decided]) -> None:
    """What was decided about the champion."""
    if not rows:
        draw('<p class="none">Nothing was decided yet: the champion is the first one.</p>')
        return
    lines = [(Name(row.what, folded=row.who, below=row.reason), [Cell(row.when), Cell(row.who, wide=True)]) for row in rows]
    table([Cell("Decision"), Cell("When"), Cell("By", wide=True)], lines)


def note(sentence: str, good: bool) -> None:
    """How something that was asked for stands; a diamond marks what did not go well."""
    mark = "" if good else " old"
    draw(f'<p class="going" role="status"><i class="dot{mark}"></i>{escape(sentence)}</p>')


def contestants(rows: Sequence[Contestant]) -> None:
    """The models that are judged."""
    lines = [(Name(row.name, below=row.title), [Cell(f"{row.features:,}"), Cell(row.registered)]) for row in rows]
    table([Cell("Model"), Cell("Features"), Cell("Registered")], lines)


def facts(rows: Sequence[Fact]) -> None:
    """A word and what it stands for, line by line."""
    draw(f'<div class="rcpt"><dl>{"".join(f"<dt>{escape(row.part)}</dt><dd>{escape(row.uses)}</dd>" for row in rows)}</dl></div>')


def _hot(name: Name, cells: Sequence[Cell]) -> str:
    return ' class="hot"' if name.tag or any(cell.mark for cell in cells) else ""


def _name(name: Name) -> str:
    tag = f' <span class="tag">{escape(name.tag)}</span>' if name.tag else ""
    below = f'<small class="below">{escape(name.below)}</small>' if name.below else ""
    folded = f"<small>{escape(name.folded)}</small>" if name.folded else ""
    return f'<th scope="row">{escape(name.text)}{tag}{below}{folded}</th>'


def _cell(cell: Cell) -> str:
    small = f' <span class="ci">{escape(cell.small)}</span>' if cell.small else ""
    text = f'<span class="tag">{escape(cell.text)}</span>' if cell.mark else escape(cell.text)
    return f"<td{_wide(cell)}>{text}{small}</td>"


def _wide(cell: Cell) -> str:
    return ' class="wide"' if cell.wide else ""
