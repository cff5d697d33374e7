"""A replay that moves: what a month in steps ends in, where it can go, and that it never touches anything else."""

from __future__ import annotations

import json
import signal
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from core.clock import Clock, iso
from core.errors import SettingsError
from core.football.scoring import log_loss
from core.settings import Settings
from core.storage import forecast_chain, replay
from core.storage import schema as db
from tests.workers.small_project import CLOCK, SmallProject
from workers import pipeline, replaying
from workers.workplace import Workplace

START = datetime(2024, 10, 10, 12, tzinfo=UTC)
END = datetime(2024, 11, 10, 12, tzinfo=UTC)


def slow(test):
    """The first of these waits for whole runs of the pipeline, which take minutes on a busy machine."""
    return pytest.mark.timeout(900)(pytest.mark.long(test))


@pytest.fixture(scope="module")
def stepwise(tmp_path_factory):
    """A replay that went through a month: to the next result, to the next match day, by days, and over the end of the month."""
    project = SmallProject(tmp_path_factory.mktemp("stepwise"))
    steps = [project.run()]
    for to in ("next-match", "next-day", "+120h", iso(END)):
        steps.append(project.run("advance", "--to", to))
    assert [step.code for step in steps] == [0] * len(steps), steps[-1].err
    return project, steps


@pytest.fixture(scope="module")
def at_once(tmp_path_factory):
    """The same month in one step."""
    project = SmallProject(tmp_path_factory.mktemp("at_once"))
    assert project.run().code == 0
    done = project.run("advance", "--to", iso(END))
    assert done.code == 0, done.err
    return project


def rows(project, table, without=(), chosen=None):
    query = sa.select(table) if chosen is None else sa.select(table).where(chosen)
    with project.database.read() as connection:
        found = [dict(row) for row in connection.execute(query).mappings()]
    return sorted(json.dumps({name: value for name, value in row.items() if name not in without}, sort_keys=True) for row in found)


@slow
@pytest.mark.parametrize("name", ["matches", "teams", "match_source_refs"])
def test_a_month_in_steps_ends_in_the_same_table_as_the_month_at_once(stepwise, at_once, name):
    table = db.schema.tables[name]
    assert rows(stepwise[0], table) == rows(at_once, table)


@slow
def test_a_month_in_steps_ends_in_the_same_versions_of_every_row(stepwise, at_once):
    own = ("raw_id", "observed_at", "superseded_at")  # when something was written down is each replay's own
    for standing in (True, False):
        chosen = db.raw_matches.c.superseded_at.is_(None) if standing else sa.true()
        assert rows(stepwise[0], db.raw_matches, own, chosen) == rows(at_once, db.raw_matches, own, chosen)


@slow
def test_a_month_in_steps_ends_in_the_same_forecasts_as_the_month_at_once(stepwise, at_once):
    ends = [pd.read_parquet(project.root / "data" / "predictions" / "predictions.parquet") for project in (stepwise[0], at_once)]
    chances = ["model_stage", "proba_home", "proba_draw", "proba_away", "is_future"]
    pd.testing.assert_frame_equal(*(end[chances].sort_values(["match_id", "model_stage"]) for end in ends))


def settled(project, as_of):
    """The forecasts sealed at this moment whose matches are over: by match and stage, what was said and how it scored."""
    outcomes = {}
    with project.database.read() as connection:
        for row in connection.execute(sa.select(db.matches.c.match_id, db.matches.c.label).where(db.matches.c.label.is_not(None))):
            outcomes[row.match_id] = "HDA".index(row.label)
        assert forecast_chain.verify(connection) is None
        sealed = connection.execute(sa.select(db.forecasts).where(db.forecasts.c.as_of == iso(as_of))).all()
    found = {}
    for row in sealed:
        if row.match_id in outcomes:
            said = (row.proba_home, row.proba_draw, row.proba_away)
            found[row.match_id, row.stage] = (*said, float(log_loss(np.array([said]), np.array([outcomes[row.match_id]]))[0]))
    return found


@slow
def test_what_was_sealed_at_the_start_is_settled_alike_and_the_chain_stays_whole(stepwise, at_once):
    one, other = settled(stepwise[0], START), settled(at_once, START)
    assert one == other and len({match for match, _ in one}) > 8
    assert len(settled(stepwise[0], replay.read(stepwise[0].database, START).moment)) == 0, "what is to come is not settled"


@slow
def test_models_are_fitted_anew_only_where_the_clock_enters_another_month(stepwise):
    _, steps = stepwise
    october = [
        step for step in steps[1:] if any(line.get("event") == "stage" and "2024-10" in str(line.get("clock")) for line in step.lines)
    ]
    assert len(october) >= 2
    assert all("train" not in step.stages and "publish" in step.stages for step in october)


