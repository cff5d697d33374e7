"""The broker dies, or hangs: forecasts go on, and readiness, a metric and a banner say what is the matter until it is back."""

from __future__ import annotations

import pytest

from core.serving import probes
from tests.workers.house import eventually

UP = 'dependency_up{dependency="queue"}'


@pytest.fixture
def on_redis(tmp_path, own_redis, standing_on):
    return standing_on(tmp_path / "home", queue_url=own_redis.url)


FAULTS = {
    "dies": (lambda redis: redis.kill(), lambda redis: redis.start(), "does not answer (ConnectionError)"),
    "hangs": (lambda redis: redis.hang(), lambda redis: redis.go_on(), "has not answered for"),
}


@pytest.mark.parametrize("how", FAULTS)
def test_EP_12_a_broker_that_is_away_is_told_everywhere_and_so_is_its_return(on_redis, own_redis, monkeypatch, how):
    happens, ends, reason = FAULTS[how]
    eventually(lambda: on_redis.counted(UP) == 1)
    monkeypatch.setattr(probes, "LATE", 1.0)
    with on_redis.going_on():
        happens(own_redis)
        eventually(lambda: reason in on_redis.banner("queue"))
        assert "The task queue is away. Forecasts are served." in on_redis.banner("queue")
        status, ready = on_redis.ready()
        assert (status, ready["queue"]["ok"], ready["model"]["ok"]) == (503, False, True)
        assert "SOCCER_QUEUE_URL" in ready["queue"]["reason"]
        eventually(lambda: on_redis.counted(UP) == 0)
        ends(own_redis)
        monkeypatch.undo()
        eventually(lambda: on_redis.ready()[0] == 200 and on_redis.banner("queue") == "")
        eventually(lambda: on_redis.counted(UP) == 1)
