"""Queues over SQLite and over a real Redis server, and homes to run workers in."""

from __future__ import annotations

import pytest

from tests.workers.faults.servers import RedisServer
from tests.workers.house import House


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory):
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server.url
    server.kill()


@pytest.fixture(params=["sqlite", "redis"])
def queue_url(request, tmp_path):
    if request.param == "redis":
        return request.getfixturevalue("redis_server")
    return f"sqlite:///{tmp_path / 'queue.db'}"


@pytest.fixture
def house_maker():
    """Makes homes and closes all of them."""
    made: list[House] = []

    def make(home, **more: str) -> House:
        made.append(House(home, **more))
        return made[-1]

    yield make
    for house in made:
        house.close()


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=pytest.mark.long)])
def slow_house(request, tmp_path, house_maker):
    """For tests that take seconds: over Redis only in the long run."""
    url = request.getfixturevalue("redis_server") if request.param == "redis" else f"sqlite:///{tmp_path / 'queue.db'}"
    return house_maker(tmp_path / "home", SOCCER_QUEUE_URL=url)


@pytest.fixture
def house(tmp_path, queue_url, house_maker):
    return house_maker(tmp_path / "home", SOCCER_QUEUE_URL=queue_url)


@pytest.fixture
def sqlite_house(tmp_path, house_maker):
    return house_maker(tmp_path / "home")
