"""Live scores in real time, from a server that stands for OpenLigaDB: asked while matches are in play, and no more than that needs."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import sqlalchemy as sa

from core.clock import Clock, iso
from core.errors import SourceError
from core.football.matches import Teams
from core.football.raw import RawMatch
from core.settings import Settings
from core.sources.fetching import Fetcher, Limits
from core.sources.openligadb import OpenLigaDB
from core.storage import live_scores, match_rows
from core.storage.database import Database
from core.storage.schema import leases
from tests.installation import PATIENCE
from workers import live_loop
from workers.live_loop import LiveLoop
from workers.playing import Player
from workers.polling import Poller

KICKOFF = datetime(2026, 9, 12, 13, 30, tzinfo=UTC)
CHANGE, MATCHDAY = "/getlastchangedate/bl1/2026/3", "/getmatchdata/bl1/2026/3"
MATCH = RawMatch(
    "openligadb", "777", 0, "ger.1", "Bundesliga", "Germany", "2026-27", KICKOFF.date(), "1. FC Köln", "1. FSV Mainz 05",
    round_raw="3. Spieltag", kickoff_utc=KICKOFF, kickoff_precision="minute", status_raw="scheduled",
)  # fmt: skip


class League:
    """One matchday of OpenLigaDB over HTTP; `asked` are the paths, in order."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.changed, self.goals, self.results, self.over = 0, [], [], False
        league = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                league.asked.append(self.path)
                body = {CHANGE: f'"{league.updated()}"', MATCHDAY: json.dumps([league.match()])}.get(self.path, "").encode()
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def updated(self) -> str:
        return f"2026-09-12T15:{30 + self.changed:02d}:00.1"

    def match(self) -> dict:
        return {
            "matchID": 777, "matchDateTimeUTC": iso(KICKOFF), "lastUpdateDateTime": self.updated(), "matchIsFinished": self.over,
            "group": {"groupName": "3. Spieltag"}, "matchResults": self.results, "goals": self.goals,
            "team1": {"teamId": 65, "teamName": "Koeln (as they say)"}, "team2": {"teamId": 81, "teamName": "Mainz"},
        }  # fmt: skip

    def score(self, home: int, away: int) -> None:
        self.changed += 1
        self.goals.append({"scoreTeam1": home, "scoreTeam2": away, "matchMinute": 10 * len(self.goals), "comment": None})

    def end(self) -> None:
        self.changed += 1
        self.over, self.results = True, [{"resultTypeID": 2, "pointsTeam1": 1, "pointsTeam2": 0}]

    def take_asked(self) -> list[str]:
        asked, self.asked = self.asked, []
        return asked


@pytest.fixture
def league():
    league = League()
    yield league
    league.server.shutdown()
    league.server.server_close()


@pytest.fixture
def database(database):
    teams = Teams()
    for name in ("1. FC Köln", "1. FSV Mainz 05"):
        teams.add("Germany", 0, name)
    match_rows.ingest(database, [MATCH], teams, (), Clock(), KICKOFF)
    return database


class Watch:
    """A poller whose time is told; each look is due at once."""

    def __init__(self, database: Database, base: str) -> None:
        self.now, self.ended, self.database = KICKOFF, 0, database
        fetcher = Fetcher(Limits(silence=PATIENCE, pause=0, attempts=1))
        self.poller = Poller(database, OpenLigaDB(base), fetcher.get, 0, self.end, lambda: self.now)

    def end(self) -> None:
        self.ended += 1

    def look(self, **after: float):
        """The one row, as it stands so long after kick-off."""
        self.now = KICKOFF + timedelta(**after)
        self.poller.once()
        return self.shown()

    def shown(self):
        with self.database.read() as connection:
            found = live_scores.current(connection, self.now)
        return found[0].row if found else None


@pytest.fixture
def watch(database, league):
    return Watch(database, league.base)


def test_nobody_is_asked_while_no_match_is_in_play(watch, league):
    assert watch.look(hours=-1) is None
    assert watch.look(hours=5) is None
    assert league.asked == []


def test_a_matchday_is_fetched_when_it_has_changed_and_else_only_asked_whether_it_has(watch, league):
    row = watch.look(minutes=1)
    assert (row.home_name, row.away_name, row.home_score, row.away_score) == ("1. FC Köln", "1. FSV Mainz 05", 0, 0)
    assert league.take_asked() == [CHANGE, MATCHDAY]
    watch.look(minutes=20)
    assert league.take_asked() == [CHANGE]
    league.score(1, 0)
    assert (watch.look(minutes=21).home_score, league.take_asked()) == (1, [CHANGE, MATCHDAY])


