"""A real worker process with a few tasks that only tests need: `python -m tests.workers.station --queue ml`."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from pathlib import Path

from workers import consumer
from workers.jobs import KINDS, Kind

TEST_KINDS = {
    **KINDS,
    "echo": Kind("ml", 30.0, 86400.0),
    "nap": Kind("ml", 600.0),
    "long_nap": Kind("batch", 600.0),
    "boom": Kind("ml", 30.0),
    "recover": Kind("ml", 30.0),
    "poison": Kind("ml", 30.0),
    "stuck": Kind("ml", 1.0),
    "not_json": Kind("ml", 30.0),
}


def note(path: str, text: str) -> None:
    with Path(path).open("a") as file:
        file.write(f"{text}\n")


class TestWork:
    def bodies(self):
        names = ("echo", "nap", "boom", "recover", "poison", "stuck", "not_json")
        return {name: getattr(self, name) for name in names} | {"long_nap": self.nap}

    def versions(self):
        return {"champion": 7}

    def load(self) -> None:
        pass

    def echo(self, value):
        return {"value": value, "pid": os.getpid()}

    def nap(self, seconds, notes):
        note(notes, f"began {os.getpid()}")
        time.sleep(seconds)
        note(notes, f"ended {os.getpid()}")
        return {"pid": os.getpid()}

    def boom(self, notes):
        note(notes, "tried")
        raise ZeroDivisionError("boom")

    def recover(self, notes):
        note(notes, "tried")
        if len(Path(notes).read_text().splitlines()) < 2:
            raise ZeroDivisionError("only once")
        return {"tries": 2}

    def poison(self, notes):
        note(notes, "tried")
        os.kill(os.getpid(), signal.SIGKILL)

    def stuck(self, notes):
        """Never lets go of the interpreter: no thread of this process runs any more."""
        note(notes, "tried")
        re.match("(a+)+$", "a" * 60 + "b")

    def not_json(self):
        return {"value": {1, 2}}


def make_work(settings, database):
    return TestWork()


if __name__ == "__main__":
    code = consumer.main(make_work=make_work, kinds=TEST_KINDS)
    sys.stderr.flush()
    os._exit(code)
