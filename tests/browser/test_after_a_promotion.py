"""A promotion in the browser, the next refresh, a restart: Matches is full, and its forecasts are the new champion's."""

import json
import shutil
import urllib.request

import pytest

from core.football.outcomes import Probabilities
from tests.installation import Installation
from tests.workers.house import eventually

pytestmark = pytest.mark.long


@pytest.fixture
def promoted_here(published, tmp_path):
    """The app on a copy of the bundled home, whose promotion nobody else sees."""
    project = tmp_path / "project"
    shutil.copytree(published, project, ignore=shutil.ignore_patterns("*.bell", "__pycache__", "running"))
    app = Installation(project, SOCCER_HOME=str(project / "var")).start()
    yield app
    app.stop()


def asked(app, path, body=None):
    key = (app.project / "var" / "api_key").read_text().strip()
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(app.address + path, data, {"X-API-Key": key, "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def test_matches_is_full_after_a_promotion_the_next_refresh_and_a_restart(browser, promoted_here):
    app = promoted_here
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(60_000)
    page.goto(app.address + "/arena")
    page.get_by_role("button", name="Promote version 2").first.click()
    page.get_by_label("Why").fill("it is simpler")
    page.get_by_label("Your name").fill("Ada")
    page.get_by_text("I have read this, and am sure").click()
    page.get_by_test_id("stPopoverBody").get_by_role("button", name="Promote version 2").click()
    page.get_by_text("Promoted version 2, in place of 1").first.wait_for()
    task = asked(app, "/monitoring/refresh", {})["task_id"]
    eventually(lambda: asked(app, f"/monitoring/task_status/{task}")["status"] == "SUCCESS", 300)
    assert app.stop() == 0
    app.start()
    page.goto(app.address)
    page.wait_for_selector("article.m")
    assert page.locator("article.m").count() >= 10
    assert "Champion v2" in page.locator(".mast").inner_text()
    assert "Former champion v1" in page.get_by_test_id("stMain").inner_text()
    first = page.locator("article.m").first
    match_id = (first.get_attribute("id") or "").removeprefix("m")
    answer = asked(app, f"/predict/precomputed/{match_id}")
    shown = Probabilities(*(answer[f"proba_{side}"] for side in ("home", "draw", "away"))).percentages()
    assert answer["model_version"] == 2 and all(f"{chance}%" in first.inner_text() for chance in shown)
    page.close()
