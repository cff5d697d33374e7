"""football-data.co.uk: its main, extra and fixture files, and the messes of thirty years, on made-up rows."""

import json
from datetime import UTC, date, datetime

import pytest

from core.errors import DocumentRefused
from core.settings import PROJECT
from core.sources.documents import Parsed
from core.sources.football_data import FootballData, parse

REAL = PROJECT.parent / "shared" / "data" / "football-data-co-uk"
HEAD = "Div,Date,Time,HomeTeam,AwayTeam,FTHG,FTAG,FTR,HTHG,HTAG,HTR,HS,AS,HST,AST,B365H,B365D,B365A,AvgCH,AvgCD,AvgCA,B365>2.5"
ROW = "E0,16/08/2025,15:00,Arsenal,Leeds,2,1,H,1,1,D,14,8,6,3,1.5,4.2,6.5,1.48,4.3,6.8,1.7"
EXTRA = "Country,League,Season,Date,Time,Home,Away,HG,AG,Res,PSCH,PSCD,PSCA"


def lines(*rows, head=HEAD):
    return "\n".join([head, *rows]).encode()


def changed(**cells):
    columns = dict(zip(HEAD.split(","), ROW.split(","), strict=True)) | cells
    return ",".join(columns.values())


def only(content, name="2526/E0", **known):
    (row,) = parse(name, content, **known).rows
    return row


def test_a_row_has_its_scores_its_kick_off_and_the_yardstick():
    row = only(lines(ROW))
    assert (row.competition_code, row.season_raw, row.ft_home, row.ft_away, row.ht_home, row.ht_away) == ("eng.1", "2025-26", 2, 1, 1, 1)
    assert row.kickoff_utc == datetime(2025, 8, 16, 14, 0, tzinfo=UTC)
    kept = json.loads(row.odds_json)
    assert (kept["B365H"], kept["AvgCA"]) == (1.5, 6.8)
    assert not {"B365>2.5", "HS", "HST"} & set(kept)


@pytest.mark.parametrize(
    ("told", "counted"),
    [("6", 6), ("6.0", 6), ("0", 0), ("", None), ("-1", None), ("2.5", None), ("six", None), ("151", None), ("9" * 5000, None)],
)
def test_shots_are_counted_and_a_number_that_cannot_be_one_spoils_no_result(told, counted):
    row = only(lines(changed(HST=told)))
    assert row.shots == {"home_shots": 14, "away_shots": 8, "home_shots_on_target": counted, "away_shots_on_target": 3}
    assert row.ft_home == 2


@pytest.mark.parametrize(
    ("division", "utc", "local"), [("E0", "14:00", "15:00"), ("SP1", "14:00", "16:00"), ("D1", "14:00", "16:00"), ("G1", "14:00", "17:00")]
)
def test_a_time_is_british_time_in_every_country(division, utc, local):
    row = only(lines(changed(Div=division)), f"2526/{division}")
    assert f"{row.kickoff_utc:%H:%M}" == utc
    assert row.time_local == local


def test_without_a_time_only_the_day_is_known():
    row = only(lines(changed(Time="")))
    assert (row.kickoff_utc, row.kickoff_precision, row.date_local) == (None, "day", date(2025, 8, 16))


@pytest.mark.parametrize(
    ("season", "written", "day"),
    [("1718", "12/08/17", date(2017, 8, 12)), ("1718", "12/08/2017", date(2017, 8, 12)), ("9394", "07/08/93", date(1993, 8, 7)),
     ("9900", "01/01/00", date(2000, 1, 1))],
)  # fmt: skip
def test_years_have_two_or_four_digits_each_value_by_itself(season, written, day):
    rows = parse(f"{season}/E0", lines(changed(Date=written), changed(Date=f"{day:%d/%m/%Y}", HomeTeam="Other"))).rows
    assert {row.date_local for row in rows} == {day}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_a_byte_order_mark_and_old_bytes_are_read(encoding):
    row = only(lines(changed(Div="D2", HomeTeam="Preußen Münster")).decode().encode(encoding), "2526/D2")
    assert row.home_raw == "Preußen Münster"


