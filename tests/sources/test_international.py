"""Internationals: extra time taken off where the goals are known and marked where not, shoot-outs, names, men and women."""

import time
from collections import Counter
from datetime import UTC, date, datetime

import pytest

from core.errors import DocumentRefused
from core.settings import PROJECT
from core.sources.international import FILES, International, parse
from core.storage.schema import raw_matches

REAL = PROJECT.parent / "shared" / "data" / "international"
HEAD = "date,home_team,away_team,home_score,away_score,tournament,city,country,neutral"
SEMI = "2024-07-09,Spain,France,2,1,UEFA Euro,Munich,Germany,TRUE"
FINAL = "2024-07-14,Spain,England,2,1,UEFA Euro,Berlin,Germany,TRUE"


def read(*rows, sex=0, goals=(), shootouts=(), former=(), **known):
    heads = {
        "results": HEAD,
        "goals": "date,home_team,away_team,team,scorer,minute,own_goal,penalty",
        "shootouts": "date,home_team,away_team,winner,first_shooter",
        "former": "current,former,start_date,end_date",
    }
    told = {"results": rows, "goals": goals, "shootouts": shootouts, "former": former}
    return parse(sex, {role: "\n".join([heads[role], *told[role]]).encode() for role in heads if told[role] or role == "results"}, **known)


def scorers(row, *told):
    day, home, away = row.split(",")[:3]
    return [f"{day},{home},{away},{team},Somebody,{minute},FALSE,FALSE" for team, minute in told]


def test_a_match_between_nations_has_its_tournament_its_year_and_its_ground():
    row = read("2024-03-23,Brazil,England,1,0,Friendly,London,England,TRUE").rows[0]
    assert (row.competition_code, row.competition_raw, row.season_raw, row.country) == ("friendly", "Friendly", "2024", "International")
    assert (row.ft_home, row.ft_away, row.neutral, row.date_local, row.kickoff_utc) == (1, 0, True, date(2024, 3, 23), None)
    assert (row.source, row.source_ref, row.score_basis) == ("international_men", "2024-03-23/brazil/england", "90")


def test_a_long_name_of_a_tournament_is_cut_to_a_code_that_the_database_holds_and_stays_one_of_its_own():
    names = [f"Guangzhou International Friendship {kind}" for kind in ("Tournament", "Trophy of Guangzhou", "Cup")]
    codes = [read(f"2024-03-23,Brazil,England,1,0,{name},London,England,TRUE").rows[0].competition_code for name in names]
    assert codes[2] == "guangzhou-international-friendship-cup" and len(set(codes)) == 3
    width = raw_matches.c.competition_code.type.length
    assert [len(code) for code in codes[:2]] == [width, width] and all(code.startswith("guangzhou-international") for code in codes)


def test_men_and_women_are_told_apart():
    men, women = (read(FINAL, sex=sex).rows[0] for sex in (0, 1))
    assert (men.sex, women.sex) == (0, 1)
    assert men.source != women.source


def test_goals_of_extra_time_are_taken_off_where_all_goals_are_listed():
    row = read(FINAL, goals=scorers(FINAL, ("Spain", 40), ("England", 88), ("Spain", 104))).rows[0]
    assert (row.ft_home, row.ft_away, row.et_home, row.et_away, row.score_basis) == (1, 1, 2, 1, "90")


def test_goals_within_ninety_minutes_stay():
    row = read(FINAL, goals=scorers(FINAL, ("Spain", 40), ("England", 88), ("Spain", 90))).rows[0]
    assert (row.ft_home, row.ft_away, row.et_home, row.score_basis) == (2, 1, None, "90")


@pytest.mark.parametrize("told", [[("Spain", 40), ("England", 88)], [("Spain", 40), ("England", 88), ("Spain", "NA")], []])
def test_a_match_that_may_have_gone_on_is_marked_where_the_goals_do_not_tell(told):
    row = read(FINAL, goals=scorers(FINAL, *told)).rows[0]
    assert (row.ft_home, row.ft_away, row.score_basis) == (2, 1, "aet_or_90")


def test_semi_finals_are_marked_too_but_no_group_match_no_friendly_no_qualifier_and_no_clear_win():
    third = "2024-07-14,France,Italy,1,0,UEFA Euro,Berlin,Germany,TRUE"
    other = "2024-07-10,England,Italy,2,1,UEFA Euro,Munich,Germany,TRUE"
    group = "2024-06-15,Spain,France,1,0,UEFA Euro,Berlin,Germany,TRUE"
    rows = read(group, SEMI, other, third, FINAL).rows
    assert [row.score_basis for row in sorted(rows, key=lambda row: row.date_local)] == ["90", *4 * ["aet_or_90"]]
    for tournament, score in (("Friendly", "2,1"), ("FIFA World Cup qualification", "2,1"), ("UEFA Euro", "4,1")):
        row = read(FINAL.replace("UEFA Euro", tournament).replace("2,1", score)).rows[0]
        assert row.score_basis == "90"


def test_a_shoot_out_does_not_decide_the_match_and_does_not_make_it_a_draw():
    level = FINAL.replace("2,1", "2,2")
    row = read(level, shootouts=["2024-07-14,Spain,England,Spain,"]).rows[0]
    assert (row.ft_home, row.ft_away, row.et_home, row.score_basis) == (2, 2, 2, "aet_or_90")
    second_leg = read(FINAL, shootouts=["2024-07-14,Spain,England,England,"]).rows[0]
    assert (second_leg.ft_home, second_leg.ft_away) == (2, 1)


