"""Sources asked over HTTP: what is new is loaded, what is refused or away leaves everything as it was, and all of it is listed."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from core.football.matches import Teams
from core.settings import Settings
from core.sources.documents import Part
from core.sources.fetching import Fetcher, Limits
from core.sources.football_data import FootballData
from core.sources.international import International
from core.sources.openfootball import OpenFootball
from core.sources.openligadb import OpenLigaDB
from core.storage import match_rows, source_documents
from core.storage.database import Database
from core.storage.schema import quarantine
from core.storage.source_documents import Shelf
from tests.installation import PATIENCE
from tests.workers.provider import OPENFOOTBALL, OPENLIGADB, Provider, openfootball, openligadb, weekly
from workers import gathering, providers
from workers.gathering import Gathering

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
FIRST = date(2026, 8, 15)
TREES = "Alder Birch Cedar Elder Fir Hazel Larch Maple Oak Pine Rowan Yew Ash Beech Elm Holly Juniper Lime Poplar Willow"
CLUBS = [f"{name} Town" for name in TREES.split()]
WOMEN = [f"{club} Frauen" for club in CLUBS[:14]]
SOURCES = (OpenFootball(), OpenLigaDB())
SHOTS = "/www.football-data.co.uk/mmz4281/2627/E0.csv"
LEAGUE, FFB1 = f"{OPENFOOTBALL}/2026-27/en.1.json", f"{OPENLIGADB}/ffb1/2026"


@pytest.fixture
def provider():
    with closing(Provider()) as made:
        made.documents[LEAGUE] = openfootball(CLUBS, weekly(FIRST, 38), NOW.date())
        made.documents[FFB1] = openligadb(WOMEN, weekly(FIRST, 26), NOW.date())
        yield made


class Home:
    """A database and a shelf, and rounds through the sources on them."""

    def __init__(self, folder, provider):
        self.database = Database(f"sqlite:///{folder / 'soccer.db'}")
        self.database.create()
        self.shelf, self.provider, self.teams = Shelf(folder / "documents"), provider, Teams()

    def round(self, at=NOW, reader="one", since=2026, mirror=None, sources=SOURCES):
        limits = Limits(attempts=1, pause=0.0, silence=PATIENCE)
        with closing(Fetcher(limits)) as fetcher:
            get = providers.reached(fetcher.get, mirror or self.provider.address)
            return Gathering(self.database, self.shelf, self.teams, get, reader, at).run(sources, since)

    def frame(self):
        return match_rows.matches_frame(self.database)

    def document(self, url):
        return next(row for row in source_documents.listed(self.database) if row["url"].endswith(url))


@pytest.fixture
def home(tmp_path, provider):
    made = Home(tmp_path, provider)
    yield made
    made.database.close()


def changed(provider, path, change):
    told = json.loads(provider.documents[path])
    change(told)
    provider.documents[path] = json.dumps(told).encode()


def test_men_and_women_are_loaded_with_this_weeks_fixtures(home):
    done = home.round()
    assert (done.loaded, done.refused, done.problems) == (2, 0, [])
    frame = home.frame()
    assert len(frame) == 20 * 19 + 14 * 13
    assert set(frame["sex"]) == {0, 1}
    week = frame[(frame["date"] >= "2026-11-23") & (frame["date"] < "2026-11-30")]
    assert week.groupby("sex").size().to_dict() == {0: 10, 1: 7}
    assert (week["status"] == "scheduled").all()


def test_a_document_without_news_is_not_sent_and_changes_nothing(home, provider):
    home.round()
    before = home.frame()
    done = home.round(NOW + timedelta(hours=1))
    assert (done.loaded, done.versions, done.news) == (0, 0, False)
    assert LEAGUE in provider.answered(304)
    assert home.frame().equals(before)


def test_a_document_asked_for_just_now_is_not_asked_for_again(home, provider):
    home.round()
    before = len(provider.asked)
    home.round(NOW + timedelta(minutes=2))
    assert len(provider.asked) == before


def test_a_clock_that_was_put_back_does_not_keep_a_document_from_being_asked_for(home, provider):
    home.round(NOW + timedelta(days=365))
    before = len(provider.asked)
    home.round()
    assert LEAGUE in [path for path, _ in provider.asked[before:]]


def test_a_new_result_is_loaded_and_only_its_league_was_sent(home, provider):
    home.round()
    provider.documents[LEAGUE] = openfootball(CLUBS, weekly(FIRST, 38), NOW.date() + timedelta(days=7))
    before = len(provider.answered(200))
    done = home.round(NOW + timedelta(days=7))
    assert provider.answered(200)[before:] == [LEAGUE]
    assert (done.versions, done.history) == (10, 0)


def test_shots_of_one_source_stand_beside_anothers_results_and_stay_when_these_go_on(home, provider):
    home.round()
    played = home.frame().query("sex == 0 and status == 'finished'")
    rows = [
        f"E0,{row.date:%d/%m/%Y},{row.home_team},{row.away_team},{row.home_score:.0f},{row.away_score:.0f},,14,8,6,3"
        for row in played.itertuples()
    ]
    provider.documents[SHOTS] = "\n".join(["Div,Date,HomeTeam,AwayTeam,FTHG,FTAG,FTR,HS,AS,HST,AST", *rows]).encode()
    for weeks in (0, 1):
        provider.documents[LEAGUE] = openfootball(CLUBS, weekly(FIRST, 38), NOW.date() + timedelta(weeks=weeks))
        home.round(NOW + timedelta(weeks=weeks, hours=1), sources=(*SOURCES, FootballData(since=2026)))
    men = home.frame().query("sex == 0 and status == 'finished'").set_index("match_id")
    counted = men.loc[men["home_shots"].notna(), ["home_shots", "away_shots", "home_shots_on_target", "away_shots_on_target"]]
    assert len(men) == len(played) + 10 and set(counted.index) == set(played["match_id"])
    assert counted.drop_duplicates().to_numpy().tolist() == [[14, 8, 6, 3]]


def test_a_refused_document_leaves_every_row_as_it_was_and_is_listed_with_the_reason(home, provider):
    home.round()
    before, fetched = home.frame(), home.document("en.1.json")["fetched_at"]
    changed(provider, LEAGUE, lambda told: told["matches"][0].update(score={}))
    done = home.round(NOW + timedelta(hours=1))
    assert done.refused == 1
    assert home.frame().equals(before)
    listed = home.document("en.1.json")
    assert (listed["status"], listed["rows"], listed["fetched_at"]) == ("refused", 380, fetched)
    assert "had a score before and has none now" in listed["reason"]


@pytest.mark.parametrize(
    "odd", [None, {"round": "Matchday 1", "date": "", "team1": "A", "team2": "B", "score": {}}], ids=["nothing", "no day"]
)
def test_a_document_with_an_oddity_never_seen_is_refused_and_all_others_are_asked(home, provider, odd):
    home.round()
    before = home.frame()
    changed(provider, LEAGUE, lambda told: told["matches"].__setitem__(0, odd))
    done = home.round(NOW + timedelta(hours=1))
    assert done.refused == 1 and not done.problems
    assert home.frame().equals(before)
    assert "what was loaded before stays" in home.document("en.1.json")["reason"]


def test_a_refused_document_is_not_judged_again_until_it_or_the_code_that_reads_is_another(home, provider):
    home.round()
    good = provider.documents[LEAGUE]
    changed(provider, LEAGUE, lambda told: told["matches"][0].update(score={}))
    home.round(NOW + timedelta(hours=1))
    assert home.round(NOW + timedelta(hours=2)).refused == 0
    assert home.document("en.1.json")["status"] == "refused"
    assert home.round(NOW + timedelta(hours=3), reader="another").refused == 1
    provider.documents[LEAGUE] = good
    home.round(NOW + timedelta(hours=4), reader="another")
    assert home.document("en.1.json")["status"] == "loaded"


def test_what_is_kept_is_read_again_when_the_code_that_reads_is_another_and_the_provider_has_nothing_new(home, provider):
    home.round()
    sent = len(provider.answered(200))
    done = home.round(NOW + timedelta(hours=1), reader="another")
    assert (done.loaded, done.versions) == (2, 0)
    assert len(provider.answered(200)) == sent


def test_with_the_provider_gone_all_stays_and_the_list_says_why(home, provider):
    home.round()
    before = home.frame()
    provider.close()
    done = home.round(NOW + timedelta(hours=1), mirror="http://127.0.0.1:9")
    assert not done.answered
    assert len(done.problems) == 2, "a source that does not answer is left alone"
    assert home.frame().equals(before)
    assert home.document("en.1.json")["status"] == "failed"
    assert "cannot be reached" in home.document("en.1.json")["reason"]


def test_a_season_that_is_over_is_asked_for_once_a_week_and_one_that_is_missing_once_a_day(home, provider):
    old = f"{OPENFOOTBALL}/2024-25/en.1.json"
    provider.documents[old] = openfootball(CLUBS, weekly(date(2024, 8, 10), 38), NOW.date())
    assert home.round(since=2024).history == 380

    def asked(days):
        before = len(provider.asked)
        home.round(NOW + timedelta(days=days), since=2024)
        return {path for path, _ in provider.asked[before:]}

    assert not asked(0.5) & {old, f"{OPENFOOTBALL}/2026-27/en.2.json"}
    assert asked(1.5) & {old, f"{OPENFOOTBALL}/2026-27/en.2.json"} == {f"{OPENFOOTBALL}/2026-27/en.2.json"}
    assert old in asked(8)


def test_the_first_round_leaves_older_seasons_for_later(home, provider):
    home.round(since=2026)
    assert not any("2025-26" in path for path, _ in provider.asked)


def test_a_row_that_its_document_cannot_tell_is_in_quarantine(home, provider):
    changed(provider, LEAGUE, lambda told: told["matches"][5].update(date="2025-01-01"))
    home.round()
    with home.database.read() as connection:
        (reason,) = connection.scalars(sa.select(quarantine.c.reason))
    assert "outside the season" in reason
    assert len(home.frame()) == 20 * 19 + 14 * 13 - 1


@pytest.mark.parametrize(
    ("name", "current"),
    [("2026-27/en.1", True), ("bl1/2025", False), ("2025/mls", False), ("2627/E0", True), ("2425/E0", False), ("all", True)],
)
def test_a_season_counts_as_current_until_the_summer_after_it_began(name, current):
    assert gathering.is_current(Part(name, {}), NOW.date()) is current


def test_at_first_only_what_is_learnt_from_soon_is_asked(tmp_path):
    def named(at_first, **given):
        settings = Settings.from_environment({"SOCCER_HOME": str(tmp_path), **given})
        return [source.name for source in providers.sources(settings, at_first)]

    assert named(True) == ["openfootball", "openligadb"]
    assert named(False) == ["openfootball", "international_men", "international_women", "openligadb"]
    assert named(True, SOCCER_SOURCES="international") == ["international_men", "international_women"]


def test_a_table_of_all_times_counts_as_history_when_it_comes_for_the_first_time(home, provider):
    lines = ["2026-11-20,Spain,France,1,0,Friendly,Madrid,Spain,FALSE", "2026-11-21,Italy,Spain,1,1,Friendly,Rome,Italy,FALSE"]
    head = "date,home_team,away_team,home_score,away_score,tournament,city,country,neutral"

    def told(number):
        provider.documents["/raw.githubusercontent.com/martj42/international_results/master/results.csv"] = "\n".join(
            [head, *lines[:number]]
        ).encode()
        return home.round(NOW + timedelta(hours=number), sources=[International(0)])

    assert [told(1).history, told(2).history] == [1, 0]
