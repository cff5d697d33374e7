"""Live scores over the API: what is in play, from memory, by day and league."""

from dataclasses import replace
from datetime import timedelta

import pytest

from core.clock import iso
from core.football.live import LiveRow
from core.serving import pulse
from core.storage import live_scores
from tests.serving.batches import MOMENT
from tests.workers.house import eventually
from tests.workers.served import Served
from workers import schemas

NOW = MOMENT
ROW = LiveRow(
    "openligadb", "77", NOW, "ger.1", 0, "Köln", "Mainz 05", "second_half", match_id=7, kickoff_utc=NOW - timedelta(minutes=70),
    minute=52, home_score=1, away_score=0, sequence=5,
)  # fmt: skip
OTHER = replace(ROW, match_id=8, competition_code="eng.1", home_name="Leeds United", kickoff_utc=NOW - timedelta(days=1))


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    house = Served(tmp_path_factory.mktemp("live"))
    yield house
    house.close()


def scores(served, **query):
    answer = served.stranger.get("/livescores/", params=query)
    assert answer.status_code == 200
    return answer.json()


def test_EP_13_nothing_is_in_play_while_nothing_was_heard(tmp_path):
    served = Served(tmp_path)
    assert scores(served) == scores(served, date="2026-03-14", league="premier") == []
    served.close()


def test_EP_13_a_goal_is_told_soon_and_one_that_is_taken_back_too(served):
    assert pulse.EVERY < 2, "seconds between two looks"
    live_scores.write(served.services.database, [ROW, OTHER])
    (_, told) = eventually(lambda: len(found := scores(served)) == 2 and found)
    assert schemas.MatchRawLive.model_validate(told, strict=True)
    assert told == {
        "match_id": 7, "source": "openligadb", "observed_at": iso(ROW.observed_at), "competition": "Bundesliga (Germany)", "sex": 0,
        "kickoff_utc": iso(ROW.kickoff_utc), "home_team": "Köln", "away_team": "Mainz 05", "status": "second_half", "minute": 52,
        "home_score": 1, "away_score": 0, "is_stale": False,
    }  # fmt: skip
    for sequence, home in ((6, 2), (7, 1)):
        live_scores.write(served.services.database, [replace(ROW, sequence=sequence, home_score=home)])
        eventually(lambda home=home: scores(served, league="ger.1")[0]["home_score"] == home)


def test_EP_13_scores_are_found_by_the_day_of_kick_off_and_by_the_league(served):
    live_scores.write(served.services.database, [ROW, OTHER])
    eventually(lambda: len(scores(served)) == 2)
    day = ROW.kickoff_utc.date().isoformat()
    assert [match["match_id"] for match in scores(served, date=day)] == [7]
    assert [match["match_id"] for match in scores(served, league="premier league")] == [8]
    assert [match["match_id"] for match in scores(served, league="bundes")] == [7]
    assert scores(served, league="eng.1", date=day) == scores(served, league="!") == []


def test_EP_13_a_match_in_play_that_was_not_heard_of_is_stale(served):
    live_scores.write(served.services.database, [replace(ROW, sequence=20, observed_at=NOW - timedelta(minutes=6))])
    eventually(lambda: [match["is_stale"] for match in scores(served, league="ger.1")] == [True])


@pytest.mark.parametrize("day", ["2026-02-30", "14.03.2026", "yesterday", "", "20260314", "2026-03-14T12:00:00Z"])
def test_EP_13_a_date_that_is_none_is_422(served, day):
    answer = served.stranger.get("/livescores", params={"date": day})
    assert (answer.status_code, list(answer.json()["problems"])) == (422, ["query.date"])
