"""Live, and the replay's controls on Operations, from the front door."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from core.clock import SNAPSHOT_MOMENT
from core.errors import DatabaseUnavailable
from core.football.live import LiveRow
from core.storage import live_scores
from core.storage import replay as stored
from core.storage.task_ledger import TaskLedger
from pages.shared import held
from tests.pages.ops_fixtures import house, said  # noqa: F401
from tests.workers.house import eventually

KEY = "a-key-of-the-tests"
ROW = LiveRow(
    "replay", "7", SNAPSHOT_MOMENT, "eng.1", 0, "<b>Leeds</b>", "Everton", "second_half", match_id=7,
    kickoff_utc=SNAPSHOT_MOMENT - timedelta(minutes=70), minute=53, home_score=1, away_score=0,
)  # fmt: skip


def test_a_match_in_play_is_shown_escaped_and_the_replay_points_to_its_controls(house):  # noqa: F811
    live_scores.write(house.database, [ROW])
    page = house.open("live")
    assert not page.exception and not page.error
    assert "In play" in said(page) and "53′" in said(page) and "1–0" in said(page)
    assert "&lt;b&gt;Leeds" in "".join(element.proto.body for element in page.get("html"))
    assert "The replay stands." in said(page) and said(page).count("13 March 2026, 12:00 UTC") == 2, "in the head and in the banner"


def test_a_goal_that_was_taken_back_says_so(house):  # noqa: F811
    live_scores.write(house.database, [replace(ROW, away_score=1)])
    live_scores.write(house.database, [replace(ROW, sequence=2)])
    assert "goal taken back, it was 1–1" in said(house.open("live"))


def test_when_nothing_is_on_the_page_says_when_the_next_match_is(house):  # noqa: F811
    page = said(house.open("live", league="Nowhere at all", date="2026-03-01"))
    assert "The next one is" in page
    days = set(re.findall(r'<time datetime="(\d{4}-\d\d-\d\d)', page))
    assert len(days) == 1, "the matches of that day stand below"


def test_league_and_day_in_the_address_choose_what_is_shown(house):  # noqa: F811
    live_scores.write(house.database, [ROW])
    assert "53′" in said(house.open("live", date="2026-03-13"))
    assert "53′" not in said(house.open("live", date="2026-03-12"))


def operate(house, button, given=KEY):  # noqa: F811
    house.settings.key_file.write_text(KEY)
    page = house.open("operations")
    page.text_input(key="operator_key").set_value(given)
    return page.button(key=button).click().run()


def test_live_itself_lets_the_replay_play_and_says_so_when_it_cannot(house, monkeypatch):  # noqa: F811
    monkeypatch.setattr("pages.shared.keyed.spared", lambda settings: True)
    page = house.open("live").button(key="live_play").click().run()
    assert not page.exception and stored.read(house.database, SNAPSHOT_MOMENT).speed == 1.0

    def refused(*_):
        raise DatabaseUnavailable("The database is locked.")

    monkeypatch.setattr(stored, "pause", refused)
    page = page.button(key="live_pause").click().run()
    assert not page.exception and any("The database is locked." in warning.value for warning in page.warning)


def test_with_the_key_the_replay_plays_and_pauses_and_its_clock_is_moved(house):  # noqa: F811
    page = operate(house, "go_play")
    assert not page.exception
    assert stored.read(house.database, SNAPSHOT_MOMENT).speed == 1.0
    assert "The replay plays: 13 March 2026, 12:00 UTC, one second is a minute." in said(house.open("live"))
    operate(house, "pause")
    assert stored.read(house.database, SNAPSHOT_MOMENT).speed is None
    operate(house, "move_next-day")
    (task,) = house.ledger.recent(5, "PENDING", "advance")
    second = operate(house, "move_+24h")
    assert [row["task_id"] for row in house.ledger.recent(5, None, "advance")] == [task["task_id"]], "one at a time"
    assert any("is being moved already" in warning.value for warning in second.warning) and not second.toast


def test_who_moves_the_clock_while_the_sources_are_asked_is_told_that_it_follows(house):  # noqa: F811
    TaskLedger(house.database).create("refresh", "batch", {})
    page = operate(house, "move_next-match")
    assert "once the sources have been asked" in page.toast[0].value


@pytest.mark.parametrize(("given", "answer"), [("", "Give the key first."), ("wrong", "This is not the key.")])
def test_without_the_key_nothing_moves(house, given, answer):  # noqa: F811
    for button in ("go_play", "pause", "move_next-match", "move_start"):
        page = operate(house, button, given)
        assert any(answer in warning.value for warning in page.warning)
    assert stored.read(house.database, SNAPSHOT_MOMENT) == stored.Replay(SNAPSHOT_MOMENT, SNAPSHOT_MOMENT)
    assert house.ledger.recent(5, None, "advance") == []


def test_the_matches_page_and_the_chip_follow_the_clock_that_was_moved(house):  # noqa: F811
    before = house.open("matches")
    here = "Replaying 15 March 2026, 12:00 UTC."
    later = SNAPSHOT_MOMENT + timedelta(days=2)
    stored.set_out(house.database, SNAPSHOT_MOMENT, later)
    stored.arrive(house.database, SNAPSHOT_MOMENT)
    eventually(lambda: any(notice.title == here for notice in held.services().notices()))  # the web process looks each second
    after = house.open("matches")
    assert "15 March 2026, 12:00 UTC" in said(after) and here in said(after)
    shown = [said(page).count('<article class="m"') for page in (before, after)]
    assert shown[1] < shown[0], "what has begun is no longer to come"
