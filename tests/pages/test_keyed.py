"""When a page asks for the key, and when it need not."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from core.settings import Settings
from pages.shared import keyed
from pages.shared.keyed import of_this_machine

AT_HOME = {"Host": "localhost:8501", "Origin": "http://localhost:8501"}


@pytest.mark.parametrize("host, asked", [("127.0.0.1", "127.0.0.1:8501"), ("127.0.0.1", "localhost:8501"), ("::1", "[::1]:8501")])
def test_whoever_sits_at_this_machine_is_not_asked_for_a_key(host, asked):
    assert of_this_machine(host, {"host": asked, "Origin": f"http://{asked}"})


@pytest.mark.parametrize(
    "host, headers",
    [
        ("0.0.0.0", AT_HOME),
        ("127.0.0.1", AT_HOME | {"Host": "football.example"}),
        ("127.0.0.1", {}),
        ("127.0.0.1", {"Host": "localhost:8501"}),
        ("127.0.0.1", AT_HOME | {"Origin": "https://football.example"}),
        ("127.0.0.1", AT_HOME | {"Origin": "null"}),
        ("127.0.0.1", AT_HOME | {"Host": "[::1"}),
        *(("127.0.0.1", AT_HOME | {name: "203.0.113.7"}) for name in ("X-Forwarded-For", "x-forwarded-proto", "Via", "X-Real-IP")),
    ],
    ids=lambda given: given if isinstance(given, str) else ", ".join(f"{name} {value}" for name, value in given.items()),
)
def test_everybody_else_is(host, headers):
    assert not of_this_machine(host, headers)


def test_where_the_key_is_always_asked_for_nobody_is_spared(monkeypatch):
    monkeypatch.setattr(keyed.st, "context", SimpleNamespace(headers=AT_HOME))
    assert keyed.spared(Settings(Path()))
    assert not keyed.spared(Settings(Path(), always_key=True))
