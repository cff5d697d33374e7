"""What a visitor has chosen, and its place in the address: a link opens the same view."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo, available_timezones

import streamlit as st

ZONE = "tz"
LONGEST = 80  # characters of a choice that are read from an address


def said(name: str, default: str = "") -> str:
    """A choice as it stands in the address, cut to a sensible length."""
    return str(st.query_params.get(name, default))[:LONGEST]


def keep(**choices: str | None) -> None:
    """Write choices into the address; an empty one leaves it."""
    for name, value in choices.items():
        if value:
            st.query_params[name] = value
        elif name in st.query_params:
            del st.query_params[name]


def one_of(name: str, allowed: tuple[str, ...] | list[str], default: str) -> str:
    """A choice of the address if it is one of those allowed, else the default."""
    value = said(name, default)
    return value if value in allowed else default


def whole(name: str, default: int, least: int, most: int) -> int:
    value = said(name)
    return min(max(int(value), least), most) if value.isascii() and value.isdigit() and len(value) < 10 else default


def day(name: str) -> date | None:
    """A day of the address as YYYY-MM-DD; None when there is none, or when it is no day."""
    try:
        return date.fromisoformat(said(name))
    except ValueError:
        return None


def zone() -> ZoneInfo:
    """The visitor's time zone: the one in the address, else the browser's, else UTC."""
    for name in (said(ZONE), st.context.timezone or ""):
        if name in zones():
            return ZoneInfo(name)
    return ZoneInfo("UTC")


@st.cache_resource(show_spinner=False)
def zones() -> tuple[str, ...]:
    """The time zones that can be chosen, by region and city."""
    return tuple(
        sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/", "posix/"))) + ["UTC"]
    )


def zone_name(zone: ZoneInfo) -> str:
    """`London` of `Europe/London`."""
    return zone.key.rpartition("/")[2].replace("_", " ")
