"""The key that an operator gives on a page before something is changed there: the API's own."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

import streamlit as st

from core.settings import Settings

FIELD = "operator_key"
WHERE = "`make run` says where it stands; without other settings that is `var/api_key`."
HERE = ("127.0.0.1", "localhost", "::1")
PASSED_ON = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip")


def field(settings: Settings) -> None:
    """Where the key is given, unless it is not asked for. It stays in this visit and goes into no address."""
    if not _sits_here(settings):
        st.text_input("Key", type="password", key=FIELD, help=WHERE, placeholder="the API’s key", width=220)


def given(settings: Settings) -> bool:
    """Whether the key was given, or is not asked for; if not, a sentence on the page says so."""
    said = str(st.session_state.get(FIELD) or "").strip().encode()
    found = [hmac.compare_digest(said, key.encode()) for key in settings.keys_in_force()]  # all of them, whichever it is
    if any(found) or _sits_here(settings):
        return True
    st.warning(f"{'This is not the key.' if said else 'Give the key first.'} {WHERE}", icon=":material/key:")
    return False


def _sits_here(settings: Settings) -> bool:
    return of_this_machine(settings.host, st.context.headers)


def of_this_machine(host: str, headers: Mapping[str, str]) -> bool:
    """Whether a visitor sits at this machine: the app listens to it alone, was asked for by its own name, and by no proxy."""
    asked = headers.get("Host", "").rsplit(":", 1)[0].strip("[]")
    return host in HERE and asked in HERE and not any(name in headers for name in PASSED_ON)
