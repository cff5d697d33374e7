"""The API's documentation in a real Chromium that reaches nothing but the app."""

import subprocess
import sys

import pytest

from tests.workers.house import PATIENCE, ROOT, environment, eventually, free_port
from workers.api import api

OPERATIONS = sum(map(len, api.openapi()["paths"].values()))


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The API alone, before anything was published."""
    port, folder = free_port(), tmp_path_factory.mktemp("documents")
    command = [sys.executable, "-m", "uvicorn", "workers.api:api", "--port", str(port), "--log-level", "warning", "--no-access-log"]
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment(folder / "home"), stderr=log, stdout=log)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(PATIENCE)


@pytest.fixture
def page(browser, address):
    context = browser.new_context()
    page, elsewhere, problems = context.new_page(), [], []
    page.set_default_timeout(PATIENCE * 1000)
    page.on("request", lambda request: request.url.startswith((address, "data:", "blob:")) or elsewhere.append(request.url))
    page.on("pageerror", lambda error: problems.append(str(error)))

    def up():
        try:
            return page.request.get(f"{address}/healthz").ok
        except Exception:  # noqa: BLE001 - whatever Playwright says of a port that is not open yet
            return False

    eventually(up)
    yield page
    context.close()
    assert (elsewhere, problems) == ([], [])


def test_swagger_ui_shows_every_route_without_a_network(page, address):
    page.goto(f"{address}/docs")
    page.wait_for_selector(".opblock")
    assert len(page.query_selector_all(".opblock")) == OPERATIONS
    page.get_by_role("button", name="get /healthz", exact=False).first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    page.wait_for_selector(".live-responses-table .response-col_status")
    assert "alive" in page.inner_text(".live-responses-table")


def test_redoc_shows_every_route_without_a_network(page, address):
    page.goto(f"{address}/redoc")
    page.locator("h2", has_text="Forecast from features, at once").wait_for()
    assert page.locator("[data-section-id*='operation/']").count() >= OPERATIONS
