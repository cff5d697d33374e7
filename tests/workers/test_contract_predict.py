"""Forecasts over HTTP: EP-2 to EP-5, EP-7 and EP-21 of the contract, and the traps of their ids."""

from __future__ import annotations

import json
import math
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from prometheus_client import REGISTRY

from core.clock import from_iso, iso
from core.errors import QueueUnavailable
from core.football.matches import plain
from core.serving.origins import POINTER
from core.storage.schema import match_id_aliases
from tests.serving.batches import MOMENT, match_features, matches, parquet, predictions
from tests.serving.models import SIGNATURE, model
from tests.workers.house import PATIENCE, eventually
from tests.workers.served import VERSIONS, Served, publish_small
from workers import schemas
from workers.fixtures import Fixtures, Wanted
from workers.jobs import Jobs

TRAPS = {
    "0": 404,
    "-1": 404,
    "9223372036854775808": 404,
    "9" * 5000: 404,
    "1.0": 422,
    "abc": 422,
    "%00": 422,
    "1e3": 422,
    "%D9%A1": 422,
    "1_0": 422,
}
ODD = {
    "a text": "0.5",
    "a truth": True,
    "nothing": None,
    "a list": [1.0],
    "no number": float("nan"),
    "infinite": float("inf"),
    "beyond any float": 10**400,
}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    made = Served(tmp_path_factory.mktemp("predict") / "home")
    yield made
    made.close()


@pytest.fixture
def unpublished(tmp_path):
    made = Served(tmp_path / "home", published=False)
    yield made
    made.close()


def features(**changes):
    return {"elo": 0.4, "diff_goals_for_w5": -0.2, "diff_points_w5": 1.0, "sex": 0} | changes


def counted(source, stage="champion"):
    return REGISTRY.get_sample_value("prediction_requests_total", {"source": source, "stage": stage}) or 0.0


def test_EP_2_lists_the_matches_to_come_by_kick_off_and_each_can_be_forecast(served):
    answer = served.client.get("/predict/matches/")
    rows = answer.json()
    assert answer.status_code == 200
    assert {row["match_id"] for row in rows} == set(served.ids()) != set()
    assert [row["kickoff_utc"] for row in rows] == sorted(row["kickoff_utc"] for row in rows)
    assert {"match_id", "home_team", "away_team", "match_date"} <= set(rows[0])
    for row in rows:
        schemas.UpcomingMatch.model_validate(row, strict=True)
        assert served.client.get(f"/predict/{row['match_id']}").status_code == 200


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ({"team": "hóme 3"}, lambda row: "Home 3" in row["home_team"]),
        ({"team": "AWAY"}, lambda row: True),
        ({"team": "nobody"}, lambda row: False),
        ({"team": "!?"}, lambda row: False),
        ({"team": ""}, lambda row: True),
        ({"league": "prem leag"}, lambda row: True),
        ({"league": "en.1"}, lambda row: True),
        ({"league": "en.2"}, lambda row: False),
        ({"sex": 1}, lambda row: row["sex"] == 1),
        ({"date_from": "2026-03-16"}, lambda row: row["match_date"] >= "2026-03-16"),
        ({"date_to": "2026-03-16"}, lambda row: row["match_date"] <= "2026-03-16"),
        ({"date_from": "2026-03-16", "date_to": "2026-03-16"}, lambda row: row["match_date"] == "2026-03-16"),
        ({"date_from": "2026-03-17", "date_to": "2026-03-16"}, lambda row: False),
        ({"sex": 0, "team": "home", "date_from": "2026-03-15"}, lambda row: row["sex"] == 0 and row["match_date"] >= "2026-03-15"),
    ],
    ids=str,
)
def test_EP_2_filters(served, query, fits):
    everything = served.client.get("/predict/matches/").json()
    answer = served.client.get("/predict/matches/", params=query)
    assert answer.status_code == 200
    assert answer.json() == [row for row in everything if fits(row)]


