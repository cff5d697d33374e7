"""What costs seconds to make is made once for the whole run of the tests."""

from __future__ import annotations

import pytest

from tests.installation import Installation, copy_project


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """A copy of the project in which the pipeline has run once on the bundled matches."""
    project = copy_project(tmp_path_factory.mktemp("installation") / "project")
    Installation(project).pipeline()
    return project
