"""An empty database: one SQLite file, and a real PostgreSQL server."""

import pytest

from core.storage.database import Database
from core.storage.schema import schema


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    url = request.getfixturevalue("postgresql") if request.param == "postgresql" else f"sqlite:///{tmp_path / 'soccer.db'}"
    database = Database(url)
    schema.drop_all(database.engine)
    database.create()
    yield database
    database.close()
