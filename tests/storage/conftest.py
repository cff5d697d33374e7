"""On which databases a module's tests run, and the teams that several of them know."""

import pytest

from core.football.matches import Teams


def pytest_generate_tests(metafunc):
    """A module that says ON_EACH_DATABASE runs on one SQLite file and on a real PostgreSQL server."""
    if getattr(metafunc.module, "ON_EACH_DATABASE", False) and "database" in metafunc.fixturenames:
        metafunc.parametrize("database", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def teams():
    """Three Dutch teams of men."""
    teams = Teams()
    for name in ("Ajax", "Breda", "Cambuur"):
        teams.add("Netherlands", 0, name)
    return teams
