"""The files that the backtest is measured on hold what the served pipeline learns from."""

from contextlib import closing
from datetime import UTC, datetime

import numpy as np

from bench import yardstick
from core.football.raw import SHOTS
from core.learning.kinds import of_file, of_table
from core.learning.match_file import checked
from core.sources import football_data
from core.storage import match_rows
from core.storage.database import Database

HEAD = "Div,Date,HomeTeam,AwayTeam,FTHG,FTAG,FTR,HS,AS,HST,AST,AvgCH,AvgCD,AvgCA"
AUTUMN = "E0,16/08/2025,Arsenal,Leeds,2,1,H,14,8,6,3,1.4,4.8,7.9"
WINTER = "E0,20/12/2025,Leeds,Arsenal,0,0,D,,,,,6.1,4.2,1.5"
SPRING = "E0,02/03/2026,Chelsea,Arsenal,1,3,A,11,17,4,9,3.1,3.4,2.3"
STATES = {
    "asof_2025-10-01": [AUTUMN.replace("14,8", "13,8")],
    "asof_2026-01-01": [AUTUMN, WINTER],
    "asof_2026-04-01": [AUTUMN, WINTER, SPRING],
}

LATER = datetime(2026, 4, 1, tzinfo=UTC)


def table_of(folder, documents):
    """The same documents in a database, one after the other, as the pipeline loads them."""
    with closing(Database(f"sqlite:///{folder / 'soccer.db'}")) as database:
        database.create()
        for rows in (football_data.parse("2526/E0", document).rows for document in documents):
            with database.write() as connection:
                match_rows.load(connection, football_data.SOURCE, "2526/E0", rows, (), yardstick.known_teams(rows), LATER)
        return match_rows.matches_frame(database)


def test_a_season_at_several_times_gives_the_shots_that_the_served_pipeline_learns_from_to_the_last_bit(tmp_path):
    documents = ["\n".join([HEAD, *rows]).encode() for rows in STATES.values()]
    for state, document in zip(STATES, documents, strict=True):
        (tmp_path / state / "2526").mkdir(parents=True)
        (tmp_path / state / "2526" / "E0.csv").write_bytes(document)
    matches, odds = yardstick.clubs(list(yardstick.club_rows(tmp_path)))
    assert (len(matches), len(odds)) == (3, 3)
    assert matches[list(SHOTS)].dropna().to_numpy().tolist() == [[14, 8, 6, 3], [11, 17, 4, 9]]
    worth = ["home_worth", "away_worth"]
    one, other = (
        meetings.sort_values("date")[worth].to_numpy() for meetings in (of_file(checked(matches)), of_table(table_of(tmp_path, documents)))
    )
    assert one.tobytes() == other.tobytes()
    assert np.isnan(one).all(axis=1).tolist() == [False, True, False]
