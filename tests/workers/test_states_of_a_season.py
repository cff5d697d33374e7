"""A running season of football-data.co.uk at three moments, loaded in order and once more: the table of the last one alone."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from core.errors import DocumentMissing
from core.settings import PROJECT
from core.sources.documents import RawDocument
from core.sources.football_data import FootballData
from core.storage.database import Database
from core.storage.schema import matches, raw_matches
from core.storage.source_documents import Shelf
from workers import providers
from workers.gathering import Gathering

STATES = PROJECT.parent / "shared" / "data" / "football-data-co-uk" / "inseason_2526"
LEAGUE, SCORE = (list(matches.c.keys()).index(name) for name in ("competition_code", "home_score"))
MOMENTS = ("2025-09-25", "2025-12-21", "2026-04-19")
SMALL = {
    "2025-09-25": "Div,Date,HomeTeam,AwayTeam,FTHG,FTAG,FTR\nE0,16/08/2025,Arsenal,Leeds,2,0,H\nE0,17/08/2025,Everton,Man City,1,1,D\n",
    "2025-12-21": "Div,Date,HomeTeam,AwayTeam,FTHG,FTAG,FTR\nE0,16/08/2025,Arsenal,Leeds,2,0,H\nE0,18/08/2025,Everton,Man City,1,1,D\n"
    "E0,20/12/2025,Leeds,Arsenal,0,3,A\n",
    "2026-04-19": "Div,Date,HomeTeam,AwayTeam,FTHG,FTAG,FTR\nE0,16/08/2025,Arsenal,Leeds,2,1,H\nE0,18/08/2025,Everton,Man City,1,1,D\n"
    "E0,20/12/2025,Leeds,Arsenal,0,3,A\nE0,18/04/2026,Man City,Everton,4,0,H\n",
}
FIXTURES = "Div,Date,HomeTeam,AwayTeam\nE0,27/09/2025,Man City,Everton\nE0,16/08/2025,Arsenal,Leeds\n"


def small(moment, path):
    """The same in a few lines: a day that moves, a score that is corrected, a list of fixtures that lags behind."""
    if path.endswith("2526/E0.csv"):
        return SMALL[moment].encode()
    return FIXTURES.encode() if path.endswith("/fixtures.csv") and moment == MOMENTS[0] else None


def real(moment, path):
    file = STATES / f"asof_{moment}" / path.removeprefix("https://www.football-data.co.uk/")
    return file.read_bytes() if file.is_file() else None


def load(database, folder, moments, state):
    """Every document of each moment in turn."""
    teams, _ = providers.known_teams(PROJECT, database)
    for number, moment in enumerate(moments):
        now = datetime(2026, 6, 1, number, tzinfo=UTC)

        def get(source, url, earlier, moment=moment, now=now):
            content = state(moment, url)
            if content is None:
                raise DocumentMissing(f"{url} does not exist.")
            return RawDocument(source, url, content, now)

        # Another reader each time: a document of before is judged again, as one that came back.
        Gathering(database, Shelf(folder), teams, get, str(number), now).run([FootballData(since=2025)])


def table(folder, moments, state):
    with closing(Database(f"sqlite:///{folder / 'soccer.db'}")) as database:
        database.create()
        load(database, folder / "documents", moments, state)
        with database.read() as connection:
            versions = connection.scalar(sa.select(sa.func.count()).select_from(raw_matches))
            return [tuple(row) for row in connection.execute(sa.select(matches).order_by(matches.c.match_id))], versions


@pytest.mark.parametrize(
    "state",
    [small, pytest.param(real, marks=pytest.mark.skipif(not STATES.is_dir(), reason="the recorded season is not here"))],
    ids=["small", "recorded"],
)
def test_three_states_in_order_and_once_more_give_the_table_of_the_last_alone(tmp_path, state):
    for name in ("twice", "alone"):
        (tmp_path / name).mkdir()
    twice, versions = table(tmp_path / "twice", MOMENTS * 2, state)
    alone, fewer = table(tmp_path / "alone", MOMENTS[-1:], state)
    assert len(alone) >= 4
    assert {row[0] for row in alone} <= {row[0] for row in twice}
    assert [row for row in twice if row[0] in {found[0] for found in alone}] == alone
    told = {row[LEAGUE] for row in alone}
    assert all(row[SCORE] is None or row[LEAGUE] not in told for row in twice if row not in alone), "of its leagues no other result"
    assert versions > fewer, "the history is kept"
