"""My league's CSV: known leagues, nations and leagues of its own; a file or an address; refused by row and reason."""

import os
from datetime import UTC, date, datetime

import pytest

from core.errors import DocumentMissing, DocumentRefused, SourceError
from core.settings import PROJECT
from core.sources.my_league import MOST_BYTES, NEEDED, MyLeague, parse, read_file

HEAD = "date,competition,sex,neutral,home_team,away_team,home_score,away_score"
ROW = "2025-08-16,Sunday League,women,false,Red Lions,Blue Foxes,2,1"
NOW = datetime(2026, 3, 13, tzinfo=UTC)


def read(*rows, head=HEAD):
    return parse("\n".join([head, *rows]).encode())


def test_a_league_of_its_own_is_its_own_country():
    row = read(ROW).rows[0]
    assert (row.competition_code, row.competition_raw, row.country, row.season_raw) == (
        "sunday-league",
        "Sunday League",
        "Sunday League",
        "2025-26",
    )
    assert (row.sex, row.neutral, row.ft_home, row.ft_away, row.leg) == (1, False, 2, 1, 1)


def test_a_code_of_a_known_league_is_that_league():
    row = read("2025-08-16,eng.1,men,0,Arsenal,Leeds United,,").rows[0]
    assert (row.competition_code, row.competition_raw, row.country) == ("eng.1", "Premier League", "England")
    assert row.ft_home is None
    assert row.upcoming(datetime(2025, 8, 1, tzinfo=UTC))


def test_nations_play_internationals_by_the_year():
    row = read("2025-10-10,Friendly,m,yes,Brazil,Japan,2,3").rows[0]
    assert (row.country, row.season_raw, row.neutral) == ("International", "2025", True)


def test_a_season_may_be_told_and_columns_may_stand_in_any_order_and_case():
    row = read(
        "men,2025,2025-03-01,1.0,0.0,A,B,Cup,True", head="Sex,Season,Date,Home_Score,Away_Score,Home_Team,Away_Team,Competition,Neutral"
    ).rows[0]
    assert (row.season_raw, row.date_local, row.ft_home, row.ft_away) == ("2025", date(2025, 3, 1), 1, 0)


SHOTS = ",home_shots,away_shots,home_shots_on_target"


def test_shots_may_be_told_as_in_the_file_of_a_backtest():
    row = read(f"{ROW},12,7.0,", head=HEAD + SHOTS).rows[0]
    assert row.shots == {"home_shots": 12, "away_shots": 7, "home_shots_on_target": None, "away_shots_on_target": None}
    (case,) = read(f"{ROW},12,7,", f"{ROW},200,7,".replace("08-16", "08-23"), head=HEAD + SHOTS).refused
    assert case.reason == "row 2: home_shots '200' is no whole number from 0 to 150"


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (ROW.replace("2025-08-16", "16.08.2025"), "row 2: date '16.08.2025' is no day such as 2025-08-16"),
        (ROW.replace("women", "people"), "row 2: sex 'people' is neither men or women"),
        (ROW.replace("false", "perhaps"), "row 2: neutral 'perhaps' is neither true or false"),
        (ROW.replace("2,1", "2,"), "row 2: only one side has a score"),
        (ROW.replace("2,1", "2,-1"), "row 2: '-1' is no number of goals"),
        (ROW.replace("Blue Foxes", "Red Lions"), "row 2: Red Lions plays Red Lions"),
        (ROW.replace("Sunday League", ""), "row 2: competition is empty"),
        ("2025-08-16,Sunday League", "row 2: nobody plays nobody"),
    ],
)
def test_a_row_that_cannot_be_is_refused_by_its_number_and_the_reason(wrong, reason):
    parsed = read(ROW.replace("08-16", "08-23"), wrong)
    assert len(parsed.rows) == 1
    assert [case.reason for case in parsed.refused] == [reason]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "holds no match"),
        (HEAD.encode(), "holds no match"),
        (b"date,home,away\n2025-08-16,A,B", "lacks competition, sex, neutral, home_team"),
        (f"{HEAD}\n{ROW.replace('2,1', 'x,y')}".encode(), "No row of the file of my league can be read; row 1: 'x' is no number"),
    ],
)
def test_a_file_that_is_no_table_of_matches_is_refused_whole(content, words):
    with pytest.raises(DocumentRefused, match=words):
        parse(content)


def test_empty_lines_and_lines_of_commas_are_no_rows():
    parsed = read("", ROW, ",,,,,,,", "  ")
    assert (len(parsed.rows), parsed.refused) == (1, ())


def test_a_file_is_read_and_read_again_only_when_it_changed(tmp_path):
    path = tmp_path / "league.csv"
    path.write_text(f"{HEAD}\n{ROW}\n")
    first = read_file(path)
    assert read_file(path, first) is None
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert read_file(path, first).content == first.content
    source = MyLeague(str(path))
    assert source.is_file
    assert len(source.parse(source.parts(NOW)[0], {"matches": first}).rows) == 1


def test_an_address_is_fetched():
    source = MyLeague("https://example.org/league.csv")
    assert not source.is_file
    assert source.parts(NOW)[0].urls == {"matches": "https://example.org/league.csv"}


def test_a_file_that_cannot_be_read_is_told_in_words(tmp_path):
    with pytest.raises(DocumentMissing, match="does not exist"):
        read_file(tmp_path / "none.csv")
    with pytest.raises(SourceError, match="cannot be read"):
        read_file(tmp_path)
    with (tmp_path / "large.csv").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(SourceError, match="larger than 32 MB"):
        read_file(tmp_path / "large.csv")


def test_the_files_of_the_backtest_command_are_read():
    parsed = parse((PROJECT / "tests" / "data" / "two_divisions.csv").read_bytes())
    assert len(parsed.rows) > 100
    assert not parsed.refused


@pytest.mark.parametrize(("between", "encoding"), [(";", "utf-8"), ("\t", "utf-16"), (",", "utf-16")])
def test_a_file_out_of_a_spreadsheet_is_read(between, encoding):
    row = "2025-08-16,My cup,men,false,Köln,Breda,2,1"
    content = f"{','.join(NEEDED)}\n{row}\n".replace(",", between).encode(encoding)
    assert [raw.home_raw for raw in parse(content).rows] == ["Köln"]


@pytest.mark.parametrize("odd", ["9999-01-01,My cup,men,false,Oss,Breda,2,1,2025-26", "2025-08-16,My cup,men,false,???,Breda,2,1,2025-26"])
def test_a_day_of_another_age_and_a_side_without_a_letter_are_set_aside(odd):
    head, good = ",".join((*NEEDED, "season")), "2025-08-16,My cup,men,false,Ajax,Breda,2,1,2025-26"
    parsed = parse("\n".join([head, good, odd]).encode())
    assert ([raw.home_raw for raw in parsed.rows], len(parsed.refused)) == (["Ajax"], 1)