@slow
def test_a_replay_begins_again_and_forgets_what_it_had_known(stepwise, at_once):
    done = at_once.run("advance", "--to", "start")
    assert done.code == 0, done.err
    assert replay.read(at_once.database, START).moment == START
    with at_once.database.read() as connection:
        latest = connection.scalar(sa.select(sa.func.max(db.matches.c.date)).where(db.matches.c.label.is_not(None)))
    assert latest <= CLOCK[:10]
    assert at_once.pointer()["as_of"] == CLOCK


@pytest.fixture
def place(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    made = Workplace(Settings(tmp_path / "home", clock=Clock(START), database_url=f"sqlite:///{tmp_path / 'soccer.db'}"), tmp_path)
    yield made
    made.database.close()
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(("end", "moment"), [(0, END), (1, START), (SystemExit(143), START)], ids=["done", "failed", "cancelled"])
def test_however_a_run_ends_the_replay_is_on_its_way_no_longer(place, monkeypatch, end, moment):
    def dvc(*_):
        replay.set_out(place.database, START, END)  # as the stage `instance` does, also where nothing else has changed
        if isinstance(end, SystemExit):
            raise end
        return end

    monkeypatch.setattr(pipeline, "dvc", dvc)
    with nullcontext() if end in (0, 1) else pytest.raises(SystemExit):
        assert pipeline._whole(place, force=False) == end
    assert replay.read(place.database, START) == replay.Replay(START, moment)


def fixture_rows(*kickoffs):
    """Scheduled matches that begin at these moments, or on these days."""
    rows = []
    for number, begins in enumerate(kickoffs, start=1):
        row = {column.name: "x" for column in db.matches.columns}
        row |= dict.fromkeys(("home_score", "away_score", "ht_home", "ht_away", "label"))
        row |= {"match_id": number, "sex": 0, "leg": 1, "neutral": False, "label_ok": False, "status": "scheduled", "date": begins[:10]}
        rows.append(row | {"kickoff_utc": begins if len(begins) > 10 else None})
    return rows


@pytest.fixture
def database(database):
    with database.write() as connection:
        begins = ("2024-10-12T15:00:00Z", "2024-10-12T12:30:00Z", "2024-10-09T12:00:00Z", "2024-10-13", "2024-10-12T19:00:00Z")
        connection.execute(db.matches.insert(), fixture_rows(*begins))
    return database


@pytest.mark.parametrize(
    ("stands", "to", "moment"),
    [
        (START, "next-match", datetime(2024, 10, 12, 14, 30, tzinfo=UTC)),
        (START, "next-day", datetime(2024, 10, 12, 21, tzinfo=UTC)),
        (datetime(2024, 10, 12, 14, 30, tzinfo=UTC), "next-match", datetime(2024, 10, 12, 17, tzinfo=UTC)),
        (datetime(2024, 10, 12, 21, tzinfo=UTC), "next-day", datetime(2024, 10, 14, tzinfo=UTC)),
        (START, "+6h", START + timedelta(hours=6)),
        (START, "2024-10-20T12:00:00+02:00", datetime(2024, 10, 20, 10, tzinfo=UTC)),
    ],
)
def test_a_replay_goes_where_it_is_told(database, stands, to, moment):
    assert replaying.destination(database, replay.Replay(START, stands), to) == moment


@pytest.mark.parametrize(
    ("stands", "to", "why"),
    [
        (START, "2024-10-01", "goes on only"),
        (START, "+-3h", "goes on only"),
        (START, "soon", "is no moment"),
        (START, "+h", "is no moment"),
        (START, "+1e300h", "is no moment"),
        (START, "9000-01-01", "too far away"),
        (END, "next-match", "No match is to come"),
    ],
)
def test_where_a_replay_cannot_go_is_told_with_the_next_step(database, stands, to, why):
    with pytest.raises(SettingsError, match=why):
        replaying.destination(database, replay.Replay(START, stands), to)


def test_nobody_moves_the_clock_of_the_real_timeline(database, tmp_path):
    real = Settings(tmp_path, timeline="real", clock=Clock())
    for move in (lambda: replaying.set_out(real, database, "next-day"), lambda: replaying.play(real, database, 1)):
        with pytest.raises(SettingsError, match="SOCCER_CLOCK"):
            move()
    with database.read() as connection:
        assert connection.execute(sa.select(db.meta).where(db.meta.c.name == replay.NAME)).first() is None


@pytest.mark.parametrize("speed", [-1, 0.01, 61, float("nan")])
def test_a_speed_that_cannot_be_played_is_refused(database, tmp_path, speed):
    with pytest.raises(SettingsError, match="minutes a second"):
        replaying.play(Settings(tmp_path, clock=Clock(START)), database, speed)
