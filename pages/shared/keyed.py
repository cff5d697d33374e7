"""The key that an operator gives on a page before something is changed there: the API's own."""

from __future__ import annotations

import hmac

import streamlit as st

from core.settings import Settings

FIELD = "operator_key"
WHERE = "`make run` says where it stands; without other settings that is `var/api_key`."


def field() -> None:
    """Where the key is given. It stays in this visit and goes into no address."""
    st.text_input("Key", type="password", key=FIELD, help=WHERE, placeholder="the API’s key", width=220)


def given(settings: Settings) -> bool:
    """Whether the key was given; if not, a sentence on the page says so."""
    said = str(st.session_state.get(FIELD) or "").strip().encode()
    found = [hmac.compare_digest(said, key.encode()) for key in settings.keys_in_force()]  # all of them, whichever it is
    if any(found):
        return True
    st.warning(f"{'This is not the key.' if said else 'Give the key first.'} {WHERE}", icon=":material/key:")
    return False
