"""The store fails in each way it can: the last good copy serves, and readiness, metrics and a banner say so."""

from __future__ import annotations

import json

import pytest

from core.storage.files import Store
from tests.serving.batches import match_features, parquet, predictions
from tests.workers.house import eventually
from tests.workers.served import publish_small

REFUSED = 'lookup_reload_total{{file="{}",result="error"}}'


def torn(frame) -> bytes:
    data = parquet(frame)
    return data[: len(data) // 2]


BROKEN = {
    "a truncated file of forecasts": ("predictions.parquet", lambda: torn(predictions(40))),
    "a truncated file of features": ("match_features.parquet", lambda: torn(match_features(40))),
    "forecasts that are no probabilities": ("predictions.parquet", lambda: parquet(predictions(40).assign(proba_home=2.0))),
    "features without a column": ("match_features.parquet", lambda: parquet(match_features(40).drop(columns="is_future"))),
}


def degraded(standing, says: str) -> bool:
    """Whether readiness and the banner both say that an earlier copy serves, and why."""
    status, ready = standing.ready()
    reason = ready["batch_files"]["reason"] or ""
    return status == 200 and ready["batch_files"]["ok"] and says in reason and says in standing.banner("degraded")


@pytest.mark.parametrize("what", BROKEN)
def test_LK_4_a_broken_file_that_is_published_leaves_the_one_before(standing, what):
    file, made = BROKEN[what]
    before = standing.counted(REFUSED.format(file))
    with standing.going_on():
        publish_small(standing.store, version="v2", files={file: made()})
        eventually(lambda: degraded(standing, file.removesuffix(".parquet")))
        assert standing.counted(REFUSED.format(file)) > before
    publish_small(standing.store, version="v3")
    eventually(lambda: standing.banner("degraded") == "")


def test_LK_4_a_file_that_is_cut_off_after_it_was_published_is_not_taken_up_again(standing):
    """Somebody copies half a file over the one that the pointer names, then touches the pointer."""
    key = json.loads(standing.store.read("batch/current.json"))["files"]["predictions.parquet"]["key"]
    with standing.going_on():
        standing.store.write(key, standing.store.read(key)[:1000])
        standing.store.write("batch/current.json", standing.store.read("batch/current.json"))
        eventually(lambda: degraded(standing, "is not what was published"))


@pytest.fixture
def on_s3(tmp_path, s3, way, standing_on):
    made = standing_on(tmp_path / "home", store_url=s3.bucket(), s3_endpoint=way.endpoint)
    made.direct = Store.open(made.settings.store_url, s3.endpoint)
    return made


@pytest.mark.long
def test_LK_4_an_s3_server_that_goes_away_and_comes_back(on_s3, s3):
    before = on_s3.counted(REFUSED.format("predictions.parquet"))
    with on_s3.going_on():
        s3.stop()
        try:
            eventually(lambda: degraded(on_s3, "does not answer"))
            eventually(lambda: on_s3.counted(REFUSED.format("predictions.parquet")) > before)
        finally:
            s3.start()
        eventually(lambda: on_s3.banner("degraded") == "")
        assert on_s3.ready()[1]["batch_files"]["reason"] is None


def test_LK_2_a_slow_store_is_told_everywhere_and_so_is_that_it_is_quick_again(on_s3, way, monkeypatch):
    took = 'dependency_answer_seconds{dependency="store"}'
    monkeypatch.setattr("core.serving.notices.SLOW", 0.5)
    with on_s3.going_on():
        way.delay = 0.6
        eventually(lambda: "The store is slow" in on_s3.banner("store"))
        status, ready = on_s3.ready()
        assert (status, ready["batch_files"]["ok"]) == (200, True)
        assert "The store is slow: its last answer took" in ready["batch_files"]["reason"]
        eventually(lambda: on_s3.counted(took) > 0.5)
        way.delay = 0.0
        eventually(lambda: on_s3.banner("store") == "" and on_s3.ready()[1]["batch_files"]["reason"] is None)


@pytest.mark.long
def test_LK_2_an_s3_server_that_is_slow_changes_nothing_for_requests_and_probes(on_s3, way):
    way.delay = 1.0
    with on_s3.going_on():
        looks = way.delayed
        eventually(lambda: way.delayed > looks + 2)
        assert on_s3.banner("degraded") == ""
        on_s3.until_ready()
    publish_small(on_s3.direct, version="v2", versions={"champion": 2, "challenger": 1, "baseline": 3})
    eventually(lambda: on_s3.client.get(f"/predict/precomputed/{on_s3.match}").json()["model_version"] == 2)


def now_by(standing) -> int:
    """The version that forecasts at once."""
    return standing.client.get(f"/predict/{standing.match}").json()["model_version"]


@pytest.mark.long
def test_LK_3_old_listings_hold_up_a_new_model_but_neither_the_forecasts_nor_the_model_that_serves(on_s3, way):
    """The server lists keys as they were a while ago, as services do that copy themselves to other places."""
    assert on_s3.store.list("models/9") == []
    way.old_listings = True
    publish_small(on_s3.direct, {"champion": 9, "challenger": 2, "baseline": 3}, version="v2")
    eventually(lambda: "Version 9 could not be loaded" in on_s3.banner("model"))
    assert now_by(on_s3) == 1
    assert "Version 9" in on_s3.ready()[1]["model"]["reason"]
    assert on_s3.client.get(f"/predict/precomputed/{on_s3.match}").json()["model_version"] == 9
    way.old_listings = False
    eventually(lambda: now_by(on_s3) == 9)
    assert on_s3.banner("model") == ""
