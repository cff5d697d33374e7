"""Fifty tasks while workers are killed, stopped or lose their broker at random moments: each ends once, and none is lost."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter

import pytest

from tests.workers.house import eventually

pytestmark = pytest.mark.long

MANY = 50
LONG = 600.0  # seconds, where a minute is usual
SEED = 20260313


class Storm:
    """Two workers over fifty tasks; `strike` is called at random moments with the one that is to be struck."""

    def __init__(self, house, strikes: int) -> None:
        self.house = house
        self.random = random.Random(SEED)
        self.strikes = strikes
        self.struck = 0
        self.ids = [house.jobs.hand_in("nap", {"seconds": 0.3, "notes": house.notes}) for _ in range(MANY)]
        self._due = time.monotonic() + 3

    def running(self):
        return [process for process in self.house._started if process.poll() is None]

    def lasts(self) -> bool:
        for _ in range(2 - len(self.running())):
            self.house.begin_worker()
        return self.house.ledger.counts()["SUCCESS"] < MANY

    def victim(self):
        """A worker that is at a task, at a random moment; None when it is not time yet, or nobody is at work."""
        at_work = {row["pid"] for row in self.house.ledger.workers() if row["current_task"]}
        found = [process for process in self.running() if process.pid in at_work]
        if self.struck >= self.strikes or time.monotonic() < self._due or not found:
            return None
        self.struck += 1
        self._due = time.monotonic() + self.random.uniform(0.3, 2.5)
        time.sleep(self.random.uniform(0, 0.1))
        return self.random.choice(found)

    def blow(self, strike) -> None:
        def over() -> bool:
            if not self.lasts():
                return True
            victim = self.victim()
            if victim is not None:
                strike(victim)
            return False

        eventually(over, LONG, 0.05)

    def each_ended_once(self) -> None:
        for task_id in self.ids:
            task = self.house.ledger.get(task_id)
            assert (task["status"], task["error"]) == ("SUCCESS", None)
            assert self.house.statuses(task_id).count("SUCCESS") == 1
        assert self.house.ledger.counts() == dict.fromkeys(self.house.ledger.counts(), 0) | {"SUCCESS": MANY}


def test_TK_5_fifty_tasks_over_workers_that_are_killed_each_succeed_once(house):
    storm = Storm(house, strikes=6)
    storm.blow(lambda victim: victim.kill())
    storm.each_ended_once()
    assert storm.struck >= 4
    assert any(row["kills"] for row in house.ledger.recent(MANY))


def test_TK_5_fifty_tasks_over_workers_that_are_stopped_each_run_once(house):
    """A worker that is asked to stop ends its task first: nothing is begun twice."""
    storm = Storm(house, strikes=6)
    storm.blow(lambda victim: victim.send_signal(signal.SIGTERM))
    storm.each_ended_once()
    assert {row["kills"] for row in house.ledger.recent(MANY)} == {0}
    began = Counter(line.split()[0] for line in house.noted())
    assert began == {"began": MANY, "ended": MANY}


def test_TK_5_fifty_tasks_over_a_redis_that_is_killed_with_all_that_stood_in_it(tmp_path, own_redis, house_maker):
    house = house_maker(tmp_path / "home", SOCCER_QUEUE_URL=own_redis.url)
    storm = Storm(house, strikes=3)

    def strike(victim) -> None:
        own_redis.kill()
        if storm.struck == 2:
            victim.kill()
        time.sleep(storm.random.uniform(0.2, 2))
        own_redis.start()

    storm.blow(strike)
    storm.each_ended_once()
    assert storm.struck >= 2


def test_TK_4_a_task_that_kills_its_worker_each_time_is_a_dead_letter_after_five(house):
    task_id = house.jobs.hand_in("poison", {"notes": house.notes})

    def tried_to_the_end() -> bool:
        if house.ledger.get(task_id)["status"] == "FAILURE":
            return True
        if not house.ledger.workers():
            house.worker()
        return False

    eventually(tried_to_the_end, LONG, 0.2)
    assert house.ledger.get(task_id)["error"]["kind"] == "dead_letter"
    assert house.noted() == ["tried"] * 5


def test_TK_4_a_task_over_its_limit_is_really_stopped_and_is_a_dead_letter_in_the_end(house):
    """It never lets go of the interpreter, so that nothing within the process could stop it."""
    task_id = house.jobs.hand_in("stuck", {"notes": house.notes})

    def tried_to_the_end() -> bool:
        if house.ledger.get(task_id)["status"] == "FAILURE":
            return True
        if not [process for process in house._started if process.poll() is None]:
            house.begin_worker()
        return False

    eventually(tried_to_the_end, LONG, 0.2)
    error = house.ledger.get(task_id)["error"]
    assert (error["kind"], "it passed its time limit" in error["message"]) == ("dead_letter", True)
    assert house.noted() == ["tried"] * 5
    assert house.log().count("Timeout (0:00:01)!") == 5
