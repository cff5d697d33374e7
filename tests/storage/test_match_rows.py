"""Loading matches: what the clock hides, what is set aside, and that the same rows again change nothing."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from core.clock import SNAPSHOT_MOMENT, Clock, real_now
from core.football.raw import MATCH_LASTS, RawMatch, Refused
from core.settings import PROJECT
from core.sources import snapshot
from core.storage import match_rows, raw_versions
from core.storage import schema as db

SEEN = datetime(2026, 3, 14, tzinfo=UTC)
KICKOFF = datetime(2026, 3, 13, 10, 0, tzinfo=UTC)


def raw(home="Ajax", away="Breda", day=date(2026, 3, 1), **changes):
    told = {"ft_home": 2, "ft_away": 1, "leg": 1, "season_raw": "2025-26", "status_raw": "finished", **changes}
    return RawMatch(
        "snapshot", f"{home}-{away}", 0, "ned.1", "Eredivisie", "Netherlands", date_local=day, home_raw=home, away_raw=away, **told
    )


def load(database, rows, teams, now=SNAPSHOT_MOMENT, refused=()):
    match_rows.ingest(database, rows, teams, refused, Clock(now), SEEN)
    return match_rows.receipt(database, match_rows.matches_frame(database))


def count(database, table):
    with database.read() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table))


def test_the_bundled_snapshot_at_its_moment_has_89_matches_to_come_and_none_of_their_scores(database):
    rows = snapshot.read(PROJECT / "data" / "snapshot")
    receipt = load(database, rows.matches, rows.teams())
    frame = match_rows.matches_frame(database)
    later = frame[frame["date"] > "2026-03-13"]
    assert (receipt.matches, receipt.upcoming, receipt.quarantined) == (9522, 89, 3)
    assert len(later) == 89
    assert later["home_score"].isna().all()
    with database.read() as connection:
        told = connection.execute(sa.select(db.raw_matches.c.ft_home).where(db.raw_matches.c.date_local > "2026-03-13")).scalars().all()
    assert told == [None] * 89


def test_the_same_rows_again_change_nothing(database, teams):
    rows = [raw(), raw("Breda", "Cambuur")]
    first = load(database, rows, teams)
    again = load(database, rows, teams)
    assert match_rows.ingest(database, rows, teams, (), Clock(SNAPSHOT_MOMENT), SEEN).new_versions == 0
    assert first.digest == again.digest
    assert count(database, db.raw_matches) == 2


def test_a_corrected_score_is_a_new_version_and_moves_the_digest(database, teams):
    first = load(database, [raw()], teams)
    second = load(database, [replace(raw(), ft_home=3)], teams)
    assert second.digest != first.digest
    assert count(database, db.raw_matches) == 2
    assert match_rows.matches_frame(database)["home_score"].tolist() == [3]


@pytest.mark.parametrize(("after_kickoff", "known"), [(timedelta(hours=1, minutes=59), False), (timedelta(hours=2), True)])
def test_a_result_is_known_two_hours_after_kick_off(database, teams, after_kickoff, known):
    load(database, [raw(kickoff_utc=KICKOFF, kickoff_precision="minute", day=KICKOFF.date())], teams, now=KICKOFF + after_kickoff)
    assert (match_rows.matches_frame(database)["status"].tolist() == ["finished"]) is known


def test_a_match_of_which_only_the_day_is_known_is_over_the_day_after(database, teams):
    today = [raw(day=SNAPSHOT_MOMENT.date())]
    load(database, today, teams)
    assert match_rows.matches_frame(database)["status"].tolist() == ["scheduled"]
    load(database, today, teams, now=SNAPSHOT_MOMENT + timedelta(days=1))
    assert match_rows.matches_frame(database)["status"].tolist() == ["finished"]


def test_a_season_that_nobody_has_drawn_up_yet_is_not_known(database, teams):
    next_season = raw("Breda", "Ajax", day=date(2026, 8, 10), season_raw="2026-27")
    assert load(database, [raw(), next_season], teams).matches == 1


def versions(database):
    with database.read() as connection:
        table = db.raw_matches.c
        return {tuple(row) for row in connection.execute(sa.select(table.source_ref, table.ft_home, table.status_raw))}


@pytest.mark.parametrize("after", [timedelta(0), timedelta(microseconds=1)])
def test_a_replay_that_goes_back_forgets_what_it_had_known_later(database, teams, after):
    timed = {"kickoff_utc": KICKOFF, "kickoff_precision": "minute"}
    rows = [raw(), raw("Breda", "Cambuur", KICKOFF.date(), **timed), raw("Cambuur", "Ajax", date(2026, 3, 12))]
    rows.append(raw("Cambuur", "Breda", date(2026, 3, 12), ft_home=None, ft_away=None, ht_home=None, status_raw="postponed"))
    early = datetime(2026, 3, 12, 20, tzinfo=UTC)
    load(database, rows, teams, now=early)
    before = versions(database)
    load(database, rows, teams, now=KICKOFF + MATCH_LASTS + after)
    assert {told for _, told, _ in versions(database)} == {2, None} and len(versions(database)) == 7
    load(database, rows, teams, now=early)
    assert versions(database) == before
    assert ("Ajax-Breda", 2, "finished") in before


def test_in_real_time_no_version_is_ever_forgotten(database, teams):
    now = real_now()
    early = raw("Breda", "Cambuur", now.date() + timedelta(days=1))
    with database.write() as connection:
        raw_versions.keep(connection, "snapshot", [early], "2026-03-14T00:00:00Z")
    match_rows.ingest(database, [raw()], teams, (), Clock(), SEEN)
    assert ("Breda-Cambuur", 2, "finished") in versions(database)


def test_an_unknown_team_is_set_aside_with_the_reason(database, teams):
    receipt = load(database, [raw(), raw("Ajax", "Utrecht")], teams)
    assert (receipt.matches, receipt.quarantined) == (1, 1)
    with database.read() as connection:
        assert "'Utrecht'" in connection.scalar(sa.select(db.quarantine.c.reason))


def test_a_pair_that_meets_too_often_on_one_ground_is_set_aside_whole(database, teams):
    thrice = [replace(raw(day=date(2026, 1, day)), source_ref=f"r{day}", leg=day) for day in (1, 2, 3)]
    receipt = load(database, [*thrice, raw("Breda", "Cambuur")], teams)
    assert (receipt.matches, receipt.quarantined) == (1, 3)


def test_half_a_score_is_set_aside(database, teams):
    assert load(database, [raw(ft_away=None)], teams).quarantined == 1


def test_an_awarded_match_is_not_learned_from(database, teams):
    load(database, [raw(score_basis="awarded", status_raw="awarded")], teams)
    frame = match_rows.matches_frame(database)
    assert frame["status"].tolist() == ["awarded"]
    assert not frame["label_ok"].any()


def test_a_quarantined_row_keeps_the_day_it_was_first_seen_and_leaves_when_it_is_mended(database, teams):
    broken = Refused("snapshot", "line 3", "sex is '7'", "{}")
    load(database, [raw()], teams, refused=[broken])
    match_rows.ingest(database, [raw()], teams, [broken], Clock(SNAPSHOT_MOMENT), SEEN + timedelta(days=9))
    with database.read() as connection:
        row = connection.execute(sa.select(db.quarantine)).one()
    assert (row.first_seen, row.last_seen) == ("2026-03-14T00:00:00Z", "2026-03-23T00:00:00Z")
    load(database, [raw()], teams)
    assert count(database, db.quarantine) == 0


def test_a_refused_load_leaves_every_earlier_row_as_it_was(database, teams):
    load(database, [raw()], teams)
    before = match_rows.matches_frame(database)
    with pytest.raises(sa.exc.IntegrityError):
        load(database, [raw("Breda", "Cambuur")], EachTeamTwice(teams))
    assert match_rows.matches_frame(database).equals(before)


class EachTeamTwice:
    """Teams that break while they are stored, half-way through a load."""

    def __init__(self, teams):
        self.find = teams.find
        self.spellings = teams.spellings
        self.teams = teams

    def __iter__(self):
        return iter([*self.teams, *self.teams])
