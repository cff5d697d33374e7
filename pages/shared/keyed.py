"""The key that an operator gives on a page before something is changed there: the API's own."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from urllib.parse import urlsplit

import streamlit as st

from core.settings import Settings

FIELD = "operator_key"
ICON = ":material/key:"
WHERE = "`make run` says where it stands; without other settings that is `var/api_key`."
HERE = ("127.0.0.1", "localhost", "::1")
# How the names of headers begin that a proxy adds.
PASSED_ON = ("forwarded", "via", "x-forwarded", "x-real-ip", "x-original", "x-client-ip", "x-cluster-client-ip", "true-client-ip", "cf-")


def field(settings: Settings) -> None:
    """Where the key is given, unless it is not asked for. It stays in this visit and goes into no address."""
    if not spared(settings):
        st.text_input("Key", type="password", key=FIELD, help=WHERE, placeholder="the API’s key", width=220)


def given(settings: Settings) -> bool:
    """Whether the key was given, or is not asked for; if not, a sentence on the page says so."""
    wanting = refusal(settings)
    if wanting:
        st.warning(wanting, icon=ICON)
    return not wanting


def refusal(settings: Settings) -> str:
    """Why nothing may be changed; empty where the key was given, or is not asked for."""
    said = str(st.session_state.get(FIELD) or "").strip().encode()
    found = [hmac.compare_digest(said, key.encode()) for key in settings.keys_in_force()]  # all of them, whichever it is
    if any(found) or spared(settings):
        return ""
    return f"{'This is not the key.' if said else 'Give the key first.'} {WHERE}"


def spared(settings: Settings) -> bool:
    """Whether this visitor is not asked for the key."""
    return not settings.always_key and of_this_machine(settings.host, st.context.headers)


def of_this_machine(host: str, headers: Mapping[str, str]) -> bool:
    """Whether a visitor sits at this machine: the app listens to it alone, was asked for by its own name, and by no proxy.

    A proxy on this machine may ask by that name and add nothing; the browser behind it still says from which address the page came.
    """
    given = {name.lower(): value for name, value in headers.items()}
    asked, came_from = _host(f"//{given.get('host', '')}"), _host(given.get("origin", ""))
    return host in HERE and asked in HERE and came_from in HERE and not any(name.startswith(PASSED_ON) for name in given)


def _host(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None
