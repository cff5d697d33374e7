"""Live scores and the replay's clock in the web process: read each second, shown from memory."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from core.clock import SNAPSHOT_MOMENT as START
from core.football.live import LiveRow
from core.serving.services import open_services
from core.settings import Settings
from core.storage import live_scores, replay
from core.storage.forecast_chain import Forecast, seal
from core.storage.pipeline_log import note
from tests.serving import batches, models
from tests.workers.house import PATIENCE, eventually

ROW = LiveRow("some", "7", START, "eng.1", 0, "Arsenal", "Everton", "first_half", match_id=7, kickoff_utc=START - timedelta(minutes=10))
FILES = {1: models.files(0.0), 2: models.files(1.0), 3: models.files(-1.0)}


@pytest.fixture
def services(tmp_path):
    # So long between two looks that only being told of a new batch brings it.
    settings = Settings.from_environment({"SOCCER_HOME": str(tmp_path / "home"), "LOOKUP_CHECK_INTERVAL": "600"})
    opened = open_services(settings)
    batches.publish(opened.store, "v1", count=40, model_files=FILES)
    opened.start()
    yield opened
    opened.close()


def test_the_clock_of_the_pages_moves_with_the_replay_and_the_settings_keep_its_start(services):
    later = START + timedelta(hours=5)
    replay.set_out(services.database, START, later)
    services.live.refresh()
    assert services.clock.now() == START and services.live.replay.target == later
    replay.arrive(services.database, START)
    eventually(lambda: services.clock.now() == later)
    assert services.freshness().moment == later
    assert any(notice.title == "Replaying 13 March 2026, 17:00 UTC." for notice in services.notices())
    assert services.settings.clock.now() == START


def test_a_batch_that_was_published_is_taken_up_at_once(services, monkeypatch):
    looked, look = [], services.watch.look
    monkeypatch.setattr(services.watch, "look", lambda: (look(), looked.append(1))[0])
    eventually(lambda: looked)  # soon after its start it looks once by itself
    first = services.predictions.computed_at
    batches.publish(services.store, "v2", count=40, model_files=FILES)
    note(services.database, "published", "v2")
    eventually(lambda: services.predictions.computed_at != first)


def test_scores_grow_stale_by_the_clock_even_when_the_database_is_away(services, monkeypatch):
    live_scores.write(services.database, [ROW])
    eventually(services.live.matches)
    services.pulse.close()
    services.database.engine.dispose()
    monkeypatch.setattr(services.database.engine, "connect", _away)
    services.clock.moment = START + timedelta(minutes=6)
    services.live.refresh()
    (match,) = services.live.matches()
    assert match.row.is_stale and "does not answer" in services.live.error


def _away():
    import sqlalchemy

    raise sqlalchemy.exc.OperationalError("select", {}, Exception("unable to open database file"))


def test_no_page_waits_while_somebody_reads_from_a_database_that_hangs(services, monkeypatch):
    answers, hangs = threading.Event(), threading.Event()

    def read():
        hangs.set()
        answers.wait(PATIENCE)

    monkeypatch.setattr(services.live, "_read", read)
    monkeypatch.setattr("core.serving.live.OLD", 0.0)
    assert hangs.wait(PATIENCE), "the thread that reads each second"
    try:
        assert services.live.replay is not None and services.live.matches() == []
        assert not answers.is_set()
    finally:
        answers.set()


def test_the_forecast_beside_a_score_is_the_one_that_was_last_sealed(services):
    said = Forecast(7, "champion", 1, 0.5, 0.3, 0.2, "2026-03-13T11:50:00Z", "2026-03-12T12:00:00Z", "2026-03-12T12:00:01Z", "replay")
    with services.database.write() as connection:
        seal(connection, [said, replace(said, stage="challenger", proba_home=0.1, proba_away=0.6)])
        seal(
            connection,
            [
                replace(said, proba_home=0.4, proba_draw=0.4, as_of="2026-03-13T10:00:00Z"),
                replace(said, timeline="real", proba_home=0.6, proba_draw=0.2),
            ],
        )
    live_scores.write(services.database, [ROW])
    eventually(lambda: services.live.matches() and services.live.sealed())
    assert dict(services.live.sealed()) == {7: (0.4, 0.4, 0.2)}


def test_the_real_timeline_has_no_replay_and_nothing_moves_its_clock(tmp_path):
    home = tmp_path / "home"
    settings = replace(Settings.from_environment({"SOCCER_HOME": str(home)}), timeline="real", clock=type(Settings(home).clock)())
    opened = open_services(settings)
    opened.live.play(1.0)
    assert opened.live.replay is None and not opened.clock.replaying
    opened.close()
