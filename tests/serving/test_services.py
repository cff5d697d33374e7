"""The services together: how fresh, how ready, and what a visitor should know first."""

import json
import socket
import threading
import time
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from core import metrics
from core.clock import from_iso, iso, real_now
from core.errors import DatabaseUnavailable, NotReady, TaskUnknown
from core.serving import predictor, pulse
from core.serving.pulse import Vitals
from core.serving.records import Records
from core.serving.services import open_services
from core.settings import Settings
from core.storage import logbook, process_events
from core.storage.database import Database
from core.storage.files import Store
from core.storage.heartbeats import Pulse
from core.storage.schema import drift_history, pipeline_runs, quarantine
from core.storage.schema import process_events as happened
from core.storage.task_ledger import TaskLedger
from tests.serving import batches, models
from tests.workers.house import eventually

COUNT = 40
IDS = [int(one) for one in batches.ids(COUNT)]
FILES = {1: models.files(0.0), 2: models.files(1.0), 3: models.files(-1.0)}
PARTS = ("model", "batch_files", "worker", "database", "queue")


def settings_of(home, **more):
    return Settings.from_environment({"SOCCER_HOME": str(home), "LOOKUP_CHECK_INTERVAL": "0.2", **more})


def publish(services, version="v1", **options):
    batches.publish(services.store, version, count=COUNT, model_files=FILES, **options)


@pytest.fixture
def services(tmp_path):
    opened = open_services(settings_of(tmp_path / "home"))
    yield opened
    opened.close()


@pytest.fixture
def running(services):
    """Published, started, with one worker whose heart beats until the test takes it away."""
    publish(services)
    beat(services)
    services.start()
    done = threading.Event()
    heart = threading.Thread(target=lambda: keep_beating(services, done))
    heart.start()
    yield services
    done.set()
    heart.join()


def keep_beating(services, done):
    while not done.wait(1):
        with suppress(DatabaseUnavailable):
            if services.records.workers():
                beat(services)


def beat(services, queues=("ml", "batch")):
    for queue in queues:
        TaskLedger(services.database).beat(Pulse(f"host:{queue}:4711", queue, 4711, "host", real_now(), {"champion": 1}, 3))


def kinds(services):
    return [notice.kind for notice in services.notices()]


def notice(services, kind):
    return next(found for found in services.notices() if found.kind == kind)


# Nothing there yet


def test_without_a_batch_everything_says_what_to_do_and_nothing_fails(services):
    services.start()
    found = services.readiness()
    assert found["ready"] is False
    assert not found["model"]["ok"] and not found["batch_files"]["ok"] and not found["worker"]["ok"] and found["database"]["ok"]
    assert all("Run `make pipeline`" in found[part]["reason"] for part in ("model", "batch_files"))
    assert "make run" in found["worker"]["reason"]
    assert "Run `make pipeline`" in notice(services, "empty").text
    assert services.freshness().as_of is None and services.freshness().champion is None
    for ask in (
        services.features.frame,
        services.predictions.frame,
        services.history.frame,
        services.reports.evaluation,
        services.reports.scored_span,
        lambda: services.scores_of("champion"),
        lambda: services.walk_of("champion"),
    ):
        with pytest.raises(NotReady, match="make pipeline"):
            ask()
    assert services.reports.drift() is None and services.reports.drift_error is None
    json.dumps(services.health())


def test_workers_that_are_starting_are_no_trouble_and_those_that_died_at_it_are(services):
    assert "worker" in kinds(services)
    for process in ("web", "ml", "batch"):
        process_events.record(services.database, process, "started", 1)
    assert "worker" not in kinds(services)
    with services.database.write() as connection:
        long_ago = connection.execute(happened.update().values(at=iso(real_now() - timedelta(minutes=2)))).rowcount
    assert long_ago == 3 and "worker" in kinds(services)
    process_events.record(services.database, "ml", "started", 2)
    assert "worker" not in kinds(services)
    process_events.record(services.database, "ml", "died", 2, "ended with code 2")
    assert "worker" in kinds(services)


