"""The tasks of the contract, through the real worker over a small published batch; and exports, straight."""

from __future__ import annotations

import io
import os

import pandas as pd
import pyarrow.parquet as pq
import pytest

from core.errors import FeaturesRefused, FileMissing, StoreUnavailable
from core.serving.lookups import FeatureLookupService
from core.storage.exports import EXPORTED, to_parquet
from core.storage.files import Store
from core.storage.schema import schema, teams
from tests.serving import models
from tests.serving.batches import MOMENT
from tests.workers.house import PATIENCE, House, eventually
from tests.workers.served import LEAN, VERSIONS, publish_small
from workers.tasks import Tasks

RESPONSE = {
    "match_id", "predicted_class", "predicted_label", "proba_home", "proba_draw", "proba_away", "model_name", "model_version",
    "model_run_id", "model_stage", "features_computed_at", "predicted_at",
}  # fmt: skip


class RealHouse(House):
    """A house whose workers are the real ones, over a small published batch."""

    def __init__(self, home, **more: str) -> None:
        super().__init__(home, **more)
        self.store = Store.open(self.settings.store_url)
        publish_small(self.store)
        self.lookup = FeatureLookupService(store=self.store)

    def real_worker(self, queue: str = "ml") -> None:
        self.start("workers.consumer", queue)
        eventually(lambda: [row for row in self.ledger.workers() if row["queue"] == queue])


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    house = RealHouse(tmp_path_factory.mktemp("real") / "home")
    house.real_worker("ml")
    house.real_worker("batch")
    yield house
    house.close()


def a_match(real) -> tuple[int, dict]:
    match_id = int(real.lookup.list_matches()[0]["match_id"])
    return match_id, real.lookup.get_features(match_id)


@pytest.mark.parametrize(("stage", "served"), [(None, "champion"), *((stage, stage) for stage in VERSIONS)])
def test_TK_1_a_queued_prediction_has_the_shape_of_the_response_and_the_stages_model(real, stage, served):
    match_id, features = a_match(real)
    task = real.jobs.wait(real.jobs.predict_match(match_id, features, real.lookup.features_computed_at, stage), PATIENCE)
    assert task["status"] == "SUCCESS", task["error"]
    result = task["result"]
    assert set(result) == RESPONSE
    assert (result["match_id"], result["model_stage"], result["model_version"]) == (match_id, served, VERSIONS[served])
    assert result["proba_home"] + result["proba_draw"] + result["proba_away"] == pytest.approx(1)
    assert result["features_computed_at"].endswith("Z")


def test_TK_1_the_models_are_loaded_once_at_the_workers_start_and_its_row_names_them(real):
    for _ in range(3):
        match_id, features = a_match(real)
        real.jobs.wait(real.jobs.predict_match(match_id, features, MOMENT), PATIENCE)
    assert real.log().count('"event": "models"') == 1
    (worker,) = [row for row in real.ledger.workers() if row["queue"] == "ml"]
    assert worker["model_versions"] == VERSIONS


def test_TK_1_the_match_is_in_the_tasks_log_line(real):
    match_id, features = a_match(real)
    task_id = real.jobs.predict_match(match_id, features, MOMENT)
    real.jobs.wait(task_id, PATIENCE)
    (line,) = eventually(lambda: [line for line in real.log().splitlines() if task_id in line])
    assert f'"match_id": {match_id}' in line


def test_TK_1_features_that_do_not_fit_fail_at_once_and_are_named(real):
    task = real.jobs.wait(real.jobs.predict_match(1, {"elo": 1.0, "colour": 2.0}), PATIENCE)
    assert (task["status"], task["error"]["kind"]) == ("FAILURE", "features_refused")
    assert "colour" in task["error"]["message"]
    assert real.ledger.recent(1)[0]["attempts"] == 1


def test_TK_1_an_infinite_feature_is_refused_before_it_is_queued(real):
    with pytest.raises(FeaturesRefused, match="elo: not a finite number"):
        real.jobs.predict_match(1, {"elo": float("inf")})


def test_TK_2_the_models_card_comes_through_the_queue(real):
    task = real.jobs.wait(real.jobs.get_model_info("challenger"), PATIENCE)
    assert (task["status"], task["result"]["model_version"], task["result"]["loaded"]) == ("SUCCESS", VERSIONS["challenger"], True)
    assert task["result"]["features"]


