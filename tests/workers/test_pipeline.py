"""The whole pipeline on a tiny league, in a copy of the project: from nothing, again, and after a loss."""

import fcntl
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
import yaml

from core.errors import LearningError
from core.learning.models import Feature, load_model
from core.learning.recipe import FEATURES
from core.settings import PROJECT
from core.storage import audit_log
from core.storage.forecast_chain import verify
from core.storage.schema import audit, drift_history, forecasts, pipeline_runs
from core.tables import EVALUATION, MATCH_FEATURES_LEAD, MATCHES, PREDICTIONS
from tests.serving.models import SIGNATURE, files
from tests.workers.house import eventually
from workers import scoring
from workers.instance import instance
from workers.pipeline import STAGES
from workers.publishing import publish
from workers.registration import open_registry, register
from workers.scoring import batch_inference, monitor_drift
from workers.stages import ingest
from workers.workplace import Workplace

ALL = list(STAGES)
FIRST_RUN = {"champion": 1, "challenger": 2, "baseline": 3}
RECIPES = {"joint_boosted": 1, "six_ratings": 2, "form5": 3}


@pytest.fixture(scope="module")
def project(tiny):
    return tiny[0]


@pytest.fixture(scope="module")
def first(tiny):
    return tiny[1]


def rows(project, table):
    with project.database.read() as connection:
        return [dict(row) for row in connection.execute(sa.select(table)).mappings()]


def table(project, name):
    return pd.read_parquet(io.BytesIO(project.store.read(project.pointer()["files"][name]["key"])))


def test_a_run_from_nothing_runs_every_stage_once_and_says_one_line_for_each(first):
    assert first.code == 0, first.err
    assert first.stages == ALL
    assert len(first.lines) == len(ALL) + 1 and first.out == ""
    assert {line["run"] for line in first.lines} == {first.lines[0]["run"]}
    assert first.lines[-1]["status"] == "done"


def test_the_first_run_gives_each_recipe_its_alias(project, first):
    assert project.receipt("register") == {"aliases": FIRST_RUN, "versions": RECIPES}
    cards = project.pointer()["models"]
    assert project.pointer()["stages"] == FIRST_RUN and project.pointer()["former_champion"] is None
    assert {card["params"]["recipe"]: int(version) for version, card in cards.items()} == RECIPES
    for card in cards.values():
        assert set(card) >= {"model_name", "model_run_id", "metrics", "params", "features", "registered_at", "artefact", "title"}
        assert card["metrics"]["rps"] > 0 and "model_stage" not in {name for name, value in card.items() if value}
        keys = project.store.list(card["artefact"])
        model = load_model({key.rpartition("/")[2]: project.store.read(key) for key in keys})
        assert not model.parts[0].wide and model.parts[1].wide
        assert [{"name": feature.name, "type": feature.type} for feature in model.features] == card["features"]


def test_what_is_served_has_its_tables(project, first):
    pointer = project.pointer()
    assert (pointer["as_of"], pointer["timeline"]) == ("2024-10-10T12:00:00Z", "replay")
    predictions, features = table(project, "predictions.parquet"), table(project, "match_features.parquet")
    assert list(predictions.columns) == list(PREDICTIONS.columns) and predictions.index.name == "match_id"
    assert list(features.columns) == [*MATCH_FEATURES_LEAD.columns, *FEATURES]
    assert len(predictions) == 3 * len(features) == pointer["files"]["predictions.parquet"]["rows"]
    assert 0 < features["is_future"].sum() < len(features)
    assert features.loc[features["match_date"] > "2024-10-10", "homeScore"].isna().all(), "the clock hides what is later"
    MATCHES.check(table(project, "matches.parquet"))
    evaluation = EVALUATION.check(table(project, "evaluation.parquet"))
    assert set(evaluation["recipe"]) == {*RECIPES, "elo", "base_rate"}
    assert evaluation.groupby("recipe")["model_version"].first().dropna().to_dict() == RECIPES
    assert evaluation["walk"].notna().all() and evaluation["date"].max() < pd.Timestamp("2024-10-01")
    for name, said in pointer["files"].items():
        assert len(project.store.read(said["key"])) == said["bytes"], name