def test_one_wrong_byte_does_not_spoil_the_rest():
    content = lines(changed(HomeTeam="Köln", AwayTeam="King's Lynn")).replace(b"'", b"\x92")
    row = only(content)
    assert (row.home_raw, row.away_raw) == ("Köln", "King’s Lynn")


def test_nameless_columns_ragged_rows_and_rows_of_commas_are_no_matches_and_no_errors():
    content = lines(ROW + ",,,9", ROW.replace("Arsenal", "Chelsea").rsplit(",", 8)[0], "," * 25, "", head=HEAD + ",,,")
    parsed = parse("2526/E0", content)
    assert [row.home_raw for row in parsed.rows] == ["Arsenal", "Chelsea"]
    assert not parsed.refused


def test_bookmakers_come_and_go():
    head, row = (text.rsplit(",", 11)[0] for text in (HEAD, ROW))
    assert only(lines(row, head=head)).odds_json is None


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"Date": "16.08.2025"}, "'16.08.2025' is no day such as 16/08/2025"),
        ({"FTHG": "two"}, "'two' is no number of goals"),
        ({"FTHG": ""}, "is no number of goals"),
        ({"FTR": "A"}, "2-1 is no 'A'"),
        ({"AwayTeam": "Fulham"}, "Fulham plays Fulham"),
        ({"Div": "X9"}, "the division 'X9' is not known"),
        ({"Date": "16/08/2024"}, "2024-08-16 lies outside the season 2025-26"),
    ],
)
def test_a_row_that_cannot_be_is_set_aside_with_the_reason(cells, reason):
    parsed = parse("2526/E0", lines(ROW, changed(**{"HomeTeam": "Fulham", **cells})))
    assert len(parsed.rows) == 1
    assert reason in parsed.refused[0].reason


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html><body>Not found</body></html>", "lacks the columns AwayTeam, Date, Div"),
        (lines(ROW, head=HEAD.replace("FTHG", "Goals")), "lacks the columns FTHG"),
        (lines(), "holds no match"),
        (lines(ROW, changed(Div="E1")), r"mixes eng\.1, eng\.2"),
        (lines(ROW, 'E0,"16/08/2025' + "x" * 200_000), "is no CSV from line"),
    ],
)
def test_a_document_that_is_something_else_is_refused_whole(content, words):
    with pytest.raises(DocumentRefused, match=words):
        parse("2526/E0", content)


def test_the_extra_leagues_have_names_and_seasons_of_their_own():
    content = lines(
        "Switzerland,Super League ,2012/2013,13/07/2012,18:45,Servette,Basel,0,1,A,6.2,4.1,1.6",
        "Switzerland,Challenge League,2020/2021,27/05/2021,17:15,Thun,Sion,1,4,A,2,3,4",
        head=EXTRA,
    )
    row = only(content, "new/SWZ")
    assert (row.competition_code, row.season_raw, row.ft_home, row.ft_away) == ("sui.1", "2012-13", 0, 1)
    assert json.loads(row.odds_json) == {"PSCH": 6.2, "PSCD": 4.1, "PSCA": 1.6}


def test_a_late_match_across_the_ocean_is_played_on_the_day_before():
    row = only(lines("USA,MLS,2012,11/03/2012,03:30,Los Angeles Galaxy,Real Salt Lake,1,3,A,1.9,3.6,4.9", head=EXTRA), "new/USA")
    assert (row.date_local, row.season_raw, row.time_local) == (date(2012, 3, 10), "2012", "22:30")
    assert row.kickoff_utc == datetime(2012, 3, 11, 3, 30, tzinfo=UTC)


FIXTURE_HEAD = "Div,Date,Time,HomeTeam,AwayTeam,B365H,B365D,B365A"