def test_TK_3_a_table_becomes_a_parquet_file_in_the_store(real):
    with real.database.write() as connection:
        connection.execute(teams.delete())
        rows = [{"team_id": f"t{number}", "sex": number % 2, "country": "Ísland", "name": f"Team {number}"} for number in range(7)]
        connection.execute(teams.insert(), rows)
    task = real.jobs.wait(real.jobs.export_data_raw("teams"), PATIENCE)
    assert task["status"] == "SUCCESS", task["error"]
    assert task["result"]["rows"] == 7
    data = real.store.read("exports/teams.parquet")
    assert task["result"]["bytes"] == len(data)
    assert task["result"]["location"] == real.store.location("exports/teams.parquet")
    frame = pd.read_parquet(io.BytesIO(data))
    assert frame["country"].unique().tolist() == ["Ísland"]


@pytest.mark.parametrize("name", ["tasks", "meta", "nothing", "teams; drop table teams", "", "TEAMS"])
def test_TK_3_an_unknown_name_is_a_failure_and_never_reaches_sql(real, name):
    task = real.jobs.wait(real.jobs.export_data_raw(name), PATIENCE)
    assert (task["status"], task["error"]["kind"]) == ("FAILURE", "file_missing")
    assert "raw_matches" in task["error"]["message"]


@pytest.mark.parametrize("name", EXPORTED)
def test_TK_3_every_table_on_the_list_can_be_exported_empty_with_its_columns(database, name):
    data, rows = to_parquet(database, name)
    assert rows == 0
    assert pq.read_schema(io.BytesIO(data)).names == [column.name for column in schema.tables[name].columns]


def test_TK_3_more_rows_than_are_read_at_once_all_arrive_in_order(database, monkeypatch):
    monkeypatch.setattr("core.storage.exports.ROWS_AT_ONCE", 10)
    with database.write() as connection:
        rows = [{"team_id": f"t{number:03}", "sex": 0, "country": "x", "name": "x"} for number in range(105)]
        connection.execute(teams.insert(), rows)
    data, rows_written = to_parquet(database, "teams")
    assert rows_written == 105
    assert pd.read_parquet(io.BytesIO(data))["team_id"].tolist() == [f"t{number:03}" for number in range(105)]


def test_TK_3_a_store_that_fails_keeps_the_whole_file_from_before(database, tmp_path, monkeypatch):
    store = Store.open(str(tmp_path / "store"))
    tasks = Tasks(None, database, store, None, None)
    tasks.export_data_raw("teams")
    before = store.read("exports/teams.parquet")
    monkeypatch.setattr(os, "fsync", lambda descriptor: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(StoreUnavailable):
        tasks.export_data_raw("teams")
    monkeypatch.undo()
    assert store.list("exports") == ["exports/teams.parquet"]
    assert store.read("exports/teams.parquet") == before


def test_TK_3_an_unknown_table_leaves_nothing_behind(database, tmp_path):
    store = Store.open(str(tmp_path / "store"))
    with pytest.raises(FileMissing):
        Tasks(None, database, store, None, None).export_data_raw("../../escape")
    assert store.list("") == []


@pytest.mark.long
def test_PS_6_a_promotion_reaches_the_worker_of_each_queue(tmp_path, registry, house_maker):
    for number in VERSIONS.values():
        models.register(registry, tmp_path / f"model-{number}", LEAN[number])
    registry.set_alias("champion", 1)
    home = tmp_path / "home"
    publish_small(Store.open(str(home / "replay" / "store")))
    house = house_maker(home, MLFLOW_TRACKING_URI=registry.tracking_uri)
    workers = [house.start("workers.consumer", queue) for queue in ("ml", "batch")]

    def champions():
        return {row["queue"]: row["model_versions"].get("champion") for row in house.ledger.workers()}

    registry.set_alias("champion", 2)
    eventually(lambda: champions() == {"ml": 2, "batch": 2})  # both have imported MLflow by now
    registry.set_alias("champion", 3)
    eventually(lambda: champions() == {"ml": 3, "batch": 3})
    assert [worker.poll() for worker in workers] == [None, None]


def test_TK_1_each_stage_is_answered_by_its_own_model(real):
    features = {feature.name: 0 if feature.name == "sex" else 0.0 for feature in models.SIGNATURE}
    tasks = [real.jobs.wait(real.jobs.predict_match(1, features, "2026-03-13T12:00:00Z", stage), PATIENCE) for stage in VERSIONS]
    assert {task["result"]["model_stage"]: task["result"]["model_version"] for task in tasks} == VERSIONS
    assert len({task["result"]["proba_home"] for task in tasks}) == len(VERSIONS)