def test_EP_2_a_team_is_found_without_its_accents(served):
    held = served.services.features.held()
    named = [row | {"home_team": "Bodø/Glimt", "away_team": "Malmö FF"} for row in held.value.upcoming[:1]]
    accented = replace(held, stamp="accents", value=replace(held.value, upcoming=named))
    for asked in ("bodo", "Glimt bodo", "MALMO", "malmö ff"):
        assert len(Fixtures().among(accented, Wanted(team=asked), MOMENT)) == 1, plain(asked)
    assert Fixtures().among(accented, Wanted(team="bodo malmo"), MOMENT) == []


def test_EP_2_what_has_begun_is_no_longer_to_come(served):
    held = served.services.features.held()
    first, second = held.value.upcoming[:2]
    dayless = second | {"kickoff_utc": None, "match_date": "2026-03-14"}
    held = replace(held, stamp="x", value=replace(held.value, upcoming=[first, dayless]))
    fixtures, kickoff = Fixtures(), from_iso(first["kickoff_utc"])

    def listed(moment):
        return [row["match_id"] for row in fixtures.among(held, Wanted(), moment)]

    both = [first["match_id"], second["match_id"]]
    assert listed(kickoff - timedelta(seconds=1)) == both
    assert listed(kickoff) == listed(kickoff + timedelta(microseconds=1)) == both[1:]
    assert listed(datetime(2026, 3, 14, 23, 59, 59, tzinfo=UTC)) == both[1:]
    assert listed(datetime(2026, 3, 15, tzinfo=UTC)) == []


def test_EP_2_the_order_is_that_of_the_kick_offs_and_not_of_the_ids(tmp_path):
    served = Served(tmp_path / "home", published=False)
    frame = match_features(40)
    for column in ("startTimeUtc", "match_date"):  # the whole list turned round: the first id plays last
        frame[column] = frame[column].to_numpy()[::-1]
    frame["is_future"] = frame["startTimeUtc"] > MOMENT
    publish_small(served.store, files={"match_features.parquet": parquet(frame)})
    served.services.features.refresh()
    listed = [(row["kickoff_utc"], row["match_id"]) for row in served.client.get("/predict/matches/").json()]
    assert len(listed) > 10
    assert listed == sorted(listed)
    assert [number for _, number in listed] == sorted((number for _, number in listed), reverse=True)
    served.close()


def test_EP_2_pages_with_limit_and_offset(served):
    everything = served.client.get("/predict/matches/").json()
    parts = [served.client.get("/predict/matches/", params={"limit": 6, "offset": at}).json() for at in range(0, len(everything) + 6, 6)]
    assert [row for part in parts for row in part] == everything
    assert parts[-1] == []


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=-1",
        "limit=x",
        "offset=-1",
        "offset=99999999999999999999",
        "sex=2",
        "sex=men",
        "date_from=2026-13-01",
        "date_from=20260301",
        "date_to=1700000000",
        "date_to=tomorrow",
        "date_to=2026-02-30",
    ],
)
def test_EP_2_what_cannot_be_understood_is_422(served, query):
    answer = served.client.get(f"/predict/matches/?{query}")
    assert answer.status_code == 422
    assert query.split("=")[0] in answer.json()["detail"]


def test_EP_2_a_newer_batch_is_searched_as_soon_as_it_is_taken_up(tmp_path):
    served = Served(tmp_path / "home")
    before = {row["match_id"] for row in served.client.get("/predict/matches/").json()}
    publish_small(served.store, version="v2", count=90)
    served.services.features.refresh()
    after = {row["match_id"] for row in served.client.get("/predict/matches/").json()}
    assert after == set(served.ids()) != before
    served.close()


@pytest.mark.parametrize("path", ["/predict/matches/", "/predict/precomputed/1", "/predict/1", "/predict/predictions/"])
def test_EP_2_before_anything_was_published_it_is_503_with_retry_after(unpublished, path):
    answer = unpublished.client.get(path)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "make pipeline" in answer.json()["detail"]