def test_forecasts_of_matches_to_come_are_sealed_and_no_others(project, first):
    with project.database.read() as connection:
        assert verify(connection) is None
    features = table(project, "match_features.parquet")
    sealed = rows(project, forecasts)
    assert {row["match_id"] for row in sealed} == set(features.index[features["is_future"]])
    assert {row["timeline"] for row in sealed} == {"replay"} and {row["as_of"] for row in sealed} == {"2024-10-10T12:00:00Z"}


def test_there_is_a_drift_report_and_its_row_of_history(project, first):
    (row,) = rows(project, drift_history)
    assert row["as_of"] == "2024-10-10T12:00:00Z" and 0 < row["features_checked"] < len(FEATURES)
    assert (project.root / "reports" / "drift" / "latest.json").is_file()


def test_a_run_leaves_a_row_with_its_start_and_end(project, first):
    run = rows(project, pipeline_runs)[0]
    assert (run["status"], run["run_id"]) == ("SUCCESS", first.lines[0]["run"]) and run["finished_at"] > run["started_at"]


def test_a_run_that_finds_nothing_changed_runs_nothing(project, first):
    before, chain = project.pointer(), len(rows(project, forecasts))
    again = project.run()
    assert (again.code, again.stages) == (0, ["instance"])
    assert project.pointer() == before and len(rows(project, forecasts)) == chain
    assert again.lines[-1]["seconds"] < 30  # two and a half on a machine at rest


