"""A part of a page that renews itself, with words for our own errors there too."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import streamlit as st

from core.errors import SoccerPredictError

P = ParamSpec("P")


def alive(every: float | None) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Draw this part again every so many seconds; None draws it once.

    When only the part is drawn, the front door does not see its errors: they become sentences here.
    """

    def renewing(draw: Callable[P, None]) -> Callable[P, None]:
        @wraps(draw)
        def part(*args: P.args, **kwargs: P.kwargs) -> None:
            try:
                draw(*args, **kwargs)
            except SoccerPredictError as error:
                st.warning(str(error), icon=":material/error:")

        return st.fragment(part, run_every=every) if every else part

    return renewing
