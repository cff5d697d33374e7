"""OpenLigaDB: results by their kind, whatever their order; matches in play; men and women; the old interface and its bytes."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from core.errors import DocumentRefused
from core.settings import PROJECT
from core.sources.documents import Part, RawDocument
from core.sources.openligadb import OpenLigaDB, parse
from core.sources.openligadb_live import live

RECORDED = PROJECT.parent / "shared" / "data" / "openligadb"
KICKOFF = datetime(2025, 11, 22, 14, 30, tzinfo=UTC)
NAMES = [f"Verein {chr(65 + place)}" for place in range(18)]


def result(kind, home, away, name=""):
    return {"resultName": name, "pointsTeam1": home, "pointsTeam2": away, "resultOrderID": 1, "resultTypeID": kind}


def goal(home, away, minute=None, comment=None):
    return {"scoreTeam1": home, "scoreTeam2": away, "matchMinute": minute, "isOvertime": False, "isOwnGoal": False, "comment": comment}


def match(number=1, results=(), goals=(), over=False, home=NAMES[0], away=NAMES[1], kickoff=KICKOFF, updated="2025-11-22T17:20:00.5"):
    return {
        "matchID": number,
        "matchDateTimeUTC": f"{kickoff:%Y-%m-%dT%H:%M:%SZ}",
        "group": {"groupName": "11. Spieltag", "groupOrderID": 11},
        "team1": {"teamId": 100 + NAMES.index(home) if home in NAMES else 900, "teamName": home, "shortName": home[-1]},
        "team2": {"teamId": 100 + NAMES.index(away) if away in NAMES else 901, "teamName": away, "shortName": away[-1]},
        "lastUpdateDateTime": updated,
        "matchIsFinished": over,
        "matchResults": list(results),
        "goals": list(goals),
    }


FINISHED = {"results": [result(2, 3, 1), result(1, 0, 1)], "over": True}


def matchday(first=None, clubs=18):
    """A matchday, all of it over but for what is said of its first match."""
    others = [match(place + 1, home=NAMES[2 * place], away=NAMES[2 * place + 1], **FINISHED) for place in range(1, clubs // 2)]
    return [first or match(**FINISHED), *others]


TOO_MANY = [match(30 + place, home=f"Gast {chr(65 + place)}", away=f"Gast {chr(66 + place)}", **FINISHED) for place in (1, 3)]


def document(told, encoding="utf-8", at=KICKOFF + timedelta(hours=3)):
    content = told if isinstance(told, bytes) else json.dumps(told, ensure_ascii=False).encode(encoding)
    return RawDocument("openligadb", "made up", content, at)


def first(told, name="bl1/2025", **known):
    return parse(name, document(told), **known).rows[0]


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_the_result_is_taken_by_its_kind_not_by_its_place(order):
    results = [[result(2, 3, 1), result(1, 0, 1)][place] for place in order]
    row = first(matchday(match(results=results, over=True)))
    assert (row.ft_home, row.ft_away, row.ht_home, row.ht_away, row.status_raw) == (3, 1, 0, 1, "finished")
    assert (row.home_source_id, row.away_source_id, row.source_ref) == ("100", "101", "1")
    assert (row.competition_code, row.season_raw, row.sex, row.date_local) == ("ger.1", "2025-26", 0, date(2025, 11, 22))


def test_results_of_old_seasons_are_told_by_their_name():
    results = [result(0, 3, 1, "Endergebnis"), result(0, 1, 1, "Halbzeitergebnis")]
    row = first(matchday(match(results=results, over=True)))
    assert (row.ft_home, row.ft_away, row.ht_home, row.ht_away) == (3, 1, 1, 1)


def test_a_cup_match_keeps_the_score_after_ninety_minutes_beside_extra_time_and_shoot_out():
    results = [result(4, 4, 2), result(3, 2, 2), result(2, 1, 1), result(1, 0, 1)]
    row = first([match(results=results, over=True)], "dfb/2025")
    assert (row.ft_home, row.ft_away, row.et_home, row.et_away, row.pen_home, row.pen_away) == (1, 1, 2, 2, 4, 2)


def test_a_match_that_is_over_without_its_result_has_none_yet():
    row = first(matchday(match(results=[result(1, 2, 0)], over=True)))
    assert (row.ft_home, row.ht_home, row.status_raw) == (None, None, None)


def test_a_match_in_play_is_no_result_and_one_to_come_is_upcoming():
    playing, coming = match(results=[result(1, 2, 0)]), match(kickoff=KICKOFF + timedelta(days=7))
    assert (first(matchday(playing)).ft_home, first(matchday(playing)).status_raw) == (None, None)
    row = first(matchday(coming))
    assert row.status_raw is None
    assert row.upcoming(KICKOFF)


def test_a_match_that_was_asked_for_in_play_and_never_changed_again_does_not_stay_in_play():
    told = document(matchday(match(results=[result(1, 2, 0)])))
    early, late = (parse("bl1/2025", replace(told, fetched_at=KICKOFF + later)) for later in (timedelta(hours=1), timedelta(days=30)))
    assert early.rows == late.rows, "what a document says does not depend on when it was asked for"


def test_a_match_of_1970_has_no_day_yet_and_is_left_out():
    parsed = parse("bl1/2025", document(matchday(match(kickoff=datetime(1970, 1, 1, tzinfo=UTC)))))
    assert len(parsed.rows) == 8
    assert not parsed.refused


def test_women_have_their_own_competition_and_sex():
    row = first(matchday(clubs=14), "ffb1/2025")
    assert (row.competition_code, row.sex, row.competition_raw) == ("ger.w.1", 1, "Frauen-Bundesliga")


def test_a_club_keeps_its_name_when_the_provider_spells_it_anew():
    told = matchday()
    told[0]["team1"]["teamName"] = "V. A"
    assert first(told, names={"100": "Verein A"}).home_raw == "Verein A"


def test_a_clubs_number_stands_for_one_name_through_all_recorded_seasons():
    names = {
        row.home_raw for file, year in SEASONS for row in OpenLigaDB().parse(Part(f"bl1/{year}", {}), {"matches": recorded(file)}).rows
    }
    assert not names & {"FC Bayern", "1. FC Heidenheim 1846", "TSG 1899 Hoffenheim"}


SEASONS = (("getmatchdata_bl1_2020_3.json", 2020), ("getmatchdata_bl1_2023_12.json", 2023), ("http_getmatchdata_bl1_2018_22.txt", 2018))


def test_the_old_interface_with_capital_letters_and_latin_1_bytes_is_read():
    def old(value):
        if isinstance(value, dict):
            return {key[0].upper() + key[1:]: old(inner) for key, inner in value.items()}
        return [old(inner) for inner in value] if isinstance(value, list) else value

    told = matchday()
    told[0]["team1"]["teamName"] = "1. FC Köln"
    parsed = parse("bl1/2025", document(old(told), "latin-1"))
    assert parsed.rows[0].home_raw == "1. FC Köln"
    assert parsed.rows[0].ft_home == 3


def test_one_match_that_cannot_be_read_is_set_aside_under_its_number():
    parsed = parse("bl1/2025", document(matchday(match(results=[result(2, -3, 1)], over=True))))
    assert [case.source_ref for case in parsed.refused] == ["1"]
    assert len(parsed.rows) == 8


@pytest.mark.parametrize(
    ("name", "told", "words"),
    [
        ("bl1/2025", b"<html>busy</html>", "is no JSON"),
        ("bl1/2025", [1, 2], "holds no matches"),
        ("bl1/2025", [], "holds no match"),
        ("pl/2025", [], "no league and year of OpenLigaDB that are known"),
        ("bl1/2025", [*matchday(), *TOO_MANY], "names 22 clubs in 2025-26, and the Bundesliga has 18 to 20"),
    ],
)
def test_an_answer_that_is_no_season_of_the_league_is_refused_in_words(name, told, words):
    with pytest.raises(DocumentRefused, match=words):
        parse(name, document(told))


def test_a_result_that_got_lost_refuses_the_answer():
    scored = parse("bl1/2025", document(matchday())).scored
    with pytest.raises(DocumentRefused, match="Verein A v Verein B had a score before"):
        parse("bl1/2025", document(matchday(match())), scored)


def test_the_seasons_asked_for_go_up_to_the_one_that_is_played_or_comes_next():
    source = OpenLigaDB("http://127.0.0.1:9", since=2024)
    assert [part.name for part in source.parts(datetime(2026, 6, 30, tzinfo=UTC)) if part.name.startswith("bl1")] == [
        "bl1/2024",
        "bl1/2025",
    ]
    assert [part.name for part in source.parts(datetime(2026, 7, 1, tzinfo=UTC))][-1] == "ffb1/2026"
    assert source.matchday("ffb1", 2025, 7) == "http://127.0.0.1:9/getmatchdata/ffb1/2025/7"


def seen(told, minutes, league="bl1"):
    now = KICKOFF + timedelta(minutes=minutes)
    return live(league, document([told], at=now), now)[0]


def test_the_running_score_is_the_goal_with_the_largest_sum_wherever_it_stands():
    row = seen(match(goals=[goal(1, 2, 30), goal(0, 2), goal(0, 1, 13), goal(2, 2, 33)]), 40)
    assert (row.home_score, row.away_score, row.phase, row.minute) == (2, 2, "first_half", None)
    assert row.phase_estimated


def test_a_score_may_fall():
    before, after = (seen(match(goals=told, updated=at), 40) for told, at in (
        ([goal(1, 0), goal(2, 0)], "2025-11-22T16:05:00"), ([goal(1, 0)], "2025-11-22T16:07:00"),
    ))  # fmt: skip
    assert (before.home_score, after.home_score) == (2, 1)
    assert after.newer_than(before)


def test_the_time_of_change_is_german_time():
    row = seen(match(updated="2025-11-22T17:20:00.5"), 40)
    assert row.provider_updated_at == datetime(2025, 11, 22, 16, 20, 0, 500000, tzinfo=UTC)
    assert row.sequence == int(row.provider_updated_at.timestamp() * 1000)


@pytest.mark.parametrize(
    ("minutes", "told", "phase"),
    [
        (-5, {}, "pre"),
        (0, {}, "first_half"),
        (44, {}, "first_half"),
        (47, {"results": [result(1, 0, 0)]}, "half_time"),
        (55, {}, "half_time"),
        (61, {"goals": [goal(1, 0, 46)]}, "second_half"),
        (70, {}, "second_half"),
        (118, {}, "second_half"),
        (125, {}, "settling"),
        (110, {"over": True}, "settling"),
        (110, {"results": [result(2, 1, 0)]}, "settling"),
        (110, FINISHED, "finished"),
    ],
)
def test_a_phase_is_worked_out_from_what_is_told_and_from_the_clock(minutes, told, phase):
    assert seen(match(**told), minutes).phase == phase


@pytest.mark.parametrize(
    ("told", "minutes", "phase", "score"),
    [
        ({"results": [result(2, 1, 1)], "goals": [goal(1, 1), goal(2, 1, 101)]}, 125, "extra_time", (2, 1)),
        ({"goals": [goal(1, 1, 90)]}, 130, "extra_time", (1, 1)),
        ({"results": [result(2, 1, 1), result(3, 2, 2)], "goals": [goal(2, 2, 101), goal(3, 2, 120)]}, 160, "shootout", (2, 2)),
        ({"goals": [goal(2, 2, 101), goal(3, 2, 120, "im Elfmeterschießen")]}, 160, "extra_time", (2, 2)),
        ({"results": [result(2, 1, 1), result(3, 2, 2), result(4, 4, 3)], "over": True}, 170, "finished", (2, 2)),
    ],
)
def test_a_cup_match_goes_on_into_extra_time_and_goals_of_a_shoot_out_do_not_count(told, minutes, phase, score):
    row = seen(match(**told), minutes, "dfb")
    assert (row.phase, (row.home_score, row.away_score)) == (phase, score)


def test_a_match_to_come_has_no_score_and_one_in_play_without_goals_is_goalless():
    assert seen(match(), -5).home_score is None
    assert (seen(match(), 20).home_score, seen(match(), 20).away_score) == (0, 0)


def recorded(name):
    if not RECORDED.exists():
        pytest.skip("needs recorded answers of OpenLigaDB")
    content = (RECORDED / name).read_bytes()
    return document(content[content.index(b"[") :])


@pytest.mark.parametrize(
    ("file", "season", "scores"),
    [
        ("getmatchdata_bl1_2020_3.json", 2020, [(4, 0), (4, 0), (2, 1), (1, 3), (1, 1), (1, 0), (4, 0), (0, 0), (4, 3)]),
        ("getmatchdata_bl1_2022_1.json", 2022, [(1, 6), (0, 4), (1, 2), (3, 1), (3, 1), (2, 2), (1, 0), (1, 1), (3, 1)]),
        ("getmatchdata_bl1_2023_12.json", 2023, [(0, 1), (4, 2), (1, 1), (1, 1), (2, 1), (0, 3), (1, 2)]),
        ("http_getmatchdata_bl1_2018_22.txt", 2018, [(2, 3), (3, 0), (0, 0), (3, 0), (1, 3), (1, 1)]),
    ],
)
def test_recorded_answers_give_the_final_scores(file, season, scores):
    parsed = parse(f"bl1/{season}", recorded(file))
    assert len(parsed.rows) == 9
    assert [(row.ft_home, row.ft_away) for row in parsed.rows if row.ft_home is not None] == scores
    assert not any("Ã" in row.home_raw + row.away_raw for row in parsed.rows)


def test_a_recorded_answer_cut_back_to_play_shows_what_was_known_then():
    now = datetime(2023, 11, 25, 15, 8, tzinfo=UTC)
    rows = {row.home_name: row for row in live("bl1", recorded("derived/inplay_made_from_bl1_2023_12.json"), now)}
    shown = {name: (row.phase, row.home_score, row.away_score) for name, row in rows.items()}
    assert shown["Borussia Dortmund"] == ("first_half", 2, 2)
    assert shown["VfL Wolfsburg"] == ("second_half", 2, 1)
    assert shown["Werder Bremen"] == ("settling", 0, 3)
    assert shown["1. FC Köln"] == ("finished", 0, 1)
    assert shown["TSG 1899 Hoffenheim"] == ("pre", None, None)
