"""Our worker, with a task that does nothing besides: `python -m bench.first_system.worker --queue ml`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from workers import consumer
from workers.jobs import KINDS, Kind
from workers.tasks import Tasks

KINDS_HERE: Mapping[str, Kind] = {**KINDS, "nothing": Kind("ml", 30.0, 86400.0)}


class TasksHere(Tasks):
    def bodies(self) -> Mapping[str, Callable[..., Any]]:
        return {**super().bodies(), "nothing": dict}


if __name__ == "__main__":
    code = consumer.main(make_work=TasksHere.open, kinds=KINDS_HERE)
    sys.stderr.flush()
    os._exit(code)
