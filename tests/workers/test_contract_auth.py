"""Who may ask: AUTH-1 to AUTH-6 of the contract."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging

import pytest
from fastapi import HTTPException

from tests.workers.served import KEY, Served, registry_holding
from workers import auth
from workers.auth import get_query_token, get_token_header

REFUSAL = {"detail": "Missing or invalid X-API-Key header"}
POSTS = (
    "/predict/",
    "/predict/async/",
    "/predict/model/promote",
    "/predict/model/rollback",
    "/monitoring/tasks/x/revoke",
    "/monitoring/tasks/x/requeue",
    "/monitoring/export/teams",
    "/monitoring/refresh",
    "/monitoring/retrain",
)
PROTECTED = ("/predict/matches/", "/predict/predictions/", "/predict/model/info", "/predict/precomputed/1", "/predict/1")
OPEN = ("/healthz", "/metrics", "/livescores/", "/monitoring/drift", "/monitoring/queues", "/monitoring/workers")


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    made = Served(tmp_path_factory.mktemp("auth") / "home")
    yield made
    made.close()


def refused(answer) -> bool:
    return (answer.status_code, answer.json(), answer.headers.get("WWW-Authenticate")) == (401, REFUSAL, "ApiKey")


def test_the_audit_names_a_key_by_its_number_and_nothing_is_made_of_the_key(served):
    both = served.with_settings(keys=("the-new-one", "the-old-one"))
    registry_holding(served.settings, 2)
    body = {"version": 2, "reason": "better", "expected_champion": 1, "against_the_gate": True}
    told = []
    for key in ("the-new-one", "the-old-one"):
        task_id = both.post("/predict/model/promote", json=body, headers={"X-API-Key": key}).json()["task_id"]
        told.append(served.jobs.ledger.arguments(task_id)["who"])
    assert told == ["API, key 1", "API, key 2"]


def test_AUTH_1_the_key_opens_and_two_keys_are_valid_at_once(served):
    assert served.client.get("/predict/matches/").status_code == 200
    both = served.with_settings(keys=("the-new-one", "the-old-one"))
    for key in ("the-new-one", "the-old-one"):
        assert both.get("/predict/matches/", headers={"X-API-Key": key}).status_code == 200
    assert refused(both.get("/predict/matches/", headers={"X-API-Key": "the-new-one,the-old-one"}))


def test_AUTH_1_the_check_stands_alone_and_reads_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("SOCCER_HOME", str(tmp_path))
    monkeypatch.setenv("FASTAPI_HEADER_TOKEN", "from-the-environment")
    assert asyncio.run(get_token_header("from-the-environment")) is None
    for wrong in (None, "", "another"):
        with pytest.raises(HTTPException) as error:
            asyncio.run(get_token_header(wrong))
        assert error.value.status_code == 401


@pytest.mark.parametrize("wrong", ["", "wrong", KEY[:-1], KEY + "x", KEY + " x", KEY.upper(), f"{KEY},{KEY}", f"Bearer {KEY}"])
def test_AUTH_2_anything_but_the_very_key_is_401(served, wrong):
    assert refused(served.stranger.get("/predict/matches/", headers={"X-API-Key": wrong}))


def test_AUTH_2_no_header_or_two_of_them_is_401(served):
    assert refused(served.stranger.get("/predict/matches/"))
    assert refused(served.stranger.get("/predict/matches/", headers=[("X-API-Key", KEY), ("X-API-Key", KEY)]))
    assert refused(served.stranger.get("/predict/matches/", headers=[("X-API-Key", "wrong"), ("X-API-Key", KEY)]))


def test_AUTH_3_keys_are_compared_as_bytes_in_constant_time(served, monkeypatch):
    compared = []
    real = hmac.compare_digest
    monkeypatch.setattr(auth.hmac, "compare_digest", lambda one, other: compared.append((one, other)) or real(one, other))
    assert refused(served.stranger.get("/predict/matches/", headers={"X-API-Key": "wrong"}))
    assert compared and all(isinstance(side, bytes) for pair in compared for side in pair)


@pytest.mark.parametrize("sent", ["ключ", "clé", "🔑", "\udcff"])
def test_AUTH_3_a_key_beyond_ascii_is_401_and_never_500(served, sent):
    raw = sent.encode("utf-8", "surrogateescape")
    assert refused(served.stranger.get("/predict/matches/", headers=[(b"X-API-Key", raw)]))


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_AUTH_3_a_configured_key_beyond_ascii_opens_however_it_is_sent(served, encoding):
    other = served.with_settings(keys=("clé-secrète",))
    assert other.get("/predict/matches/", headers=[(b"X-API-Key", "clé-secrète".encode(encoding))]).status_code == 200
    assert refused(other.get("/predict/matches/", headers=[(b"X-API-Key", "clé".encode(encoding))]))


def test_AUTH_4_without_a_key_protected_routes_are_503_and_say_what_to_set(served, tmp_path):
    bare = served.with_settings(keys=(), home=tmp_path)
    for given in ({}, {"X-API-Key": ""}, {"X-API-Key": "anything"}):
        answer = bare.get("/predict/matches/", headers=given)
        assert answer.status_code == 503
        assert "FASTAPI_HEADER_TOKEN" in answer.json()["detail"]
    assert bare.get("/healthz").status_code == 200


def test_AUTH_4_the_key_that_the_first_run_wrote_is_taken_from_its_file(served):
    first = served.with_settings(keys=())
    assert served.settings.key_file.stat().st_mode & 0o777 == 0o600
    written = served.settings.key_file.read_text().strip()
    assert len(written) > 30
    assert first.get("/predict/matches/", headers={"X-API-Key": written}).status_code == 200
    assert refused(first.get("/predict/matches/", headers={"X-API-Key": written[:-1]}))


def test_AUTH_1_two_keys_in_the_file_are_valid_at_once_too(tmp_path):
    served = Served(tmp_path / "home", keys=())
    served.settings.key_file.write_text("the-new-one, the-old-one\n")
    for key, status in (("the-new-one", 200), ("the-old-one", 200), ("the-new-one, the-old-one", 401)):
        assert served.stranger.get("/predict/matches/", headers={"X-API-Key": key}).status_code == status
    served.close()


def test_AUTH_5_a_key_in_the_query_counts_only_where_that_is_switched_on(served):
    assert refused(served.stranger.get("/predict/matches/", params={"token": KEY}))
    lenient = served.with_settings(allow_query_token=True)
    assert lenient.get("/predict/matches/", params={"token": KEY}).status_code == 200
    for wrong in ({}, {"token": "wrong"}, {"token": ""}, {"token": [KEY, KEY]}, {"token": "ключ"}):
        assert refused(lenient.get("/predict/matches/", params=wrong))
    # A header that was sent is the one that counts.
    assert refused(lenient.get("/predict/matches/", params={"token": KEY}, headers={"X-API-Key": "wrong"}))


def test_AUTH_5_the_check_stands_alone(monkeypatch, tmp_path):
    monkeypatch.setenv("SOCCER_HOME", str(tmp_path))
    monkeypatch.setenv("FASTAPI_HEADER_TOKEN", "k")
    with pytest.raises(HTTPException):
        asyncio.run(get_query_token("k"))
    monkeypatch.setenv("SOCCER_ALLOW_QUERY_TOKEN", "yes")
    assert asyncio.run(get_query_token("k")) is None


@pytest.mark.parametrize("path", PROTECTED)
def test_AUTH_6_all_of_predict_wants_the_key(served, path):
    for spelling in {path, path.rstrip("/"), path.rstrip("/") + "/"}:
        assert refused(served.stranger.get(spelling))
        assert served.client.get(spelling).status_code in (200, 404)


@pytest.mark.parametrize("path", POSTS)
def test_AUTH_6_every_post_wants_the_key_before_its_body_is_looked_at(served, path):
    for body in (b"", b"{", b'{"features": {}}'):
        for spelling in (path.rstrip("/"), path.rstrip("/") + "/"):
            assert refused(served.stranger.post(spelling, content=body, headers={"Content-Type": "application/json"}))


def test_AUTH_6_no_post_of_the_document_is_forgotten(served):
    paths = served.client.get("/openapi.json").json()["paths"]
    protected = {path for path, methods in paths.items() for method in methods if method == "post" or path.startswith("/predict")}
    described = {path for path, methods in paths.items() for said in methods.values() if said.get("security")}
    assert described == protected
    named = {path.rstrip("/").replace("/x/", "/{task_id}/").replace("/teams", "/{name_table}") for path in POSTS}
    assert {path.rstrip("/") for path, methods in paths.items() if "post" in methods} == named


@pytest.mark.parametrize("path", OPEN)
def test_AUTH_6_what_is_open_is_open(served, path):
    assert served.stranger.get(path).status_code == 200


def test_AUTH_6_monitoring_can_be_closed_and_probes_stay_open(served):
    closed = served.with_settings(close_monitoring=True)
    for path in ("/monitoring/drift", "/monitoring/queues/", "/monitoring/workers", "/monitoring/task_status/x"):
        assert refused(closed.get(path))
        assert closed.get(path, headers={"X-API-Key": KEY}).status_code in (200, 404)
    for path in ("/healthz", "/metrics", "/livescores/"):
        assert closed.get(path).status_code == 200


def test_no_key_is_ever_written_down(served):
    lenient = served.with_settings(allow_query_token=True)
    records = []
    handler = logging.Handler()
    handler.emit = lambda record: records.append(record)  # type: ignore[method-assign]
    loggers = [logging.getLogger(name) for name in ("soccer", "uvicorn", "uvicorn.access", "uvicorn.error")]
    for logger in loggers:
        logger.addHandler(handler)
    lenient.get(f"/predict/1?token={KEY}")
    served.client.post("/predict/", json={"features": {}, "token": KEY})
    served.client.post("/predict/model/promote", json={"version": 2, "reason": "better", "expected_champion": 1})
    for logger in loggers:
        logger.removeHandler(handler)
    assert len(records) >= 3
    assert KEY not in json.dumps([[record.getMessage(), getattr(record, "fields", None)] for record in records], default=str)
