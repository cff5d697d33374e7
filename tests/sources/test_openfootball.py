"""openfootball: each trap of its files by name, on made-up matches; the whole of its data where that is at hand."""

import json
import time
import zipfile
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from core.errors import DocumentRefused
from core.settings import PROJECT
from core.sources import openfootball
from core.sources.documents import NOTHING_SCORED
from core.sources.openfootball import OpenFootball, parse

SMALL = PROJECT / "tests" / "data" / "sources" / "openfootball"
WHOLE = PROJECT.parent / "shared" / "data" / "openfootball"
NOW = datetime(2026, 3, 13, 12, 0, tzinfo=UTC)


def season(clubs=20, first=date(2025, 8, 16), rounds=2):
    """The first rounds of a made-up league: the clubs of the first half host those of the second, each round another one."""
    names = [f"Club {chr(65 + place)}" for place in range(clubs)]
    hosts, guests = names[: clubs // 2], names[clubs // 2 :]
    return [
        {
            "round": f"Matchday {number + 1}",
            "date": (first + timedelta(weeks=number)).isoformat(),
            "time": "15:00",
            "team1": host,
            "team2": guests[(place + number) % len(guests)],
            "score": {"ft": [2, 1], "ht": [1, 0]},
        }
        for number in range(rounds)
        for place, host in enumerate(hosts)
    ]


def read(matches, name="2025-26/en.1", scored=NOTHING_SCORED):
    return parse(name, json.dumps({"name": "made up", "matches": matches}).encode(), scored)


def small(path, name):
    return parse(name, (SMALL / path).read_bytes())


def test_a_league_match_has_its_score_its_half_time_and_its_kick_off_on_the_clock_of_the_league():
    row = read(season()).rows[0]
    assert (row.home_raw, row.away_raw, row.ft_home, row.ft_away, row.ht_home, row.ht_away) == ("Club A", "Club K", 2, 1, 1, 0)
    assert (row.competition_code, row.competition_raw, row.season_raw, row.leg) == ("eng.1", "Premier League", "2025-26", 1)
    assert row.kickoff_utc == datetime(2025, 8, 16, 14, 0, tzinfo=UTC)
    assert row.source_ref == "2025-26/eng.1/club-a/club-k/1"


@pytest.mark.parametrize(
    ("key", "clubs", "utc"), [("es.1", 20, "13:00"), ("mls", 30, "19:00"), ("jp.1", 20, "06:00"), ("tr.1", 18, "12:00")]
)
def test_a_time_is_local_to_the_league(key, clubs, utc):
    matches = season(clubs, date(2025, 8, 16))
    name = f"2025/{key}" if key in ("mls", "jp.1") else f"2025-26/{key}"
    assert f"{read(matches, name).rows[0].kickoff_utc:%H:%M}" == utc


def test_files_that_number_their_rounds_first_tell_the_time_an_hour_early():
    matches = season(24)
    for match in matches:
        match |= {"round": match["round"].removeprefix("Matchday ") + ". Round", "time": "14:00"}
    row = read(matches, "2025-26/en.4").rows[0]
    assert (row.time_local, row.kickoff_utc) == ("15:00", datetime(2025, 8, 16, 14, 0, tzinfo=UTC))


def test_a_time_with_one_digit_is_read_and_a_missing_time_is_no_midnight():
    matches = season()
    matches[0]["time"] = "9:30"
    del matches[1]["time"]
    early, unknown = read(matches).rows[:2]
    assert early.kickoff_utc == datetime(2025, 8, 16, 8, 30, tzinfo=UTC)
    assert (unknown.kickoff_utc, unknown.kickoff_precision, unknown.time_local) == (None, "day", None)


def test_the_score_is_the_one_after_ninety_minutes_even_when_extra_time_and_a_shoot_out_followed():
    matches = [
        {"round": "Semifinals", "date": "2025-04-29", "team1": "A (ENG)", "team2": "B (ESP)",
         "score": {"ft": [1, 1], "ht": [0, 1], "et": [2, 2], "p": [4, 3]}},
        {"round": "Semifinals", "date": "2025-04-30", "team1": "C (ENG)", "team2": "D (ESP)", "score": {"ft": [0, 0], "p": [5, 4]}},
    ]  # fmt: skip
    both, straight = read(matches, "2024-25/uefa.cl").rows
    assert (both.ft_home, both.ft_away, both.et_home, both.et_away, both.pen_home, both.pen_away) == (1, 1, 2, 2, 4, 3)
    assert (straight.ft_home, straight.ht_home, straight.et_home, straight.pen_home) == (0, None, None, 5)
    assert both.score_basis == straight.score_basis == "90"


def test_an_empty_score_in_the_past_is_not_upcoming():
    matches = season()
    matches[0] |= {"score": {}}
    matches[1] |= {"score": {}, "date": "2026-03-14"}
    matches[2] |= {"score": {}, "date": "2026-03-14", "status": "postponed"}
    stale, coming, postponed = (row for row in read(matches).rows if row.ft_home is None)
    assert [row.upcoming(NOW) for row in (stale, coming, postponed)] == [False, True, False]


@pytest.mark.parametrize(("status", "basis"), [("awarded", "awarded"), ("abandoned", "unknown"), ("cancelled", "90"), (None, "90")])
def test_a_status_says_whether_the_score_was_played(status, basis):
    matches = season()
    matches[0] |= {"status": status} if status else {}
    row = read(matches).rows[0]
    assert (row.status_raw, row.score_basis) == (status, basis)


@pytest.mark.parametrize(("round_", "written"), [("Matchday 38", "2019-07-26"), ("Final", "2019-07-30"), ("Matchday 37", "2019-08-10")])
def test_july_2020_written_as_july_2019_is_mended(round_, written):
    matches = season(first=date(2019, 8, 9))
    matches[-1] |= {"round": round_, "date": written}
    assert read(matches, "2019-20/en.1").rows[-1].date_local == date.fromisoformat(written).replace(year=2020)


def test_a_day_outside_the_season_is_refused_and_the_others_are_kept():
    matches = season(rounds=4)
    matches[0]["date"] = "2024-08-16"
    parsed = read(matches)
    assert "outside the season 2025-26" in parsed.refused[0].reason
    assert len(parsed.rows) == 39


def test_a_file_with_many_impossible_days_is_refused_whole():
    matches = season(rounds=4)
    for match in matches[30:]:
        match["date"] = "2025-01-04"
    with pytest.raises(DocumentRefused, match="10 of 40 rows cannot be right, the first because 2025-01-04 lies outside"):
        read(matches)


def test_a_file_with_cut_names_is_refused_whole_since_it_has_too_many_clubs():
    matches = season(rounds=4)
    for match in matches[30:]:
        match |= {side: match[side] + " Town" for side in ("team1", "team2")}
    with pytest.raises(DocumentRefused, match="names 40 clubs in 2025-26, and the Premier League has 20 to 22"):
        read(matches)


def test_spellings_that_drift_within_a_file_are_one_club():
    matches = season()
    for match in matches[:10]:
        match |= {side: f"{match[side]} FC" for side in ("team1", "team2")}
    assert len(read(matches).rows) == 20


def test_a_match_that_stands_there_twice_is_taken_once():
    matches = season()
    parsed = read([*matches, {**matches[3], "score": {}}])
    assert len(parsed.rows) == 20
    assert parsed.rows[3].ft_home == 2
    assert [case.reason for case in parsed.refused] == ["the same match stands in the document twice"]


def test_a_pair_that_meets_again_on_the_same_ground_is_a_second_leg_in_the_order_of_days():
    matches = [*season(10, date(2018, 2, 24), rounds=1), *season(10, date(2017, 7, 22), rounds=1)]
    parsed = read(matches, "2017-18/at.1")
    legs = {row.leg: row for row in parsed.rows if row.home_raw == "Club A"}
    assert [legs[leg].date_local for leg in (1, 2)] == [date(2017, 7, 22), date(2018, 2, 24)]
    assert legs[2].source_ref.endswith("/2")


def test_a_score_that_got_lost_refuses_the_file_unless_it_says_why():
    before, matches = read(season()).scored, season()
    matches[4]["score"] = {}
    with pytest.raises(DocumentRefused, match="Club E v Club O had a score before and has none now"):
        read(matches, scored=before)
    matches[4]["status"] = "abandoned"
    assert len(read(matches, scored=before).rows) == 20


@pytest.mark.parametrize("kept", [True, False], ids=["its old day is listed still", "it was given another day"])
def test_a_meeting_that_was_put_off_behind_the_next_one_does_not_freeze_its_league(kept):
    def austria(*meetings):
        return [*season(10, date(2025, 8, 2), rounds=1)[1:], *({**season(10)[0], **told} for told in meetings)]

    off, played = {"date": "2025-10-04", "score": {}}, {"date": "2026-02-07", "score": {"ft": [3, 1]}}
    before = read(austria({**off, "status": "postponed"}, played), "2025-26/at.1")
    later = austria(played, {**off, "date": "2026-04-08", "score": {}}) if not kept else austria(off, played)
    after = read(later, "2025-26/at.1", before.scored)
    assert {row.date_local for row in after.rows if row.ft_home == 3} == {date(2026, 2, 7)}


def test_an_abandoned_match_whose_next_date_is_listed_before_it_is_played_refuses_no_season():
    first, *others = season()
    abandoned = {**first, "status": "abandoned", "score": {"ft": [1, 1]}}
    before = read([abandoned, *others])
    again = {key: value for key, value in first.items() if key not in ("score", "status")} | {"date": "2025-12-10"}
    after = read([abandoned, *others, again], scored=before.scored)
    assert len(after.rows) == len(before.rows) and len(after.scored) == len(before.scored) - 1
    with pytest.raises(DocumentRefused, match="had a score before and has none now"):
        read([*others, again], scored=before.scored)


@pytest.mark.parametrize(
    "told", [{"status": "postponed"}, {"status": "POSTPONED"}, {}, {"status": "abandoned", "score": {"ft": [1, 1]}}], ids=str
)
def test_a_match_that_is_played_anew_stands_once_with_its_result_and_the_first_leg(told):
    first, *others = season()
    anew = {**first, "date": "2025-12-10"}
    parsed = read([{**first, "score": {}, **told}, *others, anew])
    assert [(row.leg, row.date_local, row.ft_home) for row in parsed.rows if row.home_raw == "Club A"][:1] == [(1, date(2025, 12, 10), 2)]
    assert [case.reason for case in parsed.refused] == ["it was not played then, but on a later day"]


def test_a_status_counts_however_it_is_written():
    first, *others = season()
    (row,) = (row for row in read([{**first, "status": "Awarded "}, *others]).rows if row.status_raw)
    assert (row.status_raw, row.score_basis) == ("awarded", "awarded")


def test_scores_that_vanish_with_their_rows_refuse_the_file_unless_they_are_one_or_two():
    assert len(read(season()[2:], scored=read(season()).scored).rows) == 18
    with pytest.raises(DocumentRefused, match="10 scores are gone"):
        read(season(rounds=2), scored=read(season(rounds=3)).scored)


@pytest.mark.parametrize("content", [b"", b"<html>Not found</html>", b'{"name": "x"}', b"[1, 2]", b'{"matches": 7}', b'{"matches": []}'])
def test_a_file_that_is_no_file_of_matches_is_refused_in_words(content):
    with pytest.raises(DocumentRefused, match=r"2025-26/en\.1 of openfootball"):
        parse("2025-26/en.1", content)


def test_a_broken_row_is_set_aside_with_its_place_and_the_reason():
    matches = season(rounds=4)
    matches[0]["score"] = {"ft": [2, "two"]}
    matches[1]["team2"] = matches[1]["team1"]
    parsed = read(matches)
    assert len(parsed.rows) == 38
    assert [case.source_ref for case in parsed.refused] == ["2025-26/eng.1/row 1", "2025-26/eng.1/row 2"]


def test_a_file_that_repeats_another_league_is_refused():
    with pytest.raises(DocumentRefused, match="repeats the first division"):
        read(season(16, date(2019, 7, 12)), "2019-20/ru.2")


def test_the_old_layout_has_rounds_teams_with_codes_and_two_scores():
    played, to_come, final = small("rounds.json", "2011-12/uefa.cl").rows
    assert (played.home_raw, played.ft_home, played.ft_away, played.round_raw) == ("FC Hafen (GER)", 2, 1, "Group A")
    assert to_come.ft_home is None
    assert [row.neutral for row in (played, final)] == [False, True]


def test_a_tournament_has_its_host_first_and_at_home_and_all_others_on_neutral_ground():
    opening, _, final = small("euro.json", "euro.json/master/2024/euro.json").rows
    assert (opening.home_raw, opening.away_raw, opening.ft_home, opening.ft_away, opening.neutral) == (
        "Germany",
        "Switzerland",
        2,
        1,
        False,
    )
    assert (final.home_raw, final.neutral, final.ft_home, final.et_home, final.pen_home) == ("Italy", True, 1, 2, 3)
    assert (final.competition_code, final.season_raw, final.country) == ("uefa-euro", "2024", "International")


def test_a_score_with_a_goal_of_extra_time_in_it_is_not_taken_for_the_one_after_ninety_minutes():
    assert [row.score_basis for row in small("euro.json", "euro.json/master/2024/euro.json").rows] == ["90", "aet_or_90", "90"]


def test_a_time_with_its_distance_from_utc_is_read_and_open_pairings_are_left_out():
    mexico, canada, elsewhere = small("worldcup.json", "worldcup.json/master/2026/worldcup.json").rows
    assert mexico.kickoff_utc == datetime(2026, 6, 11, 19, 0, tzinfo=UTC)
    assert canada.kickoff_utc == datetime(2026, 6, 12, 17, 0, tzinfo=UTC)
    assert (canada.home_raw, canada.neutral) == ("Canada", False)
    assert (elsewhere.home_raw, elsewhere.away_raw, elsewhere.neutral) == ("South Africa", "Canada", True)


def test_what_is_asked_for_are_the_seasons_that_are_published():
    names = {part.name for part in OpenFootball(since=2018).parts(NOW)}
    assert {"2025-26/en.1", "2025/mls", "2019/br.1", "2018-19/ar.1", "worldcup.json/master/2026/worldcup.json"} <= names
    assert not names & {"2017-18/en.1", "2019-20/ru.2", "2021-22/de.3", "2026/en.1"}
    urls = {part.urls["matches"] for part in OpenFootball("http://127.0.0.1:9", since=2025).parts(NOW)}
    assert "http://127.0.0.1:9/football.json/master/2025-26/en.1.json" in urls


@pytest.fixture(scope="module")
def whole():
    archive = WHOLE / "football.json.zip"
    if not archive.exists():
        pytest.skip("needs the whole of openfootball's data")
    with zipfile.ZipFile(archive) as members:
        return {"/".join(name.split("/")[-2:])[:-5]: members.read(name) for name in members.namelist() if name.endswith(".json")}


@pytest.fixture(scope="module")
def everything(whole):
    started, read, refused = time.process_time(), {}, {}
    for name, content in whole.items():
        try:
            read[name] = parse(name, content)
        except DocumentRefused as error:
            refused[name] = str(error)
    return read, refused, time.process_time() - started


def test_of_all_files_only_the_two_bad_ones_are_refused(everything):
    read, refused, seconds = everything
    assert set(refused) == {"2025-26/en.3", "2019-20/ru.2"}
    assert sum(len(parsed.rows) for parsed in read.values()) == 92091
    assert Counter(case.reason for parsed in read.values() for case in parsed.refused) == {
        "the same match stands in the document twice": 12
    }
    assert seconds < 12


def test_in_all_files_statuses_and_bases_are_as_counted(everything):
    rows = [row for parsed in everything[0].values() for row in parsed.rows]
    assert Counter(row.score_basis for row in rows) == {"90": 92042, "awarded": 48, "unknown": 1}
    assert Counter(row.status_raw for row in rows) == {None: 91437, "cancelled": 584, "awarded": 48, "postponed": 21, "abandoned": 1}
    assert sum(row.pen_home is not None for row in rows) == 62
    assert len({row.source_ref for row in rows}) == len(rows)


def test_in_all_files_the_july_of_2020_is_where_it_belongs(everything):
    moved = Counter(
        name
        for name, parsed in everything[0].items()
        if name.startswith("2019-20/")
        for row in parsed.rows
        if row.date_local >= date(2020, 7, 1) and name in ("2019-20/en.1", "2019-20/en.2", "2019-20/at.1", "2019-20/at.2")
    )
    assert moved == {"2019-20/en.1": 66, "2019-20/en.2": 77, "2019-20/at.2": 40, "2019-20/at.1": 12}


def test_the_expelled_clubs_matches_count_as_awarded(everything):
    reus = [row for row in everything[0]["2018-19/es.2"].rows if "CF Reus Deportiu" in (row.home_raw, row.away_raw)]
    assert sum(row.score_basis == "awarded" for row in reus) == 21


def test_stale_fixtures_are_told_from_those_to_come(everything):
    scoreless = [row for parsed in everything[0].values() for row in parsed.rows if row.ft_home is None and row.status_raw is None]
    coming = sum(row.upcoming(NOW) for row in scoreless)
    assert 1100 < coming < 1450
    assert len(scoreless) - coming > 2300


def test_every_tournament_is_read():
    if not WHOLE.exists():
        pytest.skip("needs openfootball's tournaments")
    sizes = {
        path: len(parse(path, (WHOLE / "tournaments" / path.split("master/")[1]).read_bytes()).rows) for path in openfootball.TOURNAMENTS
    }
    assert list(sizes.values()) == [51, 64, 51, 64, 104]
