"""Running text under the style sheet, and what examples are about."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

import streamlit as st

from core.serving.services import Services
from core.views.how_it_works import Example, Section
from pages.shared import cards, tables


def draw(section: Section) -> None:
    """A section of text: paragraphs, and terms with their meanings."""
    tables.section(section.title)
    pieces = (f"<p>{f'<b>{escape(term)}.</b> ' if term else ''}{escape(text)}</p>" for term, text in section.paragraphs)
    st.html(cards.wrapped('<div class="prose">', *pieces, "</div>"))


def examples(given: Iterable[Example]) -> None:
    rows = (f"<dt><code>{escape(example.path)}</code></dt><dd>{escape(example.says)}</dd>" for example in given)
    st.html(cards.wrapped('<dl class="routes">', *rows, "</dl>"))


def next_match(services: Services) -> int | None:
    """The number of the next match to come, so that an example can be copied as it stands; None when there is none."""
    coming = services.features.list_matches() if services.features.ready else []
    return next((int(match["match_id"]) for match in coming), None)