def test_a_second_run_at_the_same_time_is_refused_in_words(project, first):
    with (project.home / "replay" / "pipeline.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = project.run()
    assert refused.code == 1
    assert "running already" in refused.lines[-1]["problem"]
    assert all(run["status"] != "RUNNING" for run in rows(project, pipeline_runs))


def test_stages_with_effects_can_be_repeated_without_harm(project, first):
    before, chain = project.pointer(), len(rows(project, forecasts))
    for stage in (ingest, register, batch_inference, monitor_drift, publish):
        stage(project.place())
    after = project.pointer()
    differ = [name for name in before["files"] if before["files"][name]["sha1"] != after["files"][name]["sha1"]]
    assert (differ, after["models"]) == ([], before["models"])
    assert after == before and len(rows(project, forecasts)) == chain and len(rows(project, drift_history)) == 1


def other_format(model_files):
    said = json.loads(model_files["model.json"])
    return {"model.json": json.dumps(said | {"format": 1}).encode()}


def other_features(model_files):
    return files(features=[Feature("luck"), *SIGNATURE])


@pytest.mark.parametrize(("change", "reason"), [(other_format, "has format 1"), (other_features, "no longer made (luck)")])
def test_a_champion_that_cannot_be_used_any_more_is_left_out_by_name_and_the_others_go_on(project, first, tmp_path, change, reason):
    place = project.place()
    registry = open_registry(place)
    folder = tmp_path / "old"
    folder.mkdir()
    for name, data in change(files()).items():
        (folder / name).write_bytes(data)
    old = registry.log_version(folder, {"features": [{"name": "elo", "type": "double"}]}, "An old one").version
    registry.set_alias("champion", old)
    try:
        figures = batch_inference(place)
        monitor_drift(place)
        publish(place)
        pointer = project.pointer()
        assert figures["predictions"] == 3 * figures["matches"], "the latest fit of the champion's recipe forecasts in shadow"
        assert set(pointer["stages"]) == {"challenger", "baseline"} and str(old) not in pointer["models"]
        assert pointer["skipped"]["champion"].startswith(f"Version {old}, the champion, is left out") and reason in str(pointer["skipped"])
        assert set(table(project, "predictions.parquet")["model_version"]) == set(RECIPES.values())
    finally:
        registry.set_alias("champion", FIRST_RUN["champion"])
        for stage in (batch_inference, monitor_drift, publish):
            stage(place)
    assert project.pointer()["stages"] == FIRST_RUN and project.pointer()["skipped"] == {}


def test_a_former_champion_that_was_deleted_since_and_a_version_that_lost_its_files_stop_no_batch(project, first, tmp_path):
    place = project.place()
    registry = open_registry(place)
    folder = tmp_path / "deleted"
    folder.mkdir()
    for name, data in files().items():
        (folder / name).write_bytes(data)
    deleted = registry.log_version(folder, {"features": [{"name": "elo", "type": "double"}]}, "Deleted").version
    decision = audit_log.Decision("somebody", "promote", deleted, 1, "to see", {})
    audit_log.intend(place.database, decision)
    audit_log.settle(place.database, decision)
    with registry._mlflow() as mlflow:
        registry._client(mlflow).delete_model_version(registry.model_name, str(deleted))
        lost = Path(mlflow.artifacts.download_artifacts(f"models:/{registry.model_name}/3"))
    away = lost.with_name("away")
    lost.rename(away)
    try:
        batch_inference(place)
        receipt = project.receipt("batch_inference")
        assert set(receipt["models"]) == {"1", "2", "3"} and receipt["former_champion"] is None and receipt["skipped"] == {}
    finally:
        away.rename(lost)
        with place.database.write() as connection:
            connection.execute(audit.delete())
        batch_inference(place)


def test_when_no_model_can_be_used_the_stage_says_why_of_each(project, first, tmp_path, monkeypatch):
    def broken(files):
        raise LearningError("model.json is torn.")

    monkeypatch.setattr(scoring, "load_model", broken)
    with pytest.raises(LearningError, match=r"the champion, is left out: model.json is torn.*the baseline, is left out"):
        batch_inference(project.place())
    monkeypatch.undo()
    batch_inference(project.place())


def test_a_home_that_was_deleted_is_made_again_by_the_next_run(project, first):
    before = project.pointer()
    shutil.rmtree(project.home)
    again = project.repro()
    assert again.code == 0, again.err
    # The models are the same, since the training table is: they need no new fit.
    assert [stage for stage in ALL if stage not in again.stages] == ["train"]
    after = project.pointer()
    assert after["stages"] == FIRST_RUN
    same = ("match_features.parquet", "matches.parquet", "evaluation.parquet", "scores.json", "drift.json")
    assert {name: after["files"][name]["sha1"] for name in same} == {name: before["files"][name]["sha1"] for name in same}
    with project.database.read() as connection:
        assert verify(connection) is None
    assert len(rows(project, forecasts)) > 0
    # By hand each command is a run of its own.
    assert [run["note"] for run in rows(project, pipeline_runs)] == again.stages


@pytest.mark.parametrize("lost", ["store", "mlflow.db"])
def test_a_lost_store_or_registry_makes_a_new_instance_so_that_all_runs_again(project, first, lost):
    def instance_id():
        instance(project.place())
        return json.loads((project.root / "data" / "work" / "instance.json").read_text())["instance_id"]

    before, away = instance_id(), project.home / "replay" / f"{lost}.away"
    assert instance_id() == before
    (project.home / "replay" / lost).rename(away)
    assert instance_id() != before
    away.rename(project.home / "replay" / lost)


def test_a_torn_file_in_the_store_makes_a_new_instance_too(project, first):
    def said():
        instance(project.place())
        return json.loads((project.root / "data" / "work" / "instance.json").read_text())

    before, key = said(), project.pointer()["files"]["predictions.parquet"]["key"]
    whole = project.store.read(key)
    project.store.write(key, whole[:1000])
    assert said()["instance_id"] != before["instance_id"]
    project.store.write(key, whole)


def test_other_stages_are_other_work(project):
    place = project.place()
    fewer = Workplace(replace(place.settings, stages=("champion",)), place.root)
    assert fewer.places != place.places


def test_work_files_that_cannot_be_written_are_told_in_words(project, first):
    work, away = project.root / "data" / "work", project.root / "data" / "work.away"
    work.rename(away)
    work.write_text("not a folder")
    try:
        failed = project.run()
    finally:
        work.unlink()
        away.rename(work)
    assert failed.code == 1
    assert "make it writable" in failed.lines[-1]["problem"] and "Traceback" not in failed.err


def test_a_source_that_is_broken_fails_the_run_in_words_and_leaves_what_is_served(project, first):
    before = project.pointer()
    snapshot = project.root / "data" / "snapshot" / "matches.csv.gz"
    whole = snapshot.read_bytes()
    snapshot.write_bytes(whole[: len(whole) // 2])
    try:
        failed = project.run()
    finally:
        snapshot.write_bytes(whole)
    assert failed.code == 1
    problem = next(line for line in failed.lines if line["event"] == "stage" and line["level"] == "error")
    assert problem["stage"] == "ingest" and "cannot be read" in problem["problem"] and "Traceback" not in failed.err
    last = max(rows(project, pipeline_runs), key=lambda run: run["started_at"])
    assert last["status"] == "FAILED" and last["note"].startswith("ingest: ")
    assert project.pointer() == before


@pytest.mark.long
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["asked", "killed"])
def test_a_run_that_is_ended_leaves_no_process_and_the_next_run_goes_on(project, first, how):
    command = [sys.executable, "-m", "workers.pipeline", "--force"]
    run = subprocess.Popen(command, cwd=project.root, env=project.environment(), stderr=subprocess.PIPE, text=True)
    while '"ingest"' not in run.stderr.readline():
        assert run.poll() is None
    os.kill(run.pid, how)
    run.wait(30)
    eventually(lambda: not working_in(project.root))
    again = project.run()
    assert again.code == 0, again.err
    ended = sorted(rows(project, pipeline_runs), key=lambda row: row["started_at"])[-2]
    assert ended["status"] == ("LOST" if how == signal.SIGKILL else "FAILED")


def working_in(folder):
    """The processes whose working directory is this one."""
    return [link for link in Path("/proc").glob("[0-9]*/cwd") if link.exists() and link.resolve() == folder]


@pytest.mark.long
def test_another_moment_brings_new_models_as_challenger_and_going_back_serves_the_old_moment_again(project, first):
    now = project.pointer()
    later = project.run(clock="2024-12-10T12:00:00Z")
    assert later.code == 0 and later.stages == ALL
    versions = project.receipt("register")
    assert versions["versions"] == {"joint_boosted": 4, "six_ratings": 5, "form5": 6}
    assert versions["aliases"] == {"champion": 1, "challenger": 5, "baseline": 6}
    assert project.pointer()["as_of"] == "2024-12-10T12:00:00Z"
    with project.database.read() as connection:
        assert verify(connection) is None
    # DVC must not restore from its cache of runs what has effects elsewhere.
    back = project.run()
    assert back.code == 0 and {"ingest", "batch_inference", "publish"} <= set(back.stages)
    assert project.pointer()["as_of"] == now["as_of"]
    assert project.receipt("register")["aliases"] == {"champion": 1, "challenger": 5, "baseline": 3}


@pytest.mark.long
def test_models_learn_up_to_today_when_asked_and_up_to_the_month_by_themselves(project, first):
    before = project.place().cut
    asked = project.run("retrain")
    assert asked.code == 0 and {"featurize", "train", "register"} <= set(asked.stages)
    after = project.place().cut
    assert (before.isoformat(), after.isoformat()) == ("2024-10-01", "2024-10-10")
    card = project.pointer()["models"][str(project.pointer()["stages"]["challenger"])]
    assert card["params"]["cut"] == "2024-10-10" and card["params"]["until"] > "2024-10-01"
    assert project.place(clock="2024-11-20T12:00:00Z").cut.isoformat() == "2024-11-01"
    assert project.place(clock="2024-10-05T12:00:00Z").cut.isoformat() == "2024-10-01", "a replay that goes back knows nothing later"
    assert project.run().stages == ["instance"]


def test_every_stage_with_effects_has_a_receipt_that_persists_and_depends_on_the_instance():
    stages = yaml.safe_load((PROJECT / "dvc.yaml").read_text())["stages"]
    assert list(stages) == ALL
    for name in ("ingest", "register", "batch_inference", "monitor_drift", "publish"):
        receipt = f"data/work/receipts/{name}.json"
        assert {receipt: {"cache": False, "persist": True}} in stages[name]["outs"], name
        assert "data/work/instance.json" in stages[name]["deps"], name
    train = {dep for dep in stages["train"]["deps"] if dep.startswith("data/")}
    assert train == {"data/work/training.parquet"}
