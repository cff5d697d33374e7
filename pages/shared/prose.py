"""Running text under the style sheet, and the address to show in examples."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from urllib.parse import urlsplit

import streamlit as st

from core.views.how_it_works import Example, Section
from pages.shared import cards, tables

AT_HOME = "http://127.0.0.1:8501"


def draw(section: Section) -> None:
    """A section of text: paragraphs, and terms with their meanings."""
    tables.section(section.title)
    pieces = (f"<p>{f'<b>{escape(term)}.</b> ' if term else ''}{escape(text)}</p>" for term, text in section.paragraphs)
    st.html(cards.wrapped('<div class="prose">', *pieces, "</div>"))


def examples(given: Iterable[Example]) -> None:
    rows = (f"<dt><code>{escape(example.path)}</code></dt><dd>{escape(example.says)}</dd>" for example in given)
    st.html(cards.wrapped('<dl class="routes">', *rows, "</dl>"))


def origin() -> str:
    """Where the visitor reaches the app, so that an example can be copied as it stands."""
    here = urlsplit(st.context.url or "")
    return f"{here.scheme}://{here.netloc}" if here.netloc else AT_HOME
