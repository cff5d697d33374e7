"""One table out of several sources: who counts, what is kept, what is set aside, and how a match keeps its id."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from core.football.matches import Teams
from core.football.naming import found, names
from core.football.raw import SHOTS, RawMatch, Refused
from core.storage import building, match_rows, moved_matches, raw_versions
from core.storage import schema as db
from core.storage.database import Database

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DAY = date(2026, 11, 14)
PLAYED = {"ft_home": 2, "ft_away": 1}


def raw(source="openfootball", home="Ajax", away="Breda", day=DAY, **told):
    told = {"sex": 0, "competition_code": "ned.1", "competition_raw": "Eredivisie", "country": "Netherlands", "leg": 1, **told}
    return RawMatch(source, f"{home}-{away}", season_raw="2026-27", date_local=day, home_raw=home, away_raw=away, **told)


def load(database, teams, *rows, at=NOW, refused=(), part="ned.1"):
    with database.write() as connection:
        return match_rows.load(connection, rows[0].source, part, rows, refused, teams, at)


def table(database, *names):
    columns = [db.matches.c[name] for name in names]
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(sa.select(*columns).order_by(db.matches.c.date, db.matches.c.match_id))]


def reasons(database):
    with database.read() as connection:
        return list(connection.scalars(sa.select(db.quarantine.c.reason)))


def whole(database):
    """Everything that the loaded matches are, but for moments."""
    with database.read() as connection:
        return connection.execute(sa.select(db.matches).order_by(db.matches.c.match_id)).all()


def test_a_match_told_by_two_sources_is_one_row_that_names_both(database, teams):
    load(database, teams, raw(**PLAYED))
    load(database, teams, raw("openligadb", **PLAYED))
    assert table(database, "sources", "home_score") == [("openligadb,openfootball", 2)]


def test_a_conflict_between_two_sources_is_listed_with_both_scores_and_does_not_overwrite(database, teams):
    load(database, teams, raw(**PLAYED))
    load(database, teams, raw("openligadb", ft_home=3, ft_away=1), at=NOW + timedelta(hours=1))
    assert table(database, "home_score", "away_score", "label_ok") == [(2, 1, True)]
    assert reasons(database) == ["openligadb has 3-1 and openfootball has 2-1, which is kept; one of them is wrong"]


COUNTED = dict(zip(SHOTS, (14, 8, 6, 3), strict=True))


@pytest.mark.parametrize("sources", [("football_data", "openligadb"), ("openligadb", "football_data"), ("football_data", "openfootball")])
def test_shots_stay_whatever_a_source_without_them_says_before_or_after(database, teams, sources):
    told = {"football_data": COUNTED}
    for source in sources:
        load(database, teams, raw(source, **PLAYED, **told.get(source, {})))
    assert table(database, *SHOTS) == [(14, 8, 6, 3)]


def test_shots_are_those_of_the_source_that_comes_first_among_those_that_counted_them(database, teams):
    load(database, teams, raw("football_data", **PLAYED, **COUNTED))
    load(database, teams, raw("openfootball", **PLAYED, home_shots=1))
    assert table(database, *SHOTS) == [(14, 8, 6, 3)]
    load(database, teams, raw("my_league", **PLAYED, home_shots=12, away_shots=9), at=NOW - timedelta(days=1))
    assert table(database, *SHOTS) == [(12, 9, None, None)]


def test_shots_of_a_row_with_another_score_are_not_believed(database, teams):
    load(database, teams, raw(**PLAYED))
    load(database, teams, raw("football_data", ft_home=0, ft_away=0, **COUNTED), at=NOW + timedelta(hours=1))
    assert table(database, "home_score", *SHOTS) == [(2, None, None, None, None)]


def test_shots_that_come_later_or_are_corrected_are_versions_of_the_row_and_no_correction_of_the_score(database, teams):
    assert load(database, teams, raw("football_data", **PLAYED)).new_versions == 1
    for on_target in (6, 7, 7):
        load(database, teams, raw("football_data", **PLAYED, **COUNTED | {"home_shots_on_target": on_target}))
    assert table(database, *SHOTS) == [(14, 8, 7, 3)]
    assert len(versions(database)) == 3 and corrections(database) == []


@pytest.mark.parametrize(("day", "said", "status"), [(DAY, "live", "live"), (NOW.date() + timedelta(days=2), None, "scheduled")])
def test_a_match_that_is_not_over_has_no_shots(database, teams, day, said, status):
    load(database, teams, raw("my_league", day=day, **PLAYED, **COUNTED, status_raw=said))
    assert table(database, "status", *SHOTS) == [(status, None, None, None, None)]


def test_a_conflict_is_gone_when_the_source_mends_it(database, teams):
    load(database, teams, raw(**PLAYED))
    load(database, teams, raw("openligadb", ft_home=3, ft_away=1))
    load(database, teams, raw("openligadb", **PLAYED))
    assert reasons(database) == []


def test_of_scores_seen_at_once_the_source_that_comes_first_in_precedence_counts(database, teams):
    load(database, teams, raw(**PLAYED), raw("openligadb", ft_home=3, ft_away=1))
    assert table(database, "home_score", "away_score") == [(3, 1)]


def test_the_bundled_matches_never_stand_against_a_source(database, teams):
    load(database, teams, raw("snapshot", ft_home=0, ft_away=0))
    load(database, teams, raw(**PLAYED), at=NOW + timedelta(days=1))
    assert table(database, "home_score", "away_score") == [(2, 1)]


def test_the_score_on_the_pitch_counts_before_an_awarded_one_and_neither_is_wrong(database, teams):
    load(database, teams, raw("openligadb", ft_home=3, ft_away=0, score_basis="awarded", status_raw="awarded"))
    assert table(database, "status", "label_ok") == [("awarded", False)]
    load(database, teams, raw(ft_home=0, ft_away=0, ht_home=0, ht_away=0))
    assert table(database, "home_score", "status", "label_ok") == [(0, "finished", True)]
    assert reasons(database) == []


@pytest.mark.parametrize(
    "told", [{"ft_home": 3, "ft_away": 0, "ht_home": 1, "ht_away": 0}, {"ft_home": 0, "ft_away": 2}], ids=["the same score", "no half time"]
)
def test_a_source_that_repeats_an_awarded_score_without_saying_so_makes_no_label_of_it(database, teams, told):
    load(database, teams, raw("openligadb", ft_home=3, ft_away=0, score_basis="awarded", status_raw="awarded"))
    load(database, teams, raw("football_data", **told))
    assert table(database, "status", "label_ok") == [("awarded", False)]


def test_a_score_that_may_hold_extra_time_is_no_label(database, teams):
    load(database, teams, raw(**PLAYED, score_basis="aet_or_90"))
    assert table(database, "status", "label", "label_ok") == [("finished", "H", False)]


@pytest.mark.parametrize("said", ["abandoned", "cancelled"])
def test_a_match_that_was_not_played_out_says_so_and_is_no_label(database, teams, said):
    load(database, teams, raw(**PLAYED, status_raw=said))
    assert table(database, "status", "label_ok") == [(said, False)]


def test_a_postponed_match_keeps_its_id_and_is_scheduled_again(database, teams):
    statuses, ids = [], set()
    later = DAY + timedelta(days=40)
    for row in (raw(), raw(status_raw="postponed"), raw(day=later), raw(day=later, **PLAYED)):
        load(database, teams, row)
        ((number, status),) = table(database, "match_id", "status")
        statuses.append(status)
        ids.add(number)
    assert statuses == ["scheduled", "postponed", "scheduled", "scheduled"], "its day has not come: nobody can know the score"
    load(database, teams, raw(day=later, **PLAYED), at=NOW + timedelta(days=60))
    assert table(database, "status", "date") == [("finished", later.isoformat())]
    assert len(ids) == 1


def test_a_match_played_a_day_late_has_its_result_though_the_day_is_in_its_sources_name_for_it(database, teams):
    def told(day, **score):
        return replace(raw(day=day, **score), source_ref=f"{day}-Ajax-Breda")

    load(database, teams, told(DAY))
    load(database, teams, told(DAY + timedelta(days=1), ft_home=2, ft_away=1), at=NOW + timedelta(days=3))
    assert table(database, "status", "home_score", "away_score") == [("finished", 2, 1)]


def test_a_score_does_not_disappear_because_a_list_of_fixtures_lags(database, teams):
    load(database, teams, raw(**PLAYED))
    load(database, teams, raw(), part="fixtures")
    assert table(database, "status", "home_score") == [("finished", 2)]


def corrections(database):
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(sa.select(db.corrections.c.was, db.corrections.c.became, db.corrections.c.reason))]


def test_a_score_that_its_source_takes_back_or_changes_is_a_correction_and_is_logged(database, teams):
    load(database, teams, raw(**PLAYED))
    load(database, teams, raw(ft_home=2, ft_away=2))
    load(database, teams, raw(status_raw="abandoned"))
    assert table(database, "status", "home_score") == [("abandoned", None)]
    assert corrections(database) == [
        ("2-1", "2-2", "the source says another score"),
        ("2-2", "no score", "the source says abandoned"),
    ]


def test_the_same_again_changes_nothing_and_an_earlier_version_can_come_back(database, teams):
    assert load(database, teams, raw(), raw(home="Breda", away="Cambuur")).new_versions == 2
    again = load(database, teams, raw(), raw(home="Breda", away="Cambuur"))
    assert (again.new_versions, again.seasons) == (0, 0)
    before = whole(database)
    load(database, teams, raw(day=DAY + timedelta(days=1)))
    back = load(database, teams, raw())
    assert (back.new_versions, back.seasons) == (0, 1)
    assert whole(database) == before


def test_states_of_a_season_in_order_and_once_more_give_the_table_of_the_last_alone(tmp_path, database, teams):
    autumn = [raw(day=date(2026, 9, 5), **PLAYED), raw(home="Breda", away="Cambuur", day=date(2026, 11, 1))]
    winter = [autumn[0], raw(home="Breda", away="Cambuur", day=date(2026, 11, 2), ft_home=0, ft_away=0)]
    spring = [*winter, raw(home="Cambuur", away="Ajax", day=date(2026, 11, 20), ft_home=1, ft_away=4)]
    for state in (autumn, winter, spring) * 2:
        load(database, teams, *state)
    alone = Database(f"sqlite:///{tmp_path / 'alone.db'}")
    alone.create()
    load(alone, teams, *spring)
    assert whole(database) == whole(alone)
    assert len(versions(database)) == 4 > len(versions(alone)) == 3
    alone.close()


def versions(database):
    with database.read() as connection:
        return list(connection.scalars(sa.select(db.raw_matches.c.raw_id)))


def test_a_fixture_that_is_no_longer_listed_is_withdrawn_and_one_whose_day_went_by_is_not(database, teams):
    load(database, teams, raw(), raw(home="Breda", away="Cambuur", day=NOW.date() + timedelta(days=9)))
    load(database, teams, raw(home="Cambuur", away="Ajax", day=NOW.date() + timedelta(days=2)))
    assert table(database, "date") == [("2026-11-14",), ("2026-11-25",)]


def test_a_score_whose_match_is_listed_no_more_is_taken_back_and_adds_up_to_nothing(database, teams):
    rows = [raw(**PLAYED), raw(home="Breda", away="Cambuur", **PLAYED), raw(home="Cambuur", away="Ajax", **PLAYED)]
    load(database, teams, *rows)
    load(database, teams, *rows[1:])
    with database.read() as connection:
        assert raw_versions.scored(connection, "openfootball", "ned.1").keys() == {"Breda-Cambuur", "Cambuur-Ajax"}
    assert len(whole(database)) == 2
    assert corrections(database) == [("2-1", "no score", "the source lists the match no more")]


def test_a_score_whose_match_may_be_the_row_that_cannot_be_read_is_kept(database, teams):
    load(database, teams, raw(**PLAYED), raw(home="Breda", away="Cambuur", **PLAYED))
    load(database, teams, raw(home="Breda", away="Cambuur", **PLAYED), refused=[Refused("openfootball", "row 1", "no day", "{}")])
    assert len(whole(database)) == 2


def test_a_club_that_is_renamed_in_mid_season_leaves_no_second_match_behind(database):
    teams = Teams()
    for name in ("Ajax", "Breda"):
        teams.add("Netherlands", 0, name)
    teams.add("Netherlands", 0, "Ajax", "Amsterdam")
    load(database, teams, raw(**PLAYED))
    load(database, teams, raw(home="Amsterdam", **PLAYED))
    assert table(database, "home_score") == [(2,)]
    assert reasons(database) == []


def meeting(leg, day, **told):
    return replace(raw(leg=leg, day=day, **told), source_ref=f"Ajax/Breda/{leg}")


def test_a_meeting_that_was_put_off_behind_the_next_one_is_the_later_leg(database, teams):
    autumn, winter, spring = (date(2026, 10, 4), date(2026, 11, 7), date(2027, 4, 8))
    load(database, teams, meeting(1, autumn, status_raw="postponed"), meeting(2, winter, **PLAYED))
    load(database, teams, meeting(1, winter, **PLAYED), meeting(2, spring))
    assert table(database, "leg", "date", "status") == [(1, winter.isoformat(), "finished"), (2, spring.isoformat(), "scheduled")]


def test_a_score_of_a_day_that_has_not_come_is_not_believed(database, teams):
    load(database, teams, raw(day=NOW.date() + timedelta(days=2), **PLAYED))
    assert table(database, "status", "home_score") == [("scheduled", None)]
    assert reasons(database) == ["it has a score, and its day, 2026-11-25, has not come"]


def test_an_unknown_name_is_set_aside_with_the_reason_and_the_next_step(database, teams):
    load(database, teams, raw("football_data", away="Utrecht"), raw("football_data"))
    assert len(whole(database)) == 1
    assert reasons(database) == [
        "no team of Netherlands is known as 'Utrecht'; if it is one under another name, add a line for it to data/teams/aliases.csv"
    ]


UNFIT = {
    "a long name": {"home": "A" * 121},
    "an id that is long in Latin letters": {"home": "陕" * 60},
    "a long competition": {"competition_raw": "C" * 121},
    "number 0": {"home": "Aj\0ax"},
    "half a pair": {"home": "Aj\ud800ax"},
}


@pytest.mark.parametrize("told", UNFIT.values(), ids=UNFIT)
def test_a_row_that_the_columns_cannot_hold_is_set_aside_with_the_reason_and_the_others_are_loaded(database, told):
    rows, teams = (raw(**told, **PLAYED), raw(home="Breda", away="Ajax", **PLAYED)), Teams()
    found(teams, names(rows))
    load(database, teams, *rows)
    assert table(database, "home_team_id") == [("netherlands-breda",)]
    (reason,) = reasons(database)
    assert "longer than 120 characters; give it a shorter one" in reason or "holds a sign that no text can hold; write it anew" in reason
    with database.read() as connection:
        texts = list(connection.execute(sa.select(db.quarantine.c.source_ref, db.quarantine.c.payload)).one())
        assert set(connection.scalars(sa.select(db.teams.c.name))) == {"Ajax", "Breda"}
    assert all("\0" not in text and len(text.encode()) for text in texts) and len(texts[0]) <= 200
    load(database, teams, *rows)
    assert len(reasons(database)) == 1, "the same again is the same case"


def test_what_a_document_refused_is_listed_whatever_signs_it_is_made_of(database, teams):
    load(database, teams, raw(**PLAYED), refused=[Refused("openfootball", "row 2\0" + "x" * 300, "\ud800 plays \0", "\0")])
    assert reasons(database) == ["? plays \N{REPLACEMENT CHARACTER}"]


def test_rows_refused_by_a_document_stand_in_the_list_until_its_next_loading(database, teams):
    broken = Refused("openfootball", "line 3", "no day", "{}")
    load(database, teams, raw(), refused=[broken])
    load(database, teams, raw(), part="another")
    assert reasons(database) == ["no day"]
    load(database, teams, raw())
    assert reasons(database) == []


def nation(sex, name="Germany", against="Spain", **told):
    where = {"competition_code": "friendly", "competition_raw": "Friendly", "country": "International"}
    return raw(f"international_{'women' if sex else 'men'}", name, against, sex=sex, **where, **told)


def test_women_and_men_of_one_name_are_two_teams_with_matches_of_their_own(database):
    teams, rows = Teams(), [nation(0, **PLAYED), nation(1, ft_home=0, ft_away=5)]
    found(teams, names(rows))
    for row in rows:
        load(database, teams, row, part=row.source)
    sides = table(database, "sex", "home_team_id", "home_score")
    assert sorted(sides) == [(0, "germany-germany", 2), (1, "germany-germany-w", 0)]


def test_a_source_that_names_its_teams_itself_makes_them_known_and_another_does_not(database):
    teams = Teams()
    found(teams, names([raw("football_data")]))
    assert len(teams) == 0
    found(teams, names([raw(), raw(home="Ajax FC", away="Cambuur")]))
    assert sorted(team.name for team in teams) == ["Ajax", "Breda", "Cambuur"], "a kind of club is no other club"


def test_where_all_teams_of_a_country_are_listed_no_source_makes_a_new_one_known(teams):
    teams.complete()
    found(teams, names([raw(away="Utrecht"), raw(country="Belgium", home="Gent"), nation(0)]))
    assert {team.name for team in teams} == {"Ajax", "Breda", "Cambuur", "Gent", "Germany", "Spain"}


def test_where_a_team_turns_out_to_be_another_the_old_id_of_its_match_leads_to_the_new_one(database, teams):
    load(database, teams, raw(**PLAYED))
    ((old,),) = table(database, "match_id")
    one = Teams()
    one.add("Netherlands", 0, "Ajax Amsterdam", "Ajax")
    one.add("Netherlands", 0, "Breda")
    match_rows.rebuild(database, one, NOW)
    ((new, home),) = table(database, "match_id", "home_team_id")
    assert (new != old, home) == (True, "netherlands-ajax-amsterdam")
    with database.read() as connection:
        assert connection.execute(sa.select(db.match_id_aliases)).all() == [(old, new)]
        assert set(connection.scalars(sa.select(db.teams.c.name))) == {"Ajax Amsterdam", "Breda"}
    match_rows.rebuild(database, teams, NOW)
    with database.read() as connection:
        assert connection.execute(sa.select(db.match_id_aliases)).all() == [(new, old)]


def test_an_id_leads_to_the_present_one_however_often_the_match_moved(database):
    steps = {1: 2, 2: 3, 9: 3, 5: 6, 6: 5}
    with database.write() as connection:
        connection.execute(db.match_id_aliases.insert(), [{"old": old, "new": new} for old, new in steps.items()])
    with database.read() as connection:
        found = moved_matches.moved(connection)
    assert {old: found[old] for old in (1, 2, 9)} == {1: 3, 2: 3, 9: 3}
    assert found[5] == 5, "a round ends where it began"


def test_an_old_id_of_a_bundled_match_leads_to_it_unless_it_is_another_match_by_now(database, teams):
    load(database, teams, raw(**PLAYED), raw(home="Breda", away="Cambuur", **PLAYED))
    (first,), (second,) = table(database, "match_id")
    with database.write() as connection:
        building.lead(connection, {7: first, 8: 9, first: second})
    with database.read() as connection:
        assert connection.execute(sa.select(db.match_id_aliases)).all() == [(7, first)]


def test_a_stray_fixture_of_a_pair_takes_no_result_away(database, teams):
    told = {"competition_code": "eng.1", "leg": 1}
    stray = replace(raw(day=DAY + timedelta(days=90), **{**told, "leg": 2}), source_ref="stray")
    load(database, teams, raw(**told, **PLAYED), stray)
    assert table(database, "home_score") == [(2,)]
    assert reasons(database) == ["Ajax hosts Breda too often in 2026-27: which of the rows is right is not known"]


def test_a_pair_that_a_competition_plays_twice_at_home_has_two_matches(database, teams):
    first, second = raw(leg=1), replace(raw(day=DAY + timedelta(days=5), leg=2), source_ref="again")
    load(database, teams, first, second)
    assert len(table(database, "match_id")) == 2


def test_a_part_that_fails_half_way_leaves_every_earlier_row_as_it_was(database, teams):
    load(database, teams, raw(**PLAYED))
    before = whole(database)
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        match_rows.load(connection, "openfootball", "ned.1", [raw(ft_home=9, ft_away=9)], (), teams, NOW)
        raise ZeroDivisionError
    assert whole(database) == before


def test_only_the_rows_with_a_score_now_are_held_against_the_next_document(database, teams):
    load(database, teams, raw(**PLAYED), raw(home="Breda", away="Cambuur"))
    with database.read() as connection:
        assert raw_versions.scored(connection, "openfootball", "ned.1") == {"Ajax-Breda": DAY}
        assert raw_versions.scored(connection, "openfootball", "another") == {}
        assert raw_versions.scored(connection, "openfootball", None) == {"Ajax-Breda": DAY}