def test_the_banner_of_the_replay_tells_how_far_todays_matches_are(services):
    ledger = TaskLedger(services.database)

    def way():
        return notice(services, "replay").text

    assert "are being fetched" in way(), "soon"
    task = ledger.create("refresh", "batch", {})
    assert "are being fetched" in way()
    ledger.claim(task, "w", 60)
    ledger.succeed(task, "w", {"stages": 0})
    assert "could not be reached at" in way() and "asked again by themselves" in way()
    task = ledger.create("refresh", "batch", {})
    ledger.claim(task, "w", 60)
    ledger.fail(task, "w", {"kind": "pipeline_failed", "message": "The disk is full."})
    assert "could not be fetched at" in way() and "Operations says why" in way()
    services.settings.arrived_file.parent.mkdir(parents=True)
    services.settings.arrived_file.touch()
    assert "Operations leads to them" in way()


def test_a_batch_that_is_published_later_is_taken_up_without_a_restart(services):
    services.start()
    publish(services)
    assert eventually(lambda: services.freshness().champion == 1 and services.predictions.ready)
    assert "empty" not in kinds(services)


def test_a_store_that_swallows_every_request_holds_up_neither_the_start_nor_a_probe(tmp_path, monkeypatch):
    """The server takes connections and never answers, as a network that drops packets does."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing-secret")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        settings = settings_of(tmp_path / "home", SOCCER_STORE_URL="s3://forecasts/live", AWS_ENDPOINT_URL=endpoint)
        services = open_services(settings)
        monkeypatch.setattr("core.serving.services.PATIENCE", 0.5)
        services.start()
        assert not services.readiness()["batch_files"]["ok"] and "empty" in kinds(services)
        assert services.freshness().as_of is None and services.health()["ready"] is False
        assert services.predictions.error is None, "the store is still waited for"
        services.close()


# All well


def test_when_all_is_well_every_part_is_ready_with_its_age(running):
    found = eventually(lambda: (said := running.readiness())["ready"] and said)
    assert all(found[part]["ok"] and found[part]["reason"] is None for part in PARTS), found
    assert all(found[part]["age_seconds"] >= 0 for part in PARTS if part != "queue"), "nobody said how to ask the queue"
    assert found["batch_files"]["age_seconds"] == 0, "the replay's clock stands at the batch's moment"
    assert kinds(running) == ["replay"]
    json.dumps(running.health())


def test_the_freshness_names_the_moment_the_writing_and_the_versions(running):
    fresh = running.freshness()
    assert fresh.as_of == batches.MOMENT and fresh.age_seconds == 0 and (fresh.champion, fresh.challenger) == (1, 2)
    assert abs((fresh.written_at - real_now()).total_seconds()) < 60
    assert fresh.replaying and not fresh.stale


def test_the_replay_is_said_with_its_moment_and_is_no_fault(running):
    said = notice(running, "replay")
    assert said.title == "Replaying 13 March 2026, 12:00 UTC." and "real record" in said.text


def test_a_page_and_a_probe_read_memory_only(running, monkeypatch):
    """Neither the database nor the store is asked."""
    asked, here = [], threading.current_thread()

    def watched(ask):
        return lambda *given: (threading.current_thread() is here and asked.append(given)) or ask(*given)

    monkeypatch.setattr(running.database.engine, "connect", watched(running.database.engine.connect))
    for name in ("read", "stamp", "list", "exists"):
        monkeypatch.setattr(running.store, name, watched(getattr(running.store, name)))
    monkeypatch.setattr("core.serving.live.OLD", float("inf"))
    running.notices(), running.readiness(), running.freshness()
    assert asked == []


def test_the_registry_moves_models_and_forecasts_together(running):
    running.models._shelf._on_change({"champion": 2, "challenger": 1})
    assert running.predictions.get_prediction(IDS[0])["model_version"] == 2


# What can be the matter


def test_an_older_copy_is_said_with_since_when_and_why(running):
    publish(running, "v2", files={"predictions.parquet": b"torn", "match_features.parquet": b"torn"})
    eventually(lambda: running.predictions.error and running.features.error)
    said = [found for found in running.notices() if found.kind == "degraded"]
    assert {found.title.split(",")[0] for found in said} == {
        "An earlier copy of the forecasts is shown",
        "An earlier copy of the features is shown",
    }
    assert f"{real_now().year}" in said[0].title and "cannot be read" in said[0].text
    found = running.readiness()
    assert found["ready"] and "cannot be read" in found["batch_files"]["reason"]
    publish(running, "v3")
    assert eventually(lambda: "degraded" not in kinds(running))


def test_one_reason_for_several_files_is_one_notice(running):
    running.store.write("batch/current.json", b"{")
    eventually(lambda: "degraded" in kinds(running))
    eventually(lambda: running.reports.drift_error)
    said = [found for found in running.notices() if found.kind == "degraded"]
    assert len(said) == 1 and "the forecasts, features, matches" in said[0].title


def test_old_data_are_said_with_what_is_missing_and_the_next_step(tmp_path):
    later = batches.MOMENT + timedelta(days=4)
    services = open_services(settings_of(tmp_path / "home", SOCCER_CLOCK=later.isoformat()))
    publish(services)
    services.start()
    said = notice(services, "stale")
    assert said.title == "The data are 4 days old." and "13 March 2026" in said.text and "make pipeline" in said.text
    assert services.freshness().stale and services.readiness()["batch_files"]["ok"]
    services.close()


def test_a_model_that_did_not_take_over_is_said_with_the_version_that_serves(running):
    cards = {"champion": batches.card("champion", 9), "challenger": batches.card("challenger", 2)}
    batches.publish(running.store, "v2", count=COUNT, models=cards, model_files={9: {"model.json": b"{}"}})
    running.models.refresh()
    said = notice(running, "model")
    assert said.title == "A new champion did not take over." and said.text.startswith("Version 1 keeps serving.")
    assert running.readiness()["model"]["ok"] and "Version 9" in running.readiness()["model"]["reason"]


def test_a_champion_that_the_batch_had_to_leave_out_is_said_with_the_reason(running):
    reason = "Version 1, the champion, is left out: it takes features that are no longer made (luck). Promote a newer version."
    cards = {"challenger": batches.card("challenger", 2)}
    batches.publish(running.store, "v2", count=COUNT, models=cards, model_files=FILES, skipped={"champion": reason})
    assert eventually(lambda: "model" in kinds(running), seconds=8)
    said = notice(running, "model")
    assert said.title == "The champion has no forecasts in the latest batch." and said.text.endswith(reason)
    assert running.readiness()["model"]["reason"] == reason
    assert running.predictions.get_prediction(IDS[0], "challenger")["model_version"] == 2
    publish(running, "v3")
    assert eventually(lambda: "model" not in kinds(running), seconds=8) and running.readiness()["model"]["reason"] is None


def test_a_silent_registry_is_said_once_it_matters(tmp_path, monkeypatch):
    monkeypatch.setattr(predictor, "TOO_OLD", 0.0)
    monkeypatch.setattr("core.serving.services.TOO_OLD", 0.0)
    services = open_services(settings_of(tmp_path / "home", MLFLOW_TRACKING_URI="http://127.0.0.1:9"))
    publish(services)
    services.start()
    assert "registry has not answered" in notice(services, "model").title
    services.close()


def test_a_worker_that_is_away_is_said_and_so_is_its_return(running):
    with running.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM workers")
    process_events.record(running.database, "ml", "died", 4711)
    eventually(lambda: "worker" in kinds(running))
    said = notice(running, "worker")
    assert said.title == "No worker is running." and "The last one ended at" in said.text and "make run" in said.text
    assert not running.readiness()["ready"] and not running.readiness()["worker"]["ok"]
    assert eventually(lambda: metrics.WORKER_UP.labels("host:ml")._value.get() == 0)
    beat(running)
    assert eventually(lambda: running.readiness()["ready"])
    assert metrics.WORKER_UP.labels("host:ml")._value.get() == 1


def test_a_worker_of_long_work_alone_is_not_fit_for_single_forecasts(services):
    publish(services)
    beat(services, ["batch"])
    services.start()
    assert not services.readiness()["worker"]["ok"]
    assert notice(services, "worker").title == "No worker takes single forecasts."


def test_a_process_that_was_started_again_is_said_for_some_minutes(running):
    process_events.record(running.database, "ml", "restarted", 4712)
    eventually(lambda: "worker" in kinds(running))
    assert "The ml process was started again" in notice(running, "worker").title
    eventually(lambda: running.readiness()["ready"])
    with running.database.write() as connection:
        old = (real_now() - timedelta(minutes=6)).isoformat()
        connection.exec_driver_sql(f"UPDATE process_events SET at = '{old}'")
    assert eventually(lambda: "worker" not in kinds(running))


def test_a_database_that_is_away_is_said_and_forecasts_go_on(running):
    path = running.settings.folder / "soccer.db"
    running.database.close()
    for part in path.parent.glob("soccer.db*"):
        part.unlink()
    path.mkdir()
    eventually(lambda: "database" in kinds(running))
    assert "Forecasts are served from memory" in notice(running, "database").text
    found = running.readiness()
    assert not found["ready"] and not found["database"]["ok"] and found["model"]["ok"] and found["batch_files"]["ok"]
    assert running.predictions.get_prediction(IDS[0]) and running.models.predict_row(IDS[0])


def test_a_database_that_hangs_is_away_after_five_seconds(running, monkeypatch):
    monkeypatch.setattr(running.pulse, "latest", lambda: Vitals(at=time.monotonic() - pulse.LATE - 1, workers=[]))
    assert not running.readiness()["database"]["ok"] and "database" in kinds(running)


# The rest of what is read


def test_the_matches_and_the_reports_are_served_as_published(running):
    assert list(running.history.frame()["match_id"]) == IDS
    said = running.history.match(IDS[0])
    assert said["home_team"] == "Home 0" and said["kickoff_utc"] == "2026-03-03T15:00:00Z" and said["date"] == "2026-03-03"
    assert running.history.match(IDS[-1])["home_score"] is None and running.history.match(5) is None
    assert set(running.reports.evaluation()["recipe"]) == {"joint_boosted", "six_ratings", "form5", "elo"}
    assert running.reports.scored_span()["matches"] == COUNT and running.reports.drift()["drift_score"] == 0.125
    assert metrics.DRIFT_SCORE._value.get() == 0.125
    assert metrics.FORECAST_LOG_LOSS.labels("champion")._value.get() == 0.98


def test_an_unreadable_drift_report_leaves_the_last_one_and_says_so(running):
    publish(running, "v2", files={"drift.json": b'{"drift_score": '})
    assert eventually(lambda: running.reports.drift_error)
    assert running.reports.drift()["drift_score"] == 0.125 and metrics.DRIFT_SCORE._value.get() == 0.125


def test_a_batch_without_a_drift_report_is_no_error(services):
    publish(services)
    pointer = json.loads(services.store.read("batch/current.json"))
    del pointer["files"]["drift.json"]
    services.store.write("batch/current.json", json.dumps(pointer).encode())
    services.start()
    assert services.reports.drift() is None and services.reports.drift_error is None


def test_the_records_are_read_from_the_database(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'soccer.db'}")
    database.create()
    records, now = Records(database), "2026-03-13T12:00:00Z"
    task_id = TaskLedger(database).create("predict_match", "ml", {"match_id": 1, "features": {}})
    with database.write() as connection:
        row = {"source": "club", "reason": "no score", "payload": "{}", "first_seen": now}
        connection.execute(
            quarantine.insert(), [row | {"source_ref": ref, "last_seen": seen} for ref, seen in (("a", now), ("b", "2026-03-14"))]
        )
        connection.execute(pipeline_runs.insert().values(run_id="r1", started_at=now, status="SUCCESS"))
        for day in ("2026-03-14", "2026-03-13"):
            connection.execute(drift_history.insert().values(as_of=day, score=0.1, features_drifting=1, features_checked=10, matches=50))
        connection.execute(
            sa.text("INSERT INTO audit (at, who, action, reason, metrics) VALUES (:at, 'a', 'promote', 'better', '{\"n\": 1}')"),
            {"at": now},
        )
    process_events.record(database, "ml", "started", 1)
    assert records.task(task_id)["status"] == "PENDING" and records.tasks(5)[0]["task_id"] == task_id
    assert (
        records.tasks(5, "FAILURE") == []
        and records.task_counts()["PENDING"] == 1
        and records.task_events(task_id)[0]["status"] == "PENDING"
    )
    with pytest.raises(TaskUnknown):
        records.task("no such task")
    assert records.workers() == [] and records.sealed(1) == []
    assert [row["source_ref"] for row in records.quarantine()] == ["b", "a"]
    assert records.runs()[0]["run_id"] == "r1" and records.process_events()[0]["event"] == "started"
    assert [row["as_of"] for row in records.drift_history()] == ["2026-03-13", "2026-03-14"]
    assert records.audit()[0]["metrics"] == {"n": 1} == logbook.decisions(database)[0]["metrics"]
    assert isinstance(from_iso(records.process_events()[0]["at"]), datetime)


def test_two_processes_serve_from_one_store(tmp_path):
    settings = settings_of(tmp_path / "home")
    first, second = open_services(settings), open_services(settings)
    batches.publish(Store.open(settings.store_url), count=COUNT, model_files=FILES)
    for services in (first, second):
        services.start()
        assert services.models.predict_row(IDS[0])["model_version"] == 1
        services.close()
