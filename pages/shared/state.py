"""What a visitor has chosen, and its place in the address: a link opens the same view."""

from __future__ import annotations

from collections.abc import Container, Mapping
from datetime import date
from functools import cache
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo, available_timezones

import streamlit as st

from core.settings import Settings
from core.views.words import listed
from pages.shared import cards

ZONE = "tz"
OWN_ZONE = "My own"
LONGEST = 80  # characters of a choice that are read from an address


def said(name: str) -> str:
    """A choice, of its widget if that was drawn before, else of the address; cut to a sensible length."""
    return str(st.session_state.get(name) or st.query_params.get(name) or "")[:LONGEST]


def keep(name: str, value: str) -> None:
    """Write a choice into the address, for one that is bound to no widget."""
    if st.query_params.get(name) != value:
        st.query_params[name] = value


class Days:
    """Every day, as it is written in an address: `2026-03-14`."""

    def __contains__(self, text: object) -> bool:
        try:
            date.fromisoformat(str(text))
        except ValueError:
            return False
        return True


def tell_unknown(choices: Mapping[str, tuple[str, Container[str]]]) -> set[str]:
    """Say which choices of the address there are none of, and return their names. `choices`: by name, a word for it and what there is.

    Before their widgets are drawn, since those drop such a choice without a word.
    """
    asked = {name: st.query_params.get(name) for name in choices}
    unknown = {name: given[:LONGEST] for name, given in asked.items() if given and given not in choices[name][1]}
    if unknown:
        named = listed([f"{choices[name][0]} “{given}”" for name, given in unknown.items()])
        st.html(cards.banner("Part of this address is left aside.", f"There is no {named} here.", "info"))
    return set(unknown)


def zone() -> ZoneInfo:
    """The visitor's time zone: the one in the address, else the browser's, else UTC."""
    for name in (said(ZONE), st.context.timezone or ""):
        if name in zones():
            return ZoneInfo(name)
    return ZoneInfo("UTC")


@cache
def zones() -> tuple[str, ...]:
    """The time zones that can be chosen, by region and city."""
    return (*sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/", "posix/"))), "UTC")


def zone_name(zone: ZoneInfo) -> str:
    """`London` of `Europe/London`."""
    return zone.key.rpartition("/")[2].replace("_", " ")


def zone_picker() -> None:
    """Let a visitor read the times of another place; kept in the address."""
    own = st.context.timezone or "UTC"
    st.selectbox("Time zone", [OWN_ZONE, *zones()], key=ZONE, bind="query-params", help=f"Your browser says {own}.")


def match_address(match_id: int) -> str:
    """The address of a match's page, which keeps the chosen time zone."""
    chosen = said(ZONE)
    return "match?" + urlencode({"id": match_id, **({ZONE: chosen} if chosen in zones() else {})})


def base(settings: Settings) -> str:
    """Where this app is reached, as the visitor's browser says it: scheme, host and port."""
    parts = urlsplit(st.context.url or "")
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"http://{settings.host}:{settings.port}"
