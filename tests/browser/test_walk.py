"""A visitor's walk through the running app, in a real Chromium."""

import os
import re
import signal
import time
from contextlib import contextmanager

import pytest

from tests.browser.conftest import NARROW, WIDE
from tests.installation import children_of, command_line
from tests.workers.house import eventually

PAGES = {
    "/": "Matches",
    "/live": "Live",
    "/arena": "Arena",
    "/playground": "Playground",
    "/drift": "Drift",
    "/operations": "Operations",
    "/how_it_works": "How it works",
}


DRAWN = """asked => {
    const runs = document.querySelector('[data-testid=stApp]')?.dataset.testScriptState !== 'notRunning'
    const size = document.getElementsByTagName('*').length
    if (runs || size !== window.drawnSize || asked !== window.drawnAsked) {
        [window.drawnSize, window.drawnAsked, window.drawnSince] = [size, asked, performance.now()]
    }
    return !runs && performance.now() - window.drawnSince > 300
}"""


def quiet(page):
    """Wait until the page has been drawn whole: nothing runs, and nothing was added for a while."""
    page.wait_for_function(DRAWN, arg=time.monotonic())


@contextmanager
def standing_still(*pids):
    """The supervisor too, which would take a worker that does nothing for a broken one."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)


def test_at_least_eighty_premier_league_matches_each_have_three_numbers(visit):
    page = visit("/")
    seen = set()
    for number in range(1, 5):
        page.goto(f"/?page={number}")
        page.wait_for_selector("article.m")
        quiet(page)
        for card in page.query_selector_all("article.m"):
            numbers = [int(part) for part in re.findall(r"(\d+)%", card.inner_text())]
            assert len(numbers) == 3
            assert sum(numbers) == 100
            seen.add(card.get_attribute("id"))
    assert len(seen) >= 80


def test_a_new_page_of_matches_begins_at_its_top_on_a_phone(visit):
    page = visit("/", viewport=NARROW)
    quiet(page)
    first = page.inner_text("article.m")
    page.get_by_role("button", name="Page 2").click()
    page.wait_for_function("first => document.querySelector('article.m').innerText !== first", arg=first)
    page.wait_for_function("document.querySelector('[data-testid=stMain]').scrollTop < 50")


COLUMNS = """() => [...document.querySelectorAll('[data-testid=stColumn]')].slice(0, 2).map(
    column => column.querySelector('[data-testid=stVerticalBlock]').lastElementChild.getBoundingClientRect().bottom
        - column.getBoundingClientRect().top)"""


@pytest.mark.parametrize("path", ["/", "/how_it_works"])
def test_on_a_wide_screen_neither_of_two_columns_is_half_empty(visit, path):
    page = visit(path, viewport=WIDE)
    quiet(page)
    shorter, longer = sorted(page.evaluate(COLUMNS))
    assert shorter > 0.8 * longer


def test_search_open_queue_reload_result(visit, app):
    page = visit("/")
    page.get_by_placeholder("Team or league").fill("tottenham")
    page.wait_for_function("document.querySelectorAll('article.m').length < 20 && document.querySelectorAll('article.m').length > 2")
    page.wait_for_url(re.compile("q=tottenham"))
    quiet(page)
    assert all("Tottenham" in card for card in page.locator("article.m").all_inner_texts())
    page.locator("article.m a.go").first.click()
    page.wait_for_url(re.compile(r"/match\?id=\d+"))
    page.wait_for_selector(".big .bar")
    assert "Tottenham" in page.inner_text(".mast h1")
    match_id = re.search(r"id=(\d+)", page.url)[1]

    page.goto(f"/playground?match_id={match_id}")
    quiet(page)
    with standing_still(app.pid, app.process("--queue ml")):  # so that there is a middle to reload in
        page.get_by_role("button", name=re.compile("queue", re.IGNORECASE)).click()
        page.wait_for_url(re.compile("task_id="))
        page.get_by_text(re.compile("Waiting in the queue")).wait_for()
        page.reload()
        page.get_by_text(re.compile("Waiting in the queue")).wait_for()
    page.get_by_text(re.compile("Done, .* after it was asked")).wait_for()
    page.wait_for_selector(".bar .s")
    page.reload()
    page.get_by_text(re.compile("Done, .* after it was asked")).wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["1440", "360"])
@pytest.mark.parametrize(("path", "title"), PAGES.items(), ids=PAGES.values())
def test_every_page_is_drawn_without_a_fault_and_without_sideways_scroll(visit, path, title, viewport, scheme):
    page = visit(path, viewport=viewport, scheme=scheme)
    quiet(page)
    assert page.inner_text(".sp .mast h1") == title
    assert page.query_selector("[data-testid=stException]") is None
    assert page.query_selector("[data-testid=stAlertContentError]") is None
    assert "Replaying 13 March 2026" in page.inner_text(".sp .fresh")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


@pytest.mark.parametrize("name", ["0", "-1", "abc", "1e99", "9" * 40, "<script>alert(1)</script>", "%00", "' OR 1=1", ""])
def test_an_absurd_match_id_is_answered_with_a_sentence(visit, name):
    page = visit("/match")
    page.goto(f"/match?id={name}")
    quiet(page)
    assert page.query_selector("[data-testid=stException]") is None
    assert "Traceback" not in page.inner_text("body")
    page.get_by_role("link", name=re.compile("Matches")).first.wait_for()


@pytest.mark.parametrize("q", ["Almería", "O'Neill", '"; drop table', "<b>x</b>"])
def test_accents_and_quotes_in_the_search_do_no_harm(visit, q):
    page = visit("/")
    page.get_by_placeholder("Team or league").fill(q)
    page.wait_for_url(re.compile(r"[?&]q="))
    quiet(page)
    assert page.query_selector("[data-testid=stException]") is None
    page.wait_for_selector("article.m, .none")


@pytest.mark.parametrize("process", ["--queue ml", "uvicorn"])
def test_what_is_killed_runs_again_and_operations_says_so(visit, app, process):
    victim = app.process(process)
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: {child for child in children_of(app.pid) if process in command_line(child)} - {victim})
    app.until_answers("/readyz")
    page = visit("/operations")
    page.get_by_text(re.compile("was killed.*was started again")).first.wait_for()


def test_static_files_are_compressed(visit, app):
    import urllib.request

    page = visit("/")
    script = page.eval_on_selector("script[src*='static/js']", "node => node.src")
    request = urllib.request.Request(script, headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
