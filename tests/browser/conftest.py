"""The running app, and a real Chromium to visit it."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.installation import PATIENCE, Installation

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 360, "height": 780}


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)


# Playwright keeps an event loop running in this thread: it ends with the module, so that other tests may run loops of their own.
@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail("Chromium is required here and was not found. Install the package chromium.")
        pytest.skip("THERE IS NO CHROMIUM ON THIS MACHINE: the browser tests were left out. Install it to run them.")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def app(published):
    """The whole app on the bundled matches, started as a user starts it."""
    app = Installation(published).start()
    yield app
    app.stop()


@pytest.fixture
def visit(browser, app):
    """Opens a page as a new visitor; fails the test on anything the browser's console calls an error."""
    contexts, problems = [], []

    def open_page(path="/", viewport=WIDE, scheme="light", zone="Europe/London"):
        context = browser.new_context(viewport=viewport, color_scheme=scheme, timezone_id=zone, base_url=app.address)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(path)
        page.wait_for_selector(".sp .mast h1")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not problems