def test_a_fixture_is_the_result_to_come_under_the_same_reference():
    fixture = only(lines("E0,16/08/2025,15:00,Arsenal,Leeds,1.5,4,6", head=FIXTURE_HEAD), "fixtures")
    assert fixture.ft_home is None
    assert fixture.upcoming(datetime(2025, 8, 15, tzinfo=UTC))
    assert fixture.source_ref == only(lines(ROW)).source_ref


def test_a_fixture_between_sides_that_met_before_is_their_next_meeting():
    first = only(lines(changed(Div="SC0")), "2526/SC0")
    again = lines("SC0,14/03/2026,15:00,Arsenal,Leeds,1.5,4,6", head=FIXTURE_HEAD)
    fixture = only(again, "fixtures", scored={first.source_ref: first.date_local})
    assert (first.leg, fixture.leg) == (1, 2)
    assert only(again, "fixtures").leg == 1


@pytest.mark.parametrize("division", ["E0", "SC0"])
@pytest.mark.parametrize("played", ["15/08/2025", "16/08/2025", "17/08/2025"])
def test_a_fixture_that_is_listed_still_after_it_was_played_is_no_other_match(division, played):
    scored = parse(f"2526/{division}", lines(changed(Div=division, Date=played))).scored
    assert parse("fixtures", lines(f"{division},16/08/2025,15:00,Arsenal,Leeds,1.5,4,6", head=FIXTURE_HEAD), scored) == Parsed(())


def test_a_fixture_that_the_league_has_no_room_for_is_set_aside():
    scored = parse("2526/E0", lines(ROW)).scored
    parsed = parse("fixtures", lines("E0,14/03/2026,15:00,Arsenal,Leeds,1.5,4,6", head=FIXTURE_HEAD), scored)
    assert not parsed.rows
    assert [case.reason for case in parsed.refused] == ["the two have met on this ground as often as the league lets them"]


def test_a_season_that_was_stopped_is_only_short_but_one_that_shrinks_is_refused():
    rows = [changed(Div="F1", Date="08/03/2020", HomeTeam=f"Club {letter}") for letter in "ABCDE"]
    before = parse("1920/F1", lines(*rows))
    assert len(before.rows) == 5
    with pytest.raises(DocumentRefused, match="3 scores are gone"):
        parse("1920/F1", lines(*rows[:2]), before.scored)


def test_what_is_asked_for():
    urls = {
        part.name: part.urls["matches"] for part in FootballData("http://127.0.0.1:9", since=2024).parts(datetime(2026, 3, 13, tzinfo=UTC))
    }
    assert {"2024-25/E0", "2025-26/G1", "new/USA", "fixtures", "new_league_fixtures"} <= set(urls)
    assert urls["2025-26/E0"] == "http://127.0.0.1:9/mmz4281/2526/E0.csv"
    assert "2026-27/E0" not in urls


def test_a_season_is_known_by_its_name_and_by_its_address():
    assert only(lines(ROW), "2025-26/E0") == only(lines(ROW), "2526/E0")


@pytest.fixture(scope="module")
def real():
    if not REAL.exists():
        pytest.skip("needs files of football-data.co.uk")
    return {path.relative_to(REAL): path.read_bytes() for path in sorted(REAL.rglob("*.csv"))}


def test_every_real_file_is_read_and_only_one_row_is_refused(real):
    rows, refused = 0, []
    for path, content in real.items():
        name = "fixtures" if path.name in ("fixtures.csv", "Latest_Results.csv") else "/".join(path.parts[-2:])[:-4]
        parsed = parse(name, content)
        refused += parsed.refused
        rows += len(parsed.rows)
    assert rows == 44876
    assert [case.reason for case in refused] == ["2013-07-13 lies outside the season 2012-13"]


def test_the_running_season_grows_and_no_score_is_lost(real):
    scored = {}
    for moment in ("asof_2025-09-25", "asof_2025-12-21", "asof_2026-04-19"):
        content = next(content for path, content in real.items() if moment in path.parts and path.name == "D1.csv")
        parsed = parse("2526/D1", content, scored)
        assert parsed.scored.keys() > scored.keys()
        scored = parsed.scored
