"""The app's services and its API over what the tests of faults break."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import pytest

from core.errors import DatabaseUnavailable
from core.storage.heartbeats import Pulse
from core.storage.task_ledger import TaskLedger
from tests.workers.faults.servers import RedisServer, Way
from tests.workers.house import eventually
from tests.workers.served import Served, publish_small

CHECK = 0.2  # seconds between two looks at the store


class Standing(Served):
    """The API with a worker's heart beating, and what an operator, a program and a visitor see of a fault."""

    def __init__(self, home, **settings) -> None:
        super().__init__(home, published=False, start=False, lookup_check_interval=CHECK, **settings)
        publish_small(self.store)
        self._beat()
        self.services.follow_queue(self.jobs.check)
        self.services.start()
        self._done = threading.Event()
        self._heart = threading.Thread(target=self._beating)
        self._heart.start()
        self.match = self.ids()[0]

    def _beat(self) -> None:
        for queue in ("ml", "batch"):
            TaskLedger(self.services.database).beat(Pulse(f"here:{queue}:1", queue, 1, "here", datetime.now(UTC), {"champion": 1}, 0))

    def _beating(self) -> None:
        while not self._done.wait(1):
            with suppress(DatabaseUnavailable):
                self._beat()

    def forecasts(self) -> dict:
        """What is forecast of one match: made ahead, and made now."""
        ahead, now = (self.client.get(path.format(self.match)) for path in ("/predict/precomputed/{}", "/predict/{}"))
        assert (ahead.status_code, now.status_code) == (200, 200), (ahead.text, now.text)
        volatile = ("predicted_at", "predictions_computed_at", "features_computed_at")
        return {name: value for answer in (ahead, now) for name, value in answer.json().items() if name not in volatile}

    def ready(self) -> tuple[int, dict]:
        answer = self.stranger.get("/readyz")
        return answer.status_code, answer.json()

    def until_ready(self) -> dict:
        """What readiness says once it does."""
        return eventually(lambda: (found := self.ready())[0] == 200 and found[1])

    def banner(self, kind: str) -> str:
        """The notice of this kind as a visitor reads it; empty where there is none."""
        return next((f"{notice.title} {notice.text}" for notice in self.services.notices() if notice.kind == kind), "")

    def counted(self, sample: str) -> float:
        """The value behind a line of /metrics such as `lookup_reload_total{...}`; 0 where there is none yet."""
        lines = self.stranger.get("/metrics").text.splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(sample)), 0.0)

    @contextmanager
    def going_on(self):
        """While this lasts, somebody asks all the time, and every answer is the one from before."""
        before, wrong, over = self.forecasts(), [], threading.Event()

        def ask():
            while not over.wait(0.02):
                if (found := self.forecasts()) != before:
                    wrong.append(found)

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            yield
        finally:
            over.set()
            asking.join()
        assert wrong == []

    def close(self) -> None:
        self._done.set()
        self._heart.join()
        super().close()


@pytest.fixture
def standing_on():
    """Makes one over what it is given, and closes it."""
    made: list[Standing] = []

    def make(home, **settings) -> Standing:
        made.append(Standing(home, **settings))
        made[-1].until_ready()
        return made[-1]

    yield make
    for standing in made:
        standing.close()


@pytest.fixture
def standing(tmp_path, standing_on):
    return standing_on(tmp_path / "home")


@pytest.fixture
def own_redis(tmp_path):
    folder = tmp_path / "redis"
    folder.mkdir()
    server = RedisServer(folder)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def way(s3):
    """A way to the S3 server that can be disturbed."""
    opened = Way(s3.port)
    yield opened
    opened.close()
