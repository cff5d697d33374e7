"""The lines of a process as a person at a terminal and as a program reads them."""

from __future__ import annotations

import json
import logging

import pytest

from workers.log import ForPeople, Lines

EVIL = "\x1b]0;owned\x07\x1b[2J\r\n12:00:00 web: all is well\x9b31m\x7f\u202e\udc80"


def record(event: str = "request", bug: Exception | None = None, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("soccer", logging.INFO, "", 0, event, (), (type(bug), bug, bug.__traceback__) if bug else None)
    made.fields = fields
    return made


@pytest.mark.parametrize("where", ["path", "event", "nested"])
def test_what_comes_from_outside_cannot_speak_to_a_terminal_nor_begin_a_line(where):
    made = record(EVIL) if where == "event" else record(path={"deep": [EVIL]} if where == "nested" else EVIL)
    told = ForPeople("web").format(made)
    assert told.isprintable()
    assert r"\x1b[2J" in told and "all is well" in told


def test_a_traceback_keeps_its_lines_and_nothing_else_that_a_terminal_obeys():
    try:
        raise ValueError(EVIL)
    except ValueError as error:
        told = ForPeople("web").format(record(bug=error))
    assert "\nTraceback (most recent call last):\n" in told
    assert told.replace("\n", "").isprintable()


def test_letters_of_any_language_are_told_as_they_are():
    told = ForPeople("web").format(record(team="Bodø/Glimt 浦和", at=3, empty="", none=None))
    assert told.endswith("web: request team=Bodø/Glimt 浦和")


def test_a_program_gets_json_on_one_line():
    told = Lines("web").format(record(path=EVIL))
    assert len(told.splitlines()) == 1
    assert json.loads(told)["path"] == EVIL
