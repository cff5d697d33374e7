"""Models, tasks, queues, workers, drift and metrics over HTTP: EP-1, EP-6, EP-8 to EP-19 of the contract."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from prometheus_client import REGISTRY

from core.clock import iso
from core.errors import QueueUnavailable
from core.metrics import DRIFT_SCORE
from core.serving import predictor
from core.storage import audit_log
from core.storage.exports import EXPORTED
from core.storage.heartbeats import TIME_TO_LIVE, Pulse
from core.storage.task_queries import STATES
from tests.serving.batches import MOMENT, RECIPES
from tests.workers.house import PATIENCE, ROOT, environment, eventually, free_port
from tests.workers.served import KEY, Served, publish_small, registry_holding
from workers import schemas, sidecar


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    made = Served(tmp_path_factory.mktemp("monitoring") / "home")
    yield made
    made.close()


@pytest.fixture
def fresh(tmp_path):
    made = Served(tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def empty(tmp_path):
    made = Served(tmp_path / "empty", published=False)
    yield made
    made.close()


def beating(served, worker="ml@here:1", queue="ml", task=None):
    served.jobs.ledger.beat(Pulse(worker, queue, 1, "here", datetime.now(UTC), {"champion": 1, "challenger": 2}, 7, task))


def taken(answer) -> str:
    """The id of the task that a 202 names."""
    said = schemas.AsyncPredictResponse.model_validate(answer.json(), strict=True)
    assert (answer.status_code, said.status_url) == (202, f"/monitoring/task_status/{said.task_id}")
    return said.task_id


@pytest.mark.parametrize(("stage", "version"), [("champion", 1), ("challenger", 2), ("baseline", 3)])
def test_EP_6_tells_version_stage_metrics_parameters_and_features(served, stage, version):
    answer = served.client.get(f"/predict/model/info?stage={stage}")
    said = schemas.ModelInfoResponse.model_validate(answer.json(), strict=True)
    assert set(answer.json()) == set(schemas.ModelInfoResponse.model_fields)
    assert (said.model_version, said.model_stage, said.loaded, answer.headers["X-Model-Version"]) == (version, stage, True, str(version))
    assert (said.metrics, said.params) == ({"log_loss": 1.0}, {"recipe": RECIPES[stage]})
    body = {"features": {feature.name: 0 for feature in said.features}}
    assert served.client.post(f"/predict/?stage={stage}", json=body).status_code == 200


def test_EP_6_works_without_the_model_loaded(tmp_path):
    served = Served(tmp_path / "home", start=False)
    assert served.client.get("/predict/model/info").json()["model_version"] == 1
    served.close()


def test_EP_6_the_request_itself_asks_no_registry(fresh, monkeypatch):
    monkeypatch.setattr(fresh.services.models._shelf, "_registry", None)
    monkeypatch.setattr(fresh.services.models._shelf, "_store", None)
    assert fresh.client.get("/predict/model/info").status_code == 200


def test_EP_6_an_absent_alias_is_404(tmp_path):
    served = Served(tmp_path / "home", published=False, start=False)
    publish_small(served.store, {"champion": 1})
    answer = served.client.get("/predict/model/info?stage=challenger")
    assert (answer.status_code, "challenger" in answer.json()["detail"]) == (404, True)
    served.close()


def test_EP_6_a_copy_that_is_older_than_30_seconds_is_503(fresh, monkeypatch):
    assert predictor.TOO_OLD == 30
    assert fresh.client.get("/predict/model/info").status_code == 200
    monkeypatch.setattr(predictor, "TOO_OLD", 0)
    answer = fresh.client.get("/predict/model/info")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


@pytest.mark.parametrize("path", ["/monitoring/task_status/{}", "/monitoring/task_status/{}/"])
def test_EP_8_a_task_is_told_with_exactly_the_fields_of_the_contract(served, path):
    task_id = served.jobs.hand_in("get_model_info", {"model_stage": None})
    answer = served.client.get(path.format(task_id))
    assert answer.status_code == 200
    assert list(answer.json()) == ["task_id", "status", "progress", "result", "error", "created_at", "started_at", "finished_at"]
    assert answer.json() == served.jobs.ledger.get(task_id) == served.client.get(path.format(task_id)).json()
    assert set(STATES) == {"PENDING", "STARTED", "RETRY", "SUCCESS", "FAILURE", "REVOKED", "LOST", "EXPIRED"}


def test_EP_8_survives_a_restart(fresh):
    task_id = fresh.jobs.hand_in("get_model_info", {"model_stage": None})
    before = fresh.client.get(f"/monitoring/task_status/{task_id}").json()
    again = Served(fresh.settings.home, published=False)
    assert again.client.get(f"/monitoring/task_status/{task_id}").json() == before
    again.close()


@pytest.mark.parametrize("task_id", ["nothing-like-it", "0", "-1", "%00", "é", "a" * 5000, "9223372036854775808"])
def test_EP_8_an_id_that_is_none_is_404_in_words(served, task_id):
    answer = served.client.get(f"/monitoring/task_status/{task_id}")
    assert answer.status_code == 404
    assert "There is no task" in answer.json()["detail"]


def test_EP_8_a_result_with_numbers_that_json_cannot_say_is_told_all_the_same(served, monkeypatch):
    row = {"task_id": "x", "status": "SUCCESS", "result": {"loss": math.nan}, "error": None, "created_at": "2026-01-01T00:00:00Z"}
    monkeypatch.setattr(served.services.records, "task", lambda task_id: row)
    assert served.client.get("/monitoring/task_status/x").json()["result"] == {"loss": None}


def test_EP_9_tells_the_latest_report_and_refreshes_the_gauge(fresh):
    feature = {"feature": "elo", "drifts": True}
    report = {"as_of": iso(MOMENT), "drift_score": 0.25, "sentence": "It moved.", "hurts": False, "features": [feature, {"feature": "sex"}]}
    publish_small(fresh.store, version="v2", files={"drift.json": json.dumps(report).encode()})
    for lookup in fresh.services.lookups().values():
        lookup.refresh()
    DRIFT_SCORE.set(0.9)
    said = fresh.stranger.get("/monitoring/drift").json()
    assert (said["drift_score"], said["sentence"], said["hurts"], said["error"]) == (0.25, "It moved.", False, None)
    assert (said["features_checked"], said["features_drifting"]) == (2, ["elo"])
    assert REGISTRY.get_sample_value("model_feature_drift_score") == 0.25


@pytest.mark.parametrize(
    "report",
    [
        {"drift_score": 0.1, "features": ["a"]},
        {"drift_score": 0.1, "features": [{"drifts": True}]},
        {"drift_score": "x", "features": {"a": 1}},
        {"drift_score": True, "window": 5},
        {"drift_score": math.nan},
        {"drift_score": 7},
        {"drift_score": 0.1, "realised": [1]},
    ],
)
def test_EP_9_a_malformed_report_is_null_with_its_error_and_the_gauge_keeps_its_value(fresh, report):
    fresh.stranger.get("/monitoring/drift")
    before = REGISTRY.get_sample_value("model_feature_drift_score")
    publish_small(fresh.store, version="v2", files={"drift.json": json.dumps(report).encode()})
    for lookup in fresh.services.lookups().values():
        lookup.refresh()
    answer = fresh.stranger.get("/monitoring/drift")
    assert (answer.status_code, answer.json()["drift_score"]) == (200, None)
    assert "no drift report" in answer.json()["error"]
    assert REGISTRY.get_sample_value("model_feature_drift_score") == before


@pytest.mark.parametrize("path", ["/healthz", "/readyz/", "/metrics", "/healthcheck", "/monitoring/drift", "/openapi.json", "/docs"])
def test_EP_12_HEAD_is_answered_as_GET_without_the_body(served, path):
    asked, bare = served.stranger.get(path), served.stranger.head(path)
    assert (bare.status_code, bare.content) == (asked.status_code, b"")
    assert bare.headers["Content-Type"] == asked.headers["Content-Type"]


def test_EP_12_HEAD_opens_nothing_that_GET_does_not(served):
    assert served.stranger.head("/predict/matches/").status_code == 401
    assert served.stranger.head("/monitoring/refresh").status_code == 405


def test_EP_9_no_report_yet_is_no_error(empty):
    answer = empty.stranger.get("/monitoring/drift/")
    assert (answer.status_code, answer.json()["drift_score"], answer.json()["error"]) == (200, None, None)


def test_EP_9_an_unreadable_report_is_null_with_its_error_and_the_gauge_keeps_its_value(fresh):
    fresh.stranger.get("/monitoring/drift")
    before = REGISTRY.get_sample_value("model_feature_drift_score")
    publish_small(fresh.store, version="v2", files={"drift.json": b'{"drift_score": 0.9'})
    for lookup in fresh.services.lookups().values():
        lookup.refresh()
    answer = fresh.stranger.get("/monitoring/drift")
    assert (answer.status_code, answer.json()["drift_score"]) == (200, None)
    assert "drift.json" in answer.json()["error"]
    assert REGISTRY.get_sample_value("model_feature_drift_score") == before == 0.125


def test_EP_10_counts_what_waits_and_runs_and_tells_it_per_worker(fresh):
    first, second = (fresh.jobs.hand_in("get_model_info", {"model_stage": None}) for _ in range(2))
    fresh.jobs.ledger.claim(first, "ml@here:1", 30)
    beating(fresh, task=first)
    answer = fresh.stranger.get("/monitoring/queues")
    said = schemas.QueueStats.model_validate(answer.json(), strict=True)
    assert (answer.status_code, said.active, said.scheduled, said.backend) == (200, 1, 0, "SQLite")
    assert said.reserved == said.queues["ml"].reserved == 1  # though the message of the first is there still
    assert [(row.worker, row.active, row.current_task, row.tasks_done) for row in said.workers] == [("ml@here:1", 1, first, 7)]
    assert (said.tasks["PENDING"], said.tasks["STARTED"]) == (1, 1)
    fresh.jobs.ledger.retry(first, "ml@here:1", {"kind": "bug", "message": "x"}, 10)
    assert fresh.stranger.get("/monitoring/queues/").json()["scheduled"] == 1
    assert second


def test_EP_10_a_broker_that_is_down_is_503_with_a_body(served, monkeypatch):
    def away():
        raise QueueUnavailable("The task queue does not answer. Check SOCCER_QUEUE_URL.")

    monkeypatch.setattr(served.jobs.queue("batch"), "check", away)
    answer = served.stranger.get("/monitoring/queues")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "SOCCER_QUEUE_URL" in answer.json()["detail"]


def test_EP_11_tells_each_worker_and_a_dead_one_leaves(fresh):
    assert fresh.stranger.get("/monitoring/workers").json() == []
    beating(fresh)
    beating(fresh, "batch@here:2", "batch")
    answer = fresh.stranger.get("/monitoring/workers/").json()
    assert [row["queues"] for row in answer] == [["batch"], ["ml"]]
    said = schemas.WorkerInfo.model_validate(answer[1], strict=True)
    assert (said.worker, said.model_versions, said.tasks_done) == ("ml@here:1", {"champion": 1, "challenger": 2}, 7)
    assert 0 <= said.ping_age_seconds <= TIME_TO_LIVE
    fresh.jobs.ledger.leave("batch@here:2")
    assert len(fresh.stranger.get("/monitoring/workers").json()) == 1
    eventually(lambda: fresh.stranger.get("/monitoring/workers").json() == [])


def test_EP_12_readiness_names_each_part_with_its_age_and_reason(fresh, empty):
    answer = fresh.stranger.get("/readyz")
    schemas.Readiness.model_validate(answer.json(), strict=True)
    assert (answer.status_code, answer.json()["worker"]["ok"], answer.json()["model"]["ok"]) == (503, False, True)
    assert "make run" in answer.json()["worker"]["reason"]
    ready = eventually(lambda: beating(fresh) or ((found := fresh.stranger.get("/readyz")).status_code == 200 and found))
    assert all(ready.json()[part]["ok"] for part in ("model", "batch_files", "worker", "database"))
    beating(fresh)
    health = fresh.stranger.get("/healthcheck/")
    assert health.status_code == 200
    assert health.json()["versions"] == {"champion": 1, "challenger": 2, "baseline": 3}
    assert "make pipeline" in empty.stranger.get("/readyz").json()["model"]["reason"]


def test_EP_14_anything_else_is_a_json_404_and_a_wrong_method_405(served):
    for prefix in ("/predict", "/monitoring", "/livescores", "/calendar", "/docs", "/openapi.json", "/metrics", "/healthz"):
        for rest in ("/nothing/here", "/nothing/here/", "/%00/x"):
            answer = served.client.get(prefix + rest)
            assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json"), prefix + rest
    for method, path in [
        ("POST", "/healthz"),
        ("GET", "/predict/"),
        ("DELETE", "/predict/1"),
        ("POST", "/predict/matches/"),
        ("PUT", "/livescores"),
    ]:
        answer = served.client.request(method, path)
        assert (answer.status_code, answer.headers["content-type"]) == (405, "application/json"), path
        assert answer.headers["Allow"]
    for bare in ("/monitoring", "/monitoring/", "/calendar", "/calendar/team/1.ics"):
        assert served.client.get(bare).status_code == 404
    assert served.client.get("/matches").text == "<h1>a page</h1>"


def test_EP_14_a_path_that_only_begins_alike_is_a_page(served):
    for path in ("/prediction", "/predictable/1", "/docsy", "/healthzz", "//predict", "/"):
        assert served.client.get(path).text == "<h1>a page</h1>"


def test_EP_15_a_promotion_is_a_task_with_its_reason_and_its_caller(served):
    registry_holding(served.settings, 1, 2, 3)
    body = {"version": 2, "reason": " better ", "expected_champion": 1}
    assert served.client.post("/predict/model/promote", json=body).status_code == 409, "the gate is not passed"
    task_id = taken(served.client.post("/predict/model/promote", json=body | {"against_the_gate": True}))
    claim = served.jobs.ledger.claim(task_id, "w", 30)
    assert claim.name == "promote"
    request = claim.arguments.pop("request")
    assert request and KEY not in json.dumps(claim.arguments)
    who = claim.arguments.pop("who")
    assert who == "API, key 1"
    assert claim.arguments == {"version": 2, "reason": "better", "expected_champion": 1, "against_the_gate": True}
    unknown = served.client.post("/predict/model/promote", json=body | {"version": 77})
    assert unknown.status_code == 404 and "no version 77" in unknown.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {"version": 2, "expected_champion": 1},
        {"version": 2, "reason": "", "expected_champion": 1},
        {"version": 2, "reason": " " + "x" * 2000, "expected_champion": 1},
        {"version": 2, "reason": " \n\t", "expected_champion": 1},
        {"version": 2, "reason": "bad\x00reason", "expected_champion": 1},
        {"version": 2, "reason": "red \x1b[31m", "expected_champion": 1},
        {"version": 2, "reason": "better"},
        {"version": "2", "reason": "better", "expected_champion": 1},
        {"version": 0, "reason": "better", "expected_champion": 1},
        {"version": 2, "reason": "x" * 2001, "expected_champion": 1},
        {"version": 2, "reason": "better", "expected_champion": 1, "force": True},
    ],
    ids=str,
)
def test_EP_15_an_empty_reason_or_a_body_that_is_no_promotion_is_422(served, body):
    assert served.client.post("/predict/model/promote/", json=body).status_code == 422


def test_EP_16_a_rollback_is_a_task_and_wants_a_reason(served):
    refused = served.client.post("/predict/model/rollback/", json={"reason": "worse"})
    assert (refused.status_code, refused.json()["detail"][:19]) == (409, "Nothing was decided")
    decision = audit_log.Decision("somebody", "promote", 2, 1, "better", {})
    audit_log.intend(served.services.database, decision)
    audit_log.settle(served.services.database, decision)
    task_id = taken(served.client.post("/predict/model/rollback/", json={"reason": "worse"}))
    assert served.jobs.ledger.claim(task_id, "w", 30).arguments["reason"] == "worse"
    named = taken(served.client.post("/predict/model/rollback/", json={"reason": "worse", "who": "Ada"}))
    assert served.jobs.ledger.arguments(named)["who"] == "Ada (API, key 1)"
    assert served.client.post("/predict/model/rollback", json={"reason": "  "}).status_code == 422
    keyed = [served.client.post("/predict/model/rollback", json={"reason": "x"}, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert taken(keyed[0]) == taken(keyed[1])


def test_EP_17_a_task_is_revoked_and_queued_again_and_409_when_it_cannot_be(served):
    task_id = served.jobs.hand_in("get_model_info", {"model_stage": None})
    revoke, requeue = (f"/monitoring/tasks/{task_id}/{what}" for what in ("revoke", "requeue"))
    assert (served.client.post(requeue).status_code, served.client.post(requeue + "/").status_code) == (409, 409)
    revoked = served.client.post(revoke)
    assert (revoked.status_code, revoked.json()["status"]) == (200, "REVOKED")
    again = served.client.post(revoke + "/")
    assert (again.status_code, "REVOKED" in again.json()["detail"]) == (409, True)
    queued = served.client.post(requeue)
    assert (queued.status_code, queued.json()["status"]) == (200, "PENDING")
    for what in ("revoke", "requeue"):
        assert served.client.post(f"/monitoring/tasks/nothing/{what}").status_code == 404


@pytest.mark.parametrize("name", EXPORTED)
def test_EP_18_a_table_on_the_list_is_a_task(served, name):
    task_id = taken(served.client.post(f"/monitoring/export/{name}"))
    assert served.jobs.ledger.claim(task_id, "w", 30).arguments == {"name_table": name}


@pytest.mark.parametrize("name", ["tasks", "meta", "MATCHES", "matches;drop table matches", "sqlite_master", "%00", "é", "x" * 5000])
def test_EP_18_any_other_name_is_404_and_leaves_no_task(served, name):
    before = served.services.records.task_counts()
    answer = served.client.post(f"/monitoring/export/{name}/")
    assert (answer.status_code, "There is no table" in answer.json()["detail"]) == (404, True)
    assert len(answer.content) < 1000
    assert served.services.records.task_counts() == before


@pytest.mark.parametrize("work", ["refresh", "retrain"])
def test_EP_19_a_second_refresh_or_refit_is_given_the_firsts_id_until_it_has_ended(fresh, work):
    first = taken(fresh.client.post(f"/monitoring/{work}"))
    assert taken(fresh.client.post(f"/monitoring/{work}/")) == first
    assert fresh.jobs.ledger.claim(first, "w", 30).name == work
    running = fresh.client.post(f"/monitoring/{work}")
    assert (taken(running), running.json()["status"]) == (first, "STARTED")
    fresh.jobs.ledger.succeed(first, "w", {"stages": 1})
    assert taken(fresh.client.post(f"/monitoring/{work}")) != first


def test_traps_a_large_body_is_413_before_it_is_read(served):
    read = []

    def large(parts):
        for _ in range(parts):
            read.append(1)
            yield b" " * 16384

    told = served.client.post("/predict/", content=b" " * 65537)
    assert (told.status_code, "64 KiB" in told.json()["detail"]) == (413, True)
    assert served.client.post("/predict/", content=large(1000)).status_code == 413
    for path in ("/monitoring/refresh", "/predict/async/", "/nothing", "/predict/nothing"):
        assert served.client.post(path, content=b" " * 70000).status_code == (200 if path == "/nothing" else 413)
    assert served.client.post("/predict/", content=b'{"features": {}}' + b" " * 65000).status_code == 422


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """`uvicorn workers.api:api` with two processes, which share their metrics in a folder."""
    home, port = tmp_path_factory.mktemp("alone") / "home", free_port()
    shared = home.with_name("metrics")
    shared.mkdir()
    Served(home, start=False).close()
    surroundings = environment(home, PROMETHEUS_MULTIPROC_DIR=str(shared), FASTAPI_HEADER_TOKEN=KEY)
    command = [sys.executable, "-m", "uvicorn", "workers.api:api", "--port", str(port), "--workers", "2", "--log-level", "warning"]
    log = (home.parent / "log.txt").open("w")
    process = subprocess.Popen(command, cwd=ROOT, env=surroundings, stderr=log, stdout=log)

    def ask(path, **headers):
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.read().decode()

    def answers():
        try:
            return ask("/healthz")
        except OSError:
            return None

    eventually(answers)
    yield SimpleNamespace(ask=ask, log=home.parent / "log.txt", shared=shared)
    process.terminate()
    process.wait(PATIENCE)
    log.close()


def test_EP_1_several_processes_are_counted_together(alone):
    ask = alone.ask
    for _ in range(60):
        ask("/predict/matches/", **{"X-API-Key": KEY})
    for _ in range(10):  # whichever process answers
        told = ask("/metrics")
        wanted = 'http_requests_total{method="GET",path="/predict/matches/",status="200"} '
        assert float(told.split(wanted)[1].split()[0]) == 60.0
    assert "# TYPE http_requests_total counter" in told
    assert "model_info{" in told


def test_AUTH_5_a_token_in_the_query_reaches_no_log(alone):
    ask, log = alone.ask, alone.log
    with pytest.raises(urllib.error.HTTPError):
        ask("/predict/matches/?token=a-secret-in-the-query")
    ask("/livescores/?token=a-secret-in-the-query")
    eventually(lambda: "/livescores/" in log.read_text())
    assert "a-secret-in-the-query" not in log.read_text()


def test_EP_1_a_process_that_was_killed_shows_nothing_any_more_and_its_counts_stay(alone):
    def showing():
        return {int(path.stem.rpartition("_")[2]) for path in alone.shared.glob("gauge_live*_*.db")}

    before = showing()
    killed = max(before)
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: killed not in showing() and showing() - before)
    assert (alone.shared / f"counter_{killed}.db").exists()


@pytest.mark.parametrize("kind", ["a file", "below a file"])
def test_EP_1_a_folder_for_metrics_that_cannot_be_written_fails_the_start_with_a_sentence(tmp_path, kind):
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" if kind == "a file" else tmp_path / "file" / "folder"
    command = [sys.executable, "-m", "uvicorn", "workers.api:api", "--port", str(free_port())]
    surroundings = environment(tmp_path / "home", PROMETHEUS_MULTIPROC_DIR=str(folder))
    done = subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode != 0
    assert f"PROMETHEUS_MULTIPROC_DIR is {folder}, which cannot be written" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_EP_1_the_sidecar_serves_the_same(served):
    other = sidecar.serve(0)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{other.port}/metrics", timeout=PATIENCE) as answer:
            told = answer.read().decode()
            kind = answer.headers["Content-Type"]
    finally:
        other.close()
    assert kind == served.stranger.get("/metrics").headers["content-type"]
    assert "# TYPE http_requests_total counter" in told
