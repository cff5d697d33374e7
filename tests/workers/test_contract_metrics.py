"""Every metric of the contract moves when what it tells of happens, as whoever scrapes `/metrics` sees it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.storage import chain_check
from core.storage.forecast_chain import seal
from core.storage.heartbeats import Pulse
from core.storage.schema import forecasts
from tests.serving.batches import MOMENT
from tests.storage.test_forecast_chain import FORECAST
from tests.test_metrics import CONTRACT
from tests.workers.house import eventually
from tests.workers.served import Served, publish_small
from workers.jobs import KINDS
from workers.reaper import Reaper
from workers.recorder import Recorder

HOURS = 40
# These take a visitor: tests/workers/test_contract_app.py has one.
OF_PAGES = {"app_page_render_seconds", "app_sessions"}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A batch of forty hours ago, and a worker."""
    made = Served(tmp_path_factory.mktemp("metrics") / "home", published=False, start=False)
    publish_small(made.store, as_of=MOMENT - timedelta(hours=HOURS))
    beat(made)
    made.services.start()
    yield made
    made.close()


def beat(served) -> None:
    served.jobs.ledger.beat(Pulse("ml@here:1", "ml", 1, "here", datetime.now(UTC), {"champion": 1}, 7))


def told(served, sample: str) -> float:
    lines = served.stranger.get("/metrics").text.splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{sample} ")), 0.0)


def list_matches(served):
    assert served.client.get("/predict/matches/").status_code == 200


def forecast_ahead(served):
    assert served.client.get(f"/predict/precomputed/{served.ids()[0]}").status_code == 200


def forecast_now(served):
    answer = served.client.get(f"/predict/{served.ids()[0]}")
    assert answer.json()["predicted_label"] == "away_win"


def publish(served):
    """A new batch with a new version of the challenger."""
    version = len(served.store.list("batch"))
    publish_small(served.store, {"champion": 1, "challenger": version, "baseline": 3}, version=f"v{version}")
    served.services.predictions.refresh()
    served.services.models.refresh()


def run_task(served):
    """What a worker does with it."""
    task_id = served.jobs.get_model_info()
    worker = Recorder(served.jobs.ledger, {"get_model_info": lambda model_stage: {}}, KINDS, "ml@here:1", "ml", 1.0)
    assert worker.run("get_model_info", task_id) == "SUCCESS"


COUNTED = {
    "http_requests": ('http_requests_total{method="GET",path="/predict/matches/",status="200"}', list_matches),
    "http_request_duration_seconds": ('http_request_duration_seconds_count{method="GET",path="/predict/matches/"}', list_matches),
    "prediction_requests": ('prediction_requests_total{source="precomputed",stage="champion"}', forecast_ahead),
    "prediction_duration_seconds": ("prediction_duration_seconds_count", forecast_now),
    "inference_duration_seconds": ("inference_duration_seconds_count", forecast_now),
    "prediction_confidence": ('prediction_confidence_count{outcome="away_win"}', forecast_now),
    "model_reload": ('model_reload_total{result="ok",stage="challenger"}', publish),
    "lookup_reload": ('lookup_reload_total{file="predictions.parquet",result="ok"}', publish),
    "tasks": ('tasks_total{status="SUCCESS",task="get_model_info"}', run_task),
    "task_duration_seconds": ('task_duration_seconds_count{task="get_model_info"}', run_task),
}
SHOWN = {
    "model_info": ('model_info{model_name="soccer-match-outcome",stage="champion",version="1"}', 1),
    "model_registered_at_seconds": ("model_registered_at_seconds", MOMENT.timestamp()),
    "model_feature_drift_score": ("model_feature_drift_score", 0.125),
    "lookup_age_seconds": ('lookup_age_seconds{file="match_features.parquet"}', HOURS * 3600),
    "worker_up": ('worker_up{worker="ml@here"}', 1),
    "forecast_log_loss": ('forecast_log_loss{stage="champion"}', 0.98),
}


@pytest.mark.parametrize("metric", SHOWN)
def test_a_gauge_shows_how_it_is(served, metric):
    sample, value = SHOWN[metric]
    eventually(lambda: beat(served) or told(served, sample) == value)


def test_a_workers_heartbeat_grows_old_and_the_worker_is_down_then(served):
    """Metrics worker_up and worker_heartbeat_age_seconds."""
    assert eventually(lambda: told(served, 'worker_heartbeat_age_seconds{worker="ml@here"}') > 1)
    assert eventually(lambda: told(served, 'worker_up{worker="ml@here"}') == 0)


def test_the_queues_depth_is_told_by_state(served):
    """Metric task_queue_depth."""
    served.jobs.hand_in("get_model_info", {"model_stage": None})
    reaper = Reaper(served.settings)
    reaper.gauges()
    assert told(served, 'task_queue_depth{state="waiting"}') == served.jobs.depth()["ml"]["waiting"] > 0
    assert told(served, 'task_queue_depth{state="active"}') == 0
    reaper.jobs.close()
    reaper.database.close()


def test_each_part_of_readyz_is_shown_as_it_is(served):
    """Metric readiness."""
    beat(served)
    eventually(lambda: beat(served) or told(served, 'readiness{part="worker"}') == 1)
    assert eventually(lambda: told(served, 'readiness{part="worker"}') == 0), "its heart stopped"
    for name in ("model", "batch_files", "worker", "database", "queue"):
        eventually(lambda name=name: told(served, f'readiness{{part="{name}"}}') == int(served.stranger.get("/readyz").json()[name]["ok"]))


def test_the_chain_is_shown_as_the_last_check_found_it(served):
    """Metric forecast_chain_valid."""
    database = served.services.database
    with database.write() as connection:
        seal(connection, [FORECAST])
    assert chain_check.run(database).problem is None
    eventually(lambda: told(served, "forecast_chain_valid") == 1)
    with database.write() as connection:
        connection.execute(forecasts.update().values(proba_home=0.9))
    assert chain_check.run(database).problem
    eventually(lambda: "forecast_chain_valid 0.0" in served.stranger.get("/metrics").text)


@pytest.mark.parametrize("metric", COUNTED)
def test_a_counter_grows_by_one_with_each_thing_that_happens(served, metric):
    sample, happens = COUNTED[metric]
    before = told(served, sample)
    happens(served)
    assert told(served, sample) == before + 1


def test_no_metric_of_the_contract_is_forgotten_here():
    alone = {"worker_heartbeat_age_seconds", "task_queue_depth", "readiness", "forecast_chain_valid"}
    assert {*COUNTED, *SHOWN} | alone | OF_PAGES == set(CONTRACT)