def test_a_matchday_that_is_over_is_not_kept_in_memory(watch, league):
    watch.look(minutes=1)
    assert len(watch.poller._seen) == 1
    watch.look(minutes=6 * 60)
    assert watch.poller._seen == {}


def test_a_match_without_news_is_not_stale_while_its_source_answers_and_its_phase_follows_the_clock(watch, league):
    watch.look(minutes=1)
    row = watch.look(minutes=30)
    assert (row.phase, row.is_stale) == ("first_half", False)
    assert watch.look(minutes=55).phase == "half_time"


def test_a_goal_that_was_taken_back_is_taken_back(watch, league):
    league.score(1, 0)
    watch.look(minutes=10)
    league.goals, league.changed = [], league.changed + 1
    assert watch.look(minutes=12).home_score == 0


def test_a_source_that_does_not_answer_is_told_once_in_words_and_the_score_goes_stale(watch, league):
    watch.look(minutes=1)
    league.server.shutdown()
    league.server.server_close()
    with pytest.raises(SourceError, match="cannot be had"):
        watch.look(minutes=8)
    assert watch.shown().is_stale


def test_an_answer_that_cannot_be_read_leaves_the_last_score_and_goes_by(watch, league, monkeypatch):
    watch.look(minutes=1)
    monkeypatch.setattr(league, "match", lambda: {"matchID": 777, "team1": None})
    league.changed += 1
    assert watch.look(minutes=2).home_score == 0
    monkeypatch.setattr(league, "match", lambda: "no match")
    league.changed += 1
    with pytest.raises(SourceError, match="holds no matches"):
        watch.look(minutes=3)


def test_a_match_settles_until_its_result_is_told_and_then_the_results_are_asked_for_once(watch, league):
    league.score(1, 0)
    assert watch.look(minutes=125).phase == "settling"
    league.end()
    assert (watch.look(minutes=126).phase, watch.ended) == ("finished", 1)
    league.take_asked()
    watch.look(minutes=127)
    assert (league.asked, watch.ended) == ([], 1)


def test_between_two_looks_nobody_is_asked(database, league):
    slow = Watch(database, league.base)
    slow.poller._interval = 60
    assert slow.poller.wanted()
    slow.look(minutes=1)
    assert not slow.poller.wanted()


def test_a_row_of_a_match_that_nobody_knows_is_not_shown(database, watch, league):
    unknown = replace(watch.look(minutes=1), source_match_id="4711", match_id=None)
    with database.read() as connection:
        assert live_scores.identified(connection, [unknown]) == []


def settings_of(database, tmp_path, **changes):
    queue = f"sqlite:///{tmp_path / 'queue.db'}"
    return Settings(tmp_path, timeline="real", clock=Clock(), database_url=database.url, queue_url=queue, **changes)


def test_a_worker_asks_through_the_mirror_where_one_is_set_and_only_one_worker_asks(database, league, tmp_path, monkeypatch):
    monkeypatch.setattr(live_loop, "LEASE_SECONDS", PATIENCE)
    loops = [LiveLoop(settings_of(database, tmp_path, sources=("openligadb",), mirror=league.base)) for _ in range(2)]
    loops[1].holder = "another worker"
    for loop in loops:
        loop.bringer._clock = lambda: KICKOFF
    with pytest.raises(SourceError, match="does not exist"):  # this server has no mirror's paths
        loops[0].once()
    loops[1].once()
    assert league.asked == [f"/api.openligadb.de{CHANGE}"]


def test_a_source_that_is_switched_off_is_not_asked(database, league, tmp_path):
    loop = LiveLoop(settings_of(database, tmp_path, sources=("openfootball",), mirror=league.base))
    loop.bringer._clock = lambda: KICKOFF
    loop.once()
    assert league.asked == []


def test_in_a_replay_nobody_is_asked_and_a_worker_that_does_not_play_takes_no_lease(database, league, tmp_path):
    loop = LiveLoop(replace(settings_of(database, tmp_path), timeline="replay", clock=Clock(KICKOFF)))
    loop.once()
    assert isinstance(loop.bringer, Player)
    with database.read() as connection:
        assert connection.execute(sa.select(leases)).first() is None
