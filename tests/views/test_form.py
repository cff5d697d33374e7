import pandas as pd
import pytest

from core.tables import MATCHES
from core.views.form import past

TEAMS = {"u": "United", "c": "Chelsea", "e": "Everton"}
MATCH = {"match_id": 99, "date": "2026-04-19", "home_team_id": "u", "away_team_id": "c", "home_team": "United", "away_team": "Chelsea"}


def history(*rows):
    """(day, home, score, away, status) each."""
    frame = pd.DataFrame(rows, columns=["date", "home_team_id", "score", "away_team_id", "status"])
    scores = frame.pop("score").str.split("-", expand=True).astype("float64")
    told = {
        "match_id": range(1, len(frame) + 1),
        "date": pd.to_datetime(frame["date"]),
        "kickoff_utc": pd.to_datetime([None] * len(frame), utc=True),
        "home_team": frame["home_team_id"].map(TEAMS),
        "away_team": frame["away_team_id"].map(TEAMS),
        "home_score": scores[0],
        "away_score": scores[1],
    }
    same = {"competition_code": "eng.1", "competition": "Premier League", "country": "England", "season": "2025-26", "round": ""}
    return MATCHES.check(frame.assign(sex=0, leg=1, neutral=False, label_ok=True, **told, **same))


@pytest.fixture
def played():
    return history(
        ("2026-01-01", "u", "2-1", "e", "finished"),
        ("2026-02-01", "e", "0-0", "u", "finished"),
        ("2025-03-01", "c", "3-0", "u", "finished"),
        ("2024-03-01", "u", "1-1", "c", "finished"),
        ("2026-04-19", "u", "9-0", "c", "finished"),
        ("2026-04-20", "u", "8-0", "e", "finished"),
        ("2026-03-01", "u", "3-0", "e", "awarded"),
    )


def test_form_is_told_from_each_sides_own_view_the_latest_last(played):
    united, chelsea = past(MATCH, played).forms
    assert "".join(match.letter for match in united.last) == "DLWD"
    assert united.goals == "3–5"
    assert united.last[-1].words == "drew 0–0 at Everton, 1 Feb 2026"
    assert united.last[1].words == "lost 0–3 at Chelsea, 1 Mar 2025"
    assert "".join(match.letter for match in chelsea.last) == "DW"


def test_nothing_of_the_day_itself_later_or_awarded_counts(played):
    found = past(MATCH, played)
    assert not any("9–0" in match.words or "8–0" in match.words for form in found.forms for match in form.last)
    assert found.words == "2 earlier meetings in the data: United won 0, Chelsea 1; 1 drawn."
    assert [(meeting.day, meeting.score) for meeting in found.meetings] == [("1 Mar 2025", "3–0"), ("1 Mar 2024", "1–1")]


def test_only_the_last_six_are_told():
    rows = [(f"2026-01-{day:02}", "u", f"{day}-0", "e", "finished") for day in range(1, 10)]
    united = past(MATCH, history(*rows)).forms[0]
    assert len(united.last) == 6
    assert united.goals == f"{4 + 5 + 6 + 7 + 8 + 9}–0"


def test_a_team_without_a_past_and_teams_that_never_met_are_said_to_be_so():
    found = past(MATCH, history(("2026-01-01", "e", "1-0", "u", "finished")))
    assert found.forms[1].last == () and found.forms[1].goals == "–"
    assert found.words == "The data hold no earlier meeting."
    assert found.meetings == ()