def test_EP_3_forecasts_from_features_at_once(served):
    before = counted("features")
    answer = served.client.post("/predict/", json={"features": features(), "match_id": 77})
    said = answer.json()
    assert (answer.status_code, answer.headers["X-Model-Version"]) == (200, "1")
    assert set(said) == set(schemas.PredictResponse.model_fields)
    assert (said["match_id"], said["model_stage"], said["model_version"], said["features_computed_at"]) == (77, "champion", 1, None)
    values = [features()[feature.name] for feature in SIGNATURE]
    assert [said[f"proba_{side}"] for side in ("home", "draw", "away")] == model(0.5).predict(np.array([values]))[0].tolist()
    assert counted("features") == before + 1


@pytest.mark.parametrize(("stage", "version"), [("champion", 1), ("challenger", 2), ("baseline", 3)])
def test_EP_3_each_stage_answers_with_its_own_model(served, stage, version):
    answer = served.client.post(f"/predict?stage={stage}", json={"features": features()})
    assert (answer.json()["model_version"], answer.json()["model_stage"], answer.headers["X-Model-Version"]) == (
        version,
        stage,
        str(version),
    )


@pytest.mark.parametrize("name", ["elo", "sex"])
def test_EP_3_a_missing_feature_is_422_and_named(served, name):
    answer = served.client.post("/predict/", json={"features": {key: value for key, value in features().items() if key != name}})
    assert (answer.status_code, answer.json()["problems"]) == (422, {name: "is missing"})
    assert name in answer.json()["detail"]


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
def test_EP_3_a_feature_that_is_no_fit_number_is_422_and_named(served, value):
    body = json.dumps({"features": features(elo=value)})
    answer = served.client.post("/predict/", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert list(answer.json()["problems"]) == ["elo"]


def test_EP_3_extra_features_labels_and_a_third_sex_are_422_and_named(served):
    for changes in ({"outcome_1x2": 0}, {"homeScore": 3}, {"": 1}, {"x" * 5000: 1}, {"\ud800": 1}, {"sex": 2}, {"sex": 0.5}):
        body = json.dumps({"features": features(**changes)})
        answer = served.client.post("/predict/", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422, changes
        assert len(answer.json()["problems"]) == 1
        assert len(answer.content) < 5000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b'{"features": []}',
        b'{"features": {}, "more": 1}',
        b'{"features": {}, "match_id": 1.5}',
        b'{"features": {}, "match_id": 0}',
        b'{"features": {}, "match_id": 9007199254740992}',
        b'{"features": {}, "match_id": "7"}',
    ],
)
def test_EP_3_a_body_that_is_no_request_is_422_and_never_repeated(served, body):
    answer = served.client.post("/predict/", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["problems"]
    assert "text" not in answer.json()["detail"]


def test_EP_3_a_body_that_is_cut_off_is_named_as_no_json(served):
    answer = served.client.post("/predict/", content=b'{"features": {', headers={"Content-Type": "application/json"})
    assert answer.json()["problems"].keys() == {"body"}
    assert "is no JSON that can be read" in answer.json()["detail"] and "at character 15" in answer.json()["detail"]


@pytest.mark.parametrize(
    "body", [b"\xff\xfe{", b"[" * 60000, b'{"features": {"a": ' + b"1" * 5000 + b"}}"], ids=["no UTF-8", "too deep", "too long"]
)
def test_EP_3_a_body_that_cannot_be_read_is_400_in_words(served, body):
    answer = served.client.post("/predict/", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert "JSON" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/predict/?stage={}", "/predict/{id}?stage={}", "/predict/model/info?stage={}"])
def test_EP_3_EP_5_EP_6_a_stage_that_is_none_is_422_and_one_that_is_not_listed_or_has_no_model_503(served, tmp_path, path):
    match_id = served.ids()[0]

    def ask(client, stage):
        address = path.replace("{id}", str(match_id)).format(stage)
        headers = {"X-API-Key": "a-key-of-the-tests"}
        return (
            client.post(address, json={"features": features()}, headers=headers) if "/?" in path else client.get(address, headers=headers)
        )

    assert ask(served.client, "production").status_code == 422
    assert ask(served.client, "").status_code == 422
    few = Served(tmp_path / "few", stages=("champion", "challenger"))
    publish_small(few.store, {"champion": 1}, version="v2")
    try:
        unlisted = ask(few.client, "baseline")
        assert (unlisted.status_code, "MLFLOW_MODEL_STAGES" in unlisted.json()["detail"]) == (503, True)
    finally:
        few.close()


def test_EP_3_EP_5_a_stage_without_a_model_is_503(tmp_path):
    served = Served(tmp_path / "home", published=False, start=False)
    publish_small(served.store, {"champion": 1})
    for answer in (
        served.client.post("/predict/?stage=challenger", json={"features": features()}),
        served.client.get(f"/predict/{served.ids()[0]}?stage=challenger"),
    ):
        assert answer.status_code == 503
        assert "challenger" in answer.json()["detail"]
    served.close()


class Slow:
    """A store that says what was published when it is told to go on; a distant one may take its time."""

    def __init__(self, place):
        self._place, self.asked, self.go = place, threading.Event(), threading.Event()

    def __getattr__(self, name):
        return getattr(self._place, name)

    def read(self, key):
        if key == POINTER:
            self.asked.set()
            self.go.wait(PATIENCE)
        return self._place.read(key)


@pytest.mark.parametrize("method", ["post", "get", "precomputed"])
def test_EP_3_a_cold_start_never_holds_up_the_event_loop(tmp_path, method):
    served = Served(tmp_path / "home", start=False)
    match_id = int(matches(40)["match_id"].iloc[-1])
    slow = served.store._place = Slow(served.store._place)
    answers = []

    def ask():
        if method == "post":
            answers.append(client.post("/predict/", json={"features": features()}))
        else:
            answers.append(client.get(f"/predict/{match_id}" if method == "get" else f"/predict/precomputed/{match_id}"))

    with served.client as client:  # one event loop for all of its requests
        asking = threading.Thread(target=ask)
        asking.start()
        assert slow.asked.wait(PATIENCE)
        assert client.get("/healthz").status_code == 200
        assert not answers, "it waits for the store still"
        slow.go.set()
        asking.join(PATIENCE)
    assert answers[0].status_code == 200, answers[0].text
    served.close()


def test_EP_3_a_model_that_takes_too_long_is_504_and_serves_the_next_one_who_asks(tmp_path):
    served = Served(tmp_path / "home", start=False, sync_timeout=0.2)
    slow = served.store._place = Slow(served.store._place)
    late = served.client.post("/predict/", json={"features": features()})
    assert (late.status_code, late.headers["Retry-After"]) == (504, "5")
    assert "0.2 seconds" in late.json()["detail"]
    slow.go.set()
    answer = eventually(lambda: (found := served.client.post("/predict/", json={"features": features()})).status_code != 504 and found)
    assert answer.status_code == 200
    served.close()


def test_EP_3_many_requests_at_a_cold_start_read_the_models_once(tmp_path):
    served = Served(tmp_path / "home", start=False)
    read, place = [], served.store._place
    served.store._place = Slow(place)
    served.store._place.read = lambda key: (read.append(key), time.sleep(0.05), place.read(key))[2]
    with served.client as client:
        threads = [threading.Thread(target=lambda: client.post("/predict/", json={"features": features()})) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(key for key in read if key.startswith("models/")) == [f"models/{version}/model.json" for version in (1, 2, 3)]
    served.close()


def test_EP_4_tells_the_champions_forecast_from_memory(served, monkeypatch):
    match_id = served.ids()[0]
    row = served.services.predictions.get_prediction(match_id)
    for name in ("predict", "predict_row", "load", "get_model_info"):
        monkeypatch.setattr(served.services.models, name, None)
    for name in ("read", "stamp", "list", "exists"):
        monkeypatch.setattr(served.services.store, name, None)
    monkeypatch.setattr(served.jobs, "hand_in", None)
    before = counted("precomputed")
    answer = served.client.get(f"/predict/precomputed/{match_id}")
    said = schemas.PrecomputedPredictResponse.model_validate(answer.json(), strict=True)
    assert (answer.status_code, answer.headers["X-Model-Version"]) == (200, "1")
    assert set(answer.json()) == set(schemas.PrecomputedPredictResponse.model_fields)
    assert (said.proba_home, said.proba_draw, said.proba_away) == (row["proba_home"], row["proba_draw"], row["proba_away"])
    assert (said.home_team_name, said.away_team_name, said.start_time_utc) == (
        row["homeTeamName"],
        row["awayTeamName"],
        row["startTimeUtc"],
    )
    assert (said.is_future, said.model_stage, said.stale) == (True, "champion", False)
    assert math.isclose(said.proba_home + said.proba_draw + said.proba_away, 1)
    assert counted("precomputed") == before + 1


def test_EP_4_a_match_that_was_played_is_told_too(served):
    answer = served.client.get(f"/predict/precomputed/{served.ids(upcoming=False)[0]}/")
    assert (answer.status_code, answer.json()["is_future"]) == (200, False)


def test_EP_4_says_stale_when_the_batch_is_too_old_and_serves_it_all_the_same(tmp_path):
    served = Served(tmp_path / "home", published=False)
    publish_small(served.store, as_of=MOMENT - timedelta(hours=40))
    for lookup in (served.services.predictions, served.services.features):
        lookup.refresh()
    answer = served.client.get(f"/predict/precomputed/{served.ids()[0]}")
    assert (answer.status_code, answer.json()["stale"]) == (200, True)
    served.close()


def test_EP_4_a_promotion_changes_the_version_without_a_new_batch(served):
    match_id = served.ids()[0]
    served.services.predictions.set_aliases({"champion": 2, "challenger": 2, "baseline": 3})
    answer = served.client.get(f"/predict/precomputed/{match_id}")
    served.services.predictions.set_aliases({"champion": 1, "challenger": 2, "baseline": 3})
    assert (answer.json()["model_version"], answer.headers["X-Model-Version"]) == (2, "2")
    assert served.client.get(f"/predict/precomputed/{match_id}").json()["model_version"] == 1


def test_EP_4_a_file_that_names_no_version_is_the_champions(tmp_path):
    served = Served(tmp_path / "home", published=False)
    bare = predictions(40, {"champion": 1}).drop(columns=["model_version", "model_stage", "model_run_id"])
    publish_small(served.store, files={"predictions.parquet": parquet(bare)})
    for lookup in (served.services.predictions, served.services.features):
        lookup.refresh()
    answer = served.client.get(f"/predict/precomputed/{served.ids()[0]}")
    assert (answer.status_code, answer.headers["X-Model-Version"]) == (200, "unknown")
    said = schemas.PrecomputedPredictResponse.model_validate(answer.json(), strict=True)
    assert (said.model_stage, said.model_version, said.model_run_id) == ("champion", None, None)
    served.close()


@pytest.mark.parametrize(("route", "EP"), [("/predict/precomputed/{}", 4), ("/predict/{}", 5)], ids=["EP_4", "EP_5"])
@pytest.mark.parametrize(("trap", "status"), TRAPS.items(), ids=[trap[:20] for trap in TRAPS])
def test_traps_an_id_that_is_none_is_404_or_422_and_never_500(served, route, EP, trap, status):
    for spelling in (route, route + "/"):
        answer = served.client.get(spelling.format(trap))
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/json"
        assert isinstance(answer.json()["detail"], str)


@pytest.mark.parametrize("trap", [0, -1, 2**63, 1.5, "7", None, True, [1]], ids=str)
def test_traps_EP_7_an_id_that_is_none_is_404_or_422(served, trap):
    assert served.client.post("/predict/async/", json={"match_id": trap}).status_code in (404, 422)


def test_EP_5_forecasts_a_match_of_the_batch_and_dates_its_features(served):
    match_id = served.ids()[0]
    before = counted("match", "challenger")
    answer = served.client.get(f"/predict/{match_id}?stage=challenger")
    said = answer.json()
    assert (answer.status_code, answer.headers["X-Model-Version"]) == (200, "2")
    assert set(said) == set(schemas.PredictResponse.model_fields)
    assert said["features_computed_at"] == iso(served.services.features.computed_at)
    assert said | {"predicted_at": ""} == served.services.models.predict_row(match_id, "challenger") | {"predicted_at": ""}
    assert counted("match", "challenger") == before + 1


def test_EP_5_a_match_that_is_not_in_the_batch_is_404_whatever_the_stage(served):
    for stage in VERSIONS:
        answer = served.client.get(f"/predict/{served.ids()[0] + 1}?stage={stage}")
        assert (answer.status_code, "/predict/matches/" in answer.json()["detail"]) == (404, True)


def test_EP_7_hands_a_match_to_a_worker_at_once(served):
    match_id = served.ids()[0]
    answer = served.client.post("/predict/async/", json={"match_id": match_id, "stage": "baseline"})
    said = schemas.AsyncPredictResponse.model_validate(answer.json(), strict=True)
    assert (answer.status_code, said.status, said.status_url) == (202, "PENDING", f"/monitoring/task_status/{said.task_id}")
    task = served.client.get(said.status_url).json()
    assert (task["status"], task["result"]) == ("PENDING", None)
    claim = served.jobs.ledger.claim(said.task_id, "w", 30)
    assert (claim.name, claim.arguments["match_id"], claim.arguments["model_stage"]) == ("predict_match", match_id, "baseline")
    assert claim.arguments["features"] == served.features(match_id)
    assert claim.arguments["features_computed_at"].endswith("Z")
    result = served.services.models.predict_row(match_id, "baseline")
    served.jobs.ledger.succeed(said.task_id, "w", result)
    done = served.client.get(said.status_url)
    assert (done.json()["result"], done.headers["X-Model-Version"]) == (result, "3")


def test_EP_7_without_a_stage_it_is_the_champions(served):
    for body in ({}, {"stage": None}):
        task_id = served.client.post("/predict/async/", json={"match_id": served.ids()[0], **body}).json()["task_id"]
        assert served.jobs.ledger.claim(task_id, "w", 30).arguments["model_stage"] == "champion"
    assert served.client.post("/predict/async/", json={"match_id": served.ids()[0], "stage": "other"}).status_code == 422


def test_EP_7_the_same_idempotency_key_gives_the_same_task(served):
    def ask(key=None):
        headers = {} if key is None else {"Idempotency-Key": key}
        return served.client.post("/predict/async", json={"match_id": served.ids()[0]}, headers=headers).json()["task_id"]

    assert ask("one") == ask("one") != ask("two")
    assert ask() != ask()
    assert (
        served.client.post("/predict/async", json={"match_id": served.ids()[0]}, headers={"Idempotency-Key": "x" * 300}).status_code == 422
    )


def test_EP_7_a_key_that_comes_again_with_another_request_is_409_and_names_the_first_ones_task(served):
    def ask(body):
        return served.client.post("/predict/async/", json=body, headers={"Idempotency-Key": "reused"})

    one, other = served.ids()[:2]
    first = ask({"match_id": one})
    assert (first.status_code, ask({"match_id": one}).json()["task_id"]) == (202, first.json()["task_id"])
    for body in ({"match_id": other}, {"match_id": one, "stage": "baseline"}):
        answer = ask(body)
        assert (answer.status_code, first.json()["task_id"] in answer.json()["detail"]) == (409, True)


def test_EP_7_a_new_batch_between_two_tries_of_one_request_is_no_other_request(served):
    features = served.features(served.ids()[0])
    first = served.jobs.predict_match(5, features, "2026-03-13T12:00:00Z", "champion", "over two batches")
    features[next(iter(features))] = 0.125
    assert served.jobs.predict_match(5, features, "2026-03-13T13:00:00Z", "champion", "over two batches") == first


def test_EP_7_a_repeated_key_tells_how_its_task_stands_by_now(served):
    def ask():
        return served.client.post("/predict/async", json={"match_id": served.ids()[0]}, headers={"Idempotency-Key": "stands"}).json()

    task_id = ask()["task_id"]
    assert ask()["status"] == "PENDING"
    served.jobs.ledger.claim(task_id, "w", 30)
    served.jobs.ledger.succeed(task_id, "w", {})
    assert ask() == {"task_id": task_id, "status": "SUCCESS", "status_url": f"/monitoring/task_status/{task_id}"}


@pytest.mark.parametrize("url", ["amqp://me:secret@x", "redis://:secret@127.0.0.1:notaport/0", "redis://:secret@127.0.0.1:1/0?db=zz"])
def test_EP_7_an_address_that_cannot_be_the_queues_is_503_and_no_fault_of_the_caller(served, url):
    api = served.door(served.services)
    api.state.jobs = Jobs.open(replace(served.settings, queue_url=url), served.services.database)
    client = served.asking(api, {"X-API-Key": "a-key-of-the-tests"})
    for answer in (client.post("/predict/async/", json={"match_id": served.ids()[0]}), client.get("/monitoring/queues")):
        assert answer.status_code == 503
        assert "SOCCER_QUEUE_URL" in answer.json()["detail"] and "secret" not in answer.text


def test_EP_7_a_match_without_features_is_404_and_leaves_no_task(served):
    before = served.services.records.task_counts()
    assert served.client.post("/predict/async/", json={"match_id": 1}).status_code == 404
    assert served.services.records.task_counts() == before


def test_EP_4_EP_5_and_EP_7_find_a_match_by_the_id_that_it_had_before(served):
    old, new = 424242, served.ids()[0]
    assert served.client.get(f"/predict/{old}").status_code == 404
    with served.services.database.write() as connection:
        connection.execute(match_id_aliases.insert(), {"old": old, "new": new})
    served.services.match_ids.read()
    for path in ("/predict/{}", "/predict/precomputed/{}"):
        by_old, by_new = (served.client.get(path.format(number)).json() for number in (old, new))
        assert by_old["match_id"] == new and by_old["proba_home"] == by_new["proba_home"]
    task = served.client.post("/predict/async/", json={"match_id": old}).json()["task_id"]
    assert served.jobs.ledger.claim(task, "w", 30).arguments["match_id"] == new


def test_EP_7_a_stage_that_is_not_listed_is_503(served):
    few = served.with_settings(stages=("champion",))
    body = {"match_id": served.ids()[0], "stage": "baseline"}
    assert few.post("/predict/async/", json=body, headers={"X-API-Key": "a-key-of-the-tests"}).status_code == 503


def test_EP_7_a_queue_that_is_down_is_503_and_the_task_is_not_left_waiting(served, monkeypatch):
    def away():
        raise QueueUnavailable("The task queue does not answer.")

    monkeypatch.setattr(served.jobs.queue("ml"), "check", away)
    waiting = served.services.records.task_counts()["PENDING"]
    answer = served.client.post("/predict/async/", json={"match_id": served.ids()[0]})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert served.services.records.task_counts()["PENDING"] == waiting


def test_EP_7_a_full_queue_is_429(tmp_path):
    served = Served(tmp_path / "home", queue_limit=2)
    asked = [served.client.post("/predict/async/", json={"match_id": served.ids()[0]}) for _ in range(3)]
    assert [answer.status_code for answer in asked] == [202, 202, 429]
    assert asked[-1].headers["Retry-After"] == "60"
    served.close()


def test_EP_7_is_asked_by_post_only_and_never_taken_for_a_match(served):
    for spelling in ("/predict/async", "/predict/async/"):
        answer = served.client.get(spelling)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_EP_21_lists_all_rows_and_pages_through_them(served, monkeypatch):
    monkeypatch.setattr("workers.routes.predict.AT_ONCE", 7)
    everything = [dict(row) for row in served.services.predictions.list_matches()]
    assert served.client.get("/predict/predictions/").json() == everything
    assert len(everything) == 3 * 40
    assert served.client.get("/predict/predictions", params={"limit": 11, "offset": 35}).json() == everything[35:46]
    assert served.client.get("/predict/predictions/", params={"offset": 1000}).json() == []
    for row in everything:
        schemas.PredictionRow.model_validate(row, strict=True)
    assert served.client.get("/predict/predictions/?limit=0").status_code == 422


@pytest.mark.parametrize(
    "path", ["/predict/matches", "/predict/matches/", "/predict/model/info", "/predict/model/info/", "/predict/predictions"]
)
def test_traps_a_name_is_not_swallowed_by_a_matchs_id(served, path):
    assert served.client.get(path).status_code == 200
