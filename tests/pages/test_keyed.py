"""When a page asks for the key, and when it need not."""

import pytest

from pages.shared.keyed import of_this_machine


@pytest.mark.parametrize("host, asked", [("127.0.0.1", "127.0.0.1:8501"), ("127.0.0.1", "localhost:8501"), ("::1", "[::1]:8501")])
def test_whoever_sits_at_this_machine_is_not_asked_for_a_key(host, asked):
    assert of_this_machine(host, {"Host": asked})


@pytest.mark.parametrize(
    "host, headers",
    [
        ("0.0.0.0", {"Host": "localhost:8501"}),
        ("127.0.0.1", {"Host": "football.example"}),
        ("127.0.0.1", {}),
        ("127.0.0.1", {"Host": "localhost:8501", "X-Forwarded-For": "203.0.113.7"}),
    ],
    ids=["listens to all", "another name", "no name", "through a proxy"],
)
def test_everybody_else_is(host, headers):
    assert not of_this_machine(host, headers)
