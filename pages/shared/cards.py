"""The HTML of the app: heads, banners, match cards, bars, verdicts, receipts. Every text from outside is escaped here.

Each function gives a piece of HTML; `wrapped` puts pieces under the one style sheet for `st.html`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from core.football.outcomes import Probabilities
from core.views.fresh import Chip
from core.views.matches import Card, Result

Percentages = tuple[int, int, int]
SIDES = (("h", "home win"), ("d", "draw"), ("a", "away win"))


def wrapped(*pieces: str, kind: str = "") -> str:
    """Pieces under the style sheet. `kind`: `flow` for what sits in a narrow column of its own width."""
    return f'<div class="sp {kind}">{"".join(pieces)}</div>'


def hidden(words: str) -> str:
    """Words that are heard and not seen."""
    return f'<span class="vh">{escape(words)}</span>'


def masthead(title: str, question: str, chip: Chip) -> str:
    facts = "".join(
        f"<span>{_dot(chip.stale) if not place else ''}{escape(word)} <b>{escape(value)}</b></span>"
        for place, (word, value) in enumerate(chip.facts)
    )
    return wrapped(
        f'<header class="mast"><div><h1>{escape(title)}</h1><p class="dek">{escape(question)}</p></div>'
        f'<div class="fresh">{facts}</div></header>'
    )


def _dot(stale: bool) -> str:
    return f'<i class="dot{" old" if stale else ""}"></i>{hidden("stale: ") if stale else ""}'


def banner(title: str, text: str, kind: str = "warning") -> str:
    """What a visitor should know first. `kind` is `replay` for what is no fault."""
    calm = " calm" if kind in ("replay", "info") else ""
    return wrapped(f'<div class="banner{calm}" role="status"><b>{escape(title)}</b> {with_code(text)}</div>')


def with_code(text: str) -> str:
    """Escaped text in which what stands between back-ticks is set as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def bar(percentages: Percentages, happened: int | None = None) -> str:
    """Three parts with their numbers in them; `happened` underlines one."""
    parts = (
        f'<span class="s {letter}{" out" if place == happened else ""}" style="--p:{percent}">{hidden(words + " ")}{percent}%</span>'
        for place, ((letter, words), percent) in enumerate(zip(SIDES, percentages, strict=True))
    )
    return f'<p class="bar">{"".join(parts)}</p>'


def day(title: str, many: str, inner: str) -> str:
    """A day of matches; `inner` holds its leagues, each a heading and a list."""
    return (
        f'<section><div class="day"><h2>{escape(title)} <span>{escape(many)}</span></h2><span>Likeliest score</span></div>{inner}</section>'
    )


def league(name: str) -> str:
    """A league's name, and the beginning of its list."""
    return f'<p class="comp">{escape(name)}</p><ol>'


def match(card: Card, address: str) -> str:
    """One match to come: it reads as a sentence, and the link covers it."""
    at = card.kickoff.isoformat() if card.kickoff else card.day.isoformat()
    tag = '<span class="tag">toss-up</span> ' if card.toss_up else ""
    return (
        f'<li><article class="m" id="m{card.match_id}"><time datetime="{at}">{card.time}</time>'
        f'<h3><a class="t home go" href="{escape(address)}" target="_self">{escape(card.home)}</a>{hidden(" against ")}'
        f'<span class="t away">{escape(card.away)}</span></h3>{bar(card.probabilities.percentages())}'
        f'<p class="like">{tag}{hidden("likeliest score ")}<b>{escape(card.likeliest)}</b></p></article></li>'
    )


def result(found: Result, address: str) -> str:
    """One match just played, beside what was said of it."""
    kind, says = ("hit", "✓ called") if found.called else ("miss", "toss-up" if found.toss_up else "missed")
    verdict = f'<span class="vd {kind}">{says}</span>'
    names = f"{escape(found.home)} <b>{escape(found.score)}</b> {escape(found.away)}"
    return (
        f'<li class="r"><p class="sc"><a href="{escape(address)}" target="_self">{names}</a></p>'
        f"{verdict}{bar(found.probabilities.percentages(), happened=found.outcome)}</li>"
    )


def legend() -> str:
    return wrapped(
        '<p class="key"><span><i class="h"></i>Home win</span><span><i class="d"></i>Draw</span><span><i class="a"></i>Away win</span>'
        "<span>Toss-up: nobody reaches 40%</span></p>",
        kind="flow",
    )


def big_bar(home: str, away: str, probabilities: Probabilities) -> str:
    """The bar of one match, with the names below its ends."""
    labels = f'<p class="lab"><span>{escape(home)} win</span><span>Draw</span><span>{escape(away)} win</span></p>'
    return f'<div class="big">{bar(probabilities.percentages())}{labels}</div>'


def facts(pairs: Iterable[tuple[str, str, str]]) -> str:
    """Small facts side by side: a word, a number, and a smaller word behind it or none."""
    cells = (
        f"<div><dt>{escape(word)}</dt><dd>{escape(value)}{f' <small>{escape(small)}</small>' if small else ''}</dd></div>"
        for word, value, small in pairs
    )
    return f'<dl class="facts">{"".join(cells)}</dl>'


def receipt(rows: Sequence[tuple[str, str]], code: frozenset[str] = frozenset()) -> str:
    """A list of what is written down; the values of `code` words stand in a fixed width."""
    cells = (
        f"<dt>{escape(word)}</dt><dd>{f'<code>{escape(value)}</code>' if word in code else escape(value)}</dd>" for word, value in rows
    )
    return f'<div class="rcpt"><dl>{"".join(cells)}</dl></div>'


def empty(sentence: str) -> str:
    """Why there is nothing here, and what to do."""
    return wrapped(f'<p class="none">{with_code(sentence)}</p>')
