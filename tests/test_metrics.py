"""What Prometheus sees: the contract's names, found again after a reload, and one sum over all processes."""

import importlib
import subprocess
import sys
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from core import metrics

ROOT = Path(__file__).resolve().parent.parent
CONTRACT = {
    "http_requests": ["method", "path", "status"],
    "http_request_duration_seconds": ["method", "path"],
    "prediction_requests": ["source", "stage"],
    "prediction_duration_seconds": [],
    "inference_duration_seconds": [],
    "prediction_confidence": ["outcome"],
    "model_info": ["model_name", "version", "stage"],
    "model_registered_at_seconds": [],
    "model_reload": ["stage", "result"],
    "model_feature_drift_score": [],
    "lookup_age_seconds": ["file"],
    "lookup_reload": ["file", "result"],
    "task_queue_depth": ["state"],
    "tasks": ["task", "status"],
    "task_duration_seconds": ["task"],
    "worker_up": ["worker"],
    "worker_heartbeat_age_seconds": ["worker"],
    "readiness": ["part"],
    "forecast_chain_valid": [],
    "forecast_log_loss": ["stage"],
    "app_page_render_seconds": ["page"],
    "app_sessions": [],
}
OURS = {"dependency_up": ["dependency"], "dependency_answer_seconds": ["dependency"]}


def made():
    metrics.show_chain(True)  # made on the first call only
    return {metric._name: list(metric._labelnames) for metric in metrics._MADE.values()}


def test_every_metric_of_the_contract_is_there_with_its_labels():
    assert made() == CONTRACT | OURS


def test_the_chain_is_absent_until_it_was_checked_rather_than_taken_for_broken():
    said = (
        "from core import metrics; print(metrics.exposition()[0].decode()); metrics.show_chain({}); print(metrics.exposition()[0].decode())"
    )
    for valid, shown in ((True, "forecast_chain_valid 1.0"), (False, "forecast_chain_valid 0.0")):
        done = subprocess.run([sys.executable, "-c", said.format(valid)], cwd=ROOT, capture_output=True, text=True, check=True)
        assert [line for line in done.stdout.splitlines() if line.startswith("forecast_chain_valid")] == [shown]


def test_a_reload_finds_the_same_metrics_and_their_counts():
    metrics.TASKS.labels("predict_match", "SUCCESS").inc(3)
    before, counted = metrics.TASKS, metrics.TASKS.labels("predict_match", "SUCCESS")._value.get()
    reloaded = importlib.reload(metrics)
    assert reloaded.TASKS is before
    del sys.modules["core.metrics"]  # what a development server does when a file changes
    anew = importlib.import_module("core.metrics")
    assert anew.TASKS is before
    assert anew.TASKS.labels("predict_match", "SUCCESS")._value.get() == counted


def test_EP_1_the_text_can_be_read_by_prometheus_and_counters_end_in_total():
    metrics.LOOKUP_RELOADS.labels("predictions.parquet", "ok").inc()
    text, kind = metrics.exposition()
    families = {family.name: family for family in text_string_to_metric_families(text.decode())}
    assert kind.startswith("text/plain; version=")
    assert {sample.name for sample in families["lookup_reload"].samples} >= {"lookup_reload_total"}


def test_the_import_makes_no_folder_and_says_in_words_that_there_is_none(tmp_path):
    folder = tmp_path / "not there"
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(folder), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", "import core.metrics"], env=environment, capture_output=True, text=True)
    assert f"PROMETHEUS_MULTIPROC_DIR is {folder}, which cannot be written (No such file or directory)." in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_import_leaves_no_trial_file_in_the_folder(tmp_path):
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    trials = "import tempfile; tempfile.TemporaryFile = None; import core.metrics"
    subprocess.run([sys.executable, "-c", trials], env=environment, check=True)
    assert {path.suffix for path in tmp_path.iterdir()} == {".db"}  # its own counters


def test_EP_1_with_a_folder_for_several_processes_their_counts_are_added(tmp_path):
    count = "from core import metrics; metrics.TASKS.labels('predict_match', 'SUCCESS').inc(2)"
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", count], env=environment, check=True)
    read = "from core import metrics; print(metrics.exposition()[0].decode())"
    text = subprocess.run([sys.executable, "-c", read], env=environment, check=True, capture_output=True, text=True).stdout
    assert 'tasks_total{status="SUCCESS",task="predict_match"} 4.0' in text