def test_a_shoot_out_of_an_unknown_match_harms_nothing():
    assert len(read(FINAL, shootouts=["2024-07-14,Spain,Atlantis,Spain,"]).rows) == 1


def test_a_former_name_is_todays_in_its_own_time():
    zaire = "1974-06-14,Zaïre,Scotland,0,2,FIFA World Cup,Dortmund,Germany,TRUE"
    former = ["DR Congo,Zaïre,1971-01-10,1997-04-27", "Northern Ireland,Ireland,1882-02-18,1956-04-11"]
    assert read(zaire, former=former).rows[0].home_raw == "DR Congo"
    assert read(zaire.replace("Zaïre", "Ireland"), former=former).rows[0].home_raw == "Ireland"


def test_a_match_without_a_score_is_still_to_be_played():
    row = read("2026-06-11,Mexico,South Africa,NA,NA,FIFA World Cup,Mexico City,Mexico,FALSE").rows[0]
    assert row.ft_home is None
    assert row.upcoming(datetime(2026, 3, 13, tzinfo=UTC))


def test_the_same_match_twice_is_taken_once_and_with_two_scores_not_at_all():
    assert len(read(FINAL, FINAL).rows) == 1
    contradicting = read(FINAL, FINAL.replace("2,1", "1,2"), SEMI)
    assert len(contradicting.rows) == 1
    assert [case.reason for case in contradicting.refused] == 2 * ["the same match stands in the document twice, with different scores"]


def test_two_meetings_in_a_year_are_two_legs():
    rows = read("2024-09-09,Spain,France,1,0,Friendly,Madrid,Spain,FALSE", "2024-03-09,Spain,France,0,0,Friendly,Madrid,Spain,FALSE").rows
    assert {row.date_local: row.leg for row in rows} == {date(2024, 3, 9): 1, date(2024, 9, 9): 2}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (FINAL.replace("2,1", "2,NA"), "'NA' is no number of goals"),
        (FINAL.replace("2024-07-14", "14/07/2024"), "Invalid isoformat"),
        (FINAL.replace("TRUE", "PERHAPS"), "the ground is not told"),
        (FINAL.replace("England,2", "Spain,2"), "Spain plays Spain"),
        ("2024-07-14,Spain", "nobody"),
    ],
)
def test_a_row_that_cannot_be_is_set_aside_with_its_line(row, reason):
    parsed = read(SEMI, row)
    assert len(parsed.rows) == 1
    assert parsed.refused[0].source_ref == "line 3"
    assert reason in parsed.refused[0].reason


def test_a_table_without_its_columns_is_refused_and_so_is_one_that_lost_scores():
    with pytest.raises(DocumentRefused, match="women's internationals lacks the columns"):
        parse(1, {"results": b"404: Not Found"})
    with pytest.raises(DocumentRefused, match="its goals, lacks the columns"):
        parse(0, {"results": "\n".join([HEAD, FINAL]).encode(), "goals": b"nothing"})
    friendlies = [f"2024-03-{day},Spain,France,1,0,Friendly,Madrid,Spain,FALSE" for day in range(10, 14)]
    with pytest.raises(DocumentRefused, match="4 scores are gone"):
        read(FINAL, scored=read(FINAL, *friendlies).scored)


def test_the_tables_of_one_sex_are_fetched_together():
    (part,) = International(1, "http://127.0.0.1:9").parts(datetime(2026, 3, 13, tzinfo=UTC))
    assert part.urls["results"] == "http://127.0.0.1:9/womens-international-results/master/results.csv"
    assert part.optional == {"goals", "shootouts", "former"}


@pytest.fixture(scope="module")
def real():
    if not REAL.exists():
        pytest.skip("needs the tables of internationals")
    started, found = time.process_time(), {}
    for sex, folder in enumerate(("men", "women")):
        files = {role: REAL / folder / file for role, file in FILES.items()}
        found[sex] = parse(sex, {role: path.read_bytes() for role, path in files.items() if path.exists()})
    return found, time.process_time() - started


def test_of_all_internationals_only_the_contradiction_is_refused(real):
    found, seconds = real
    assert [len(found[sex].rows) for sex in (0, 1)] == [49518, 11489]
    assert [len(found[sex].refused) for sex in (0, 1)] == [2, 0]
    assert seconds < 5


@pytest.mark.parametrize(("sex", "late", "other_outcome"), [(0, 182, 148), (1, 35, 32)])
def test_in_all_internationals_extra_time_is_taken_off_as_counted(real, sex, late, other_outcome):
    def sign(home, away):
        return (home > away) - (home < away)

    changed = [row for row in real[0][sex].rows if row.et_home is not None and (row.et_home, row.et_away) != (row.ft_home, row.ft_away)]
    assert len(changed) == late
    assert sum(sign(row.et_home, row.et_away) != sign(row.ft_home, row.ft_away) for row in changed) == other_outcome


def test_in_all_internationals_few_matches_are_marked(real):
    bases = {sex: Counter(row.score_basis for row in real[0][sex].rows) for sex in (0, 1)}
    assert bases[0]["aet_or_90"] / len(real[0][0].rows) < 0.07
    assert bases[1]["aet_or_90"] / len(real[0][1].rows) < 0.1
