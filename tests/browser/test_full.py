"""The visitor's walk where the app stands on a real Redis, S3 and MLflow server."""

import re

import pytest

from tests.browser.test_walk import quiet, test_search_open_queue_reload_result
from tests.installation import PIPELINE_PATIENCE, Installation, copy_project

__all__ = ["app", "test_search_open_queue_reload_result"]
pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """`make run-full` from nothing: the pipeline too runs on the servers."""
    app = Installation(copy_project(tmp_path_factory.mktemp("full") / "project"), "workers.full").start(PIPELINE_PATIENCE)
    yield app
    app.stop()


def test_operations_names_what_each_part_stands_on(visit):
    page = visit("/operations")
    quiet(page)
    said = page.inner_text("body")
    for backend in ("Huey on Redis", "S3 bucket soccer", "MLflow server"):
        assert re.search(backend, said), backend
