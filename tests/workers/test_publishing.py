"""Publishing: data first, pointer last, nothing twice, the oldest away."""

import json
import os
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pandas as pd
import pytest

from core.clock import Clock, real_now
from core.errors import FileMissing, StoreUnavailable, TableInvalid
from core.serving import stage_file
from core.settings import Settings
from core.storage.files import Store
from core.storage.forecast_chain import Forecast, seal, sealed
from tests.serving import batches, models
from workers import publishing
from workers.workplace import Workplace, whole

NOW = datetime(2024, 10, 10, 12, tzinfo=UTC)


@pytest.fixture
def place(tmp_path):
    home = tmp_path / "home"
    addresses = {"database_url": f"sqlite:///{home}/soccer.db", "tracking_uri": f"sqlite:///{home}/mlflow.db"}
    settings = Settings(home=home, clock=Clock(NOW), store_url=str(home / "store"), **addresses)
    place = Workplace(settings, tmp_path)
    place.database.create()
    (tmp_path / "params.yaml").write_text("publish: {keep: 5}\n")
    place.write_table("predictions/predictions.parquet", batches.predictions(2, {"champion": 7}), index=True)
    place.write_table("predictions/match_features.parquet", batches.match_features(2), index=True)
    place.write_table("predictions/evaluation.parquet", batches.evaluation(2))
    place.write_table("work/matches.parquet", batches.matches(2))
    place.write_json(tmp_path / "reports" / "drift" / "latest.json", {"features": []})
    receipt = {"as_of": "2024-10-10T12:00:00Z", "stages": {"champion": 7}, "former_champion": None, "skipped": {}}
    place.write_json(place.receipt("batch_inference"), receipt | {"models": {"7": {"model_version": 7}}})
    (place.work / "registered" / "7").mkdir(parents=True)
    retrain(place, 0.0)
    scores(place, 0)
    return place


def scores(place, number):
    place.write_json(place.root / "data" / "predictions" / "scores.json", {"matches": number})


def pointer(place):
    return json.loads(place.store.read(publishing.POINTER))


def artefact(place):
    return pointer(place)["models"]["7"]["artefact"]


def retrain(place, lean):
    """Version 7 with other files, as after a registry that was begun anew."""
    for name, data in models.files(lean).items():
        (place.work / "registered" / "7" / name).write_bytes(data)


def versions(place):
    return sorted({key.split("/")[1] for key in place.store.list("batch") if key.count("/") > 1})


def test_a_batch_is_written_under_its_version_with_its_models(place):
    publishing.publish(place)
    said = pointer(place)
    assert set(said["files"]) == {
        "predictions.parquet", "match_features.parquet", "matches.parquet", "evaluation.parquet", "scores.json", "drift.json",
    }  # fmt: skip
    assert said["files"]["matches.parquet"] | {"sha1": "", "bytes": 0} == {
        "key": f"batch/{said['version']}/matches.parquet", "rows": 2, "sha1": "", "bytes": 0,
    }  # fmt: skip
    assert artefact(place).startswith("models/7-")
    assert place.store.read(f"{artefact(place)}/model.json") == models.files(0.0)["model.json"]
    assert said["stages"] == {"champion": 7} and said["former_champion"] is None


def test_the_manifest_says_where_the_chain_of_forecasts_ends(place):
    publishing.publish(place)
    assert pointer(place)["chain"] == {"timeline": "replay", "digest": "0" * 64, "entries": 0}
    forecast = Forecast(1, "champion", 7, 0.5, 0.3, 0.2, "2024-10-11T12:00:00Z", "2024-10-10T12:00:00Z", "2024-10-10T12:00:01Z", "replay")
    with place.database.write() as connection:
        seal(connection, [forecast])
    scores(place, 1)
    publishing.publish(place)
    assert pointer(place)["chain"]["entries"] == 1 and pointer(place)["chain"]["digest"] != "0" * 64


@pytest.mark.parametrize(
    "name",
    ["predictions/predictions.parquet", "predictions/match_features.parquet", "predictions/evaluation.parquet", "work/matches.parquet"],
)
def test_a_table_that_its_reader_would_refuse_is_not_published_and_the_batch_before_serves(place, name):
    publishing.publish(place)
    before = pointer(place)
    place.write_table(name, pd.DataFrame({"match_id": [1, 1]}))
    with pytest.raises(TableInvalid, match="Nothing was published, and the batch before keeps serving"):
        publishing.publish(place)
    assert pointer(place) == before and versions(place) == [before["version"]]


def test_forecasts_that_repeat_a_version_with_other_numbers_are_not_published(place):
    publishing.publish(place)
    before = pointer(place)
    twice = pd.concat([batches.predictions(2, {"champion": 7}, seed) for seed in (0, 1)])
    place.write_table("predictions/predictions.parquet", twice, index=True)
    with pytest.raises(TableInvalid, match="repeat a match and model version"):
        publishing.publish(place)
    assert pointer(place) == before


@pytest.mark.parametrize("harm", ["drift", "scores", "model"])
def test_neither_is_a_report_or_a_model_that_cannot_be_read(place, harm):
    publishing.publish(place)
    before = pointer(place)
    if harm == "drift":
        place.write_json(place.root / "reports" / "drift" / "latest.json", {"drift_score": 7})
    elif harm == "scores":
        place.write_json(place.root / "data" / "predictions" / "scores.json", {"versions": {"7": 1}})
    else:
        (place.work / "registered" / "7" / "model.json").write_text("{}")
    with pytest.raises(TableInvalid):
        publishing.publish(place)
    assert pointer(place) == before


def test_a_published_model_is_never_written_over(place):
    publishing.publish(place)
    first = artefact(place)
    stamp = place.store.stamp(f"{first}/model.json")
    scores(place, 1)
    publishing.publish(place)
    assert artefact(place) == first and place.store.stamp(f"{first}/model.json") == stamp
    retrain(place, 1.0)
    publishing.publish(place)
    assert artefact(place) != first and place.store.read(f"{artefact(place)}/model.json") == models.files(1.0)["model.json"]
    assert place.store.stamp(f"{first}/model.json") == stamp


def test_a_model_goes_with_the_last_batch_that_needs_it(place):
    made = []
    for number in range(7):
        retrain(place, float(number))
        publishing.publish(place)
        made.append(artefact(place))
    assert {key.rpartition("/")[0] for key in place.store.list("models")} == set(made[-5:])


def test_a_file_that_does_not_belong_into_a_models_folder_is_removed_with_the_next_batch(place):
    publishing.publish(place)
    place.store.write(f"{artefact(place)}/model.json~", b"left by an editor")
    assert whole(place.store) is None
    publishing.publish(place)
    assert whole(place.store) and place.store.list(artefact(place)) == [f"{artefact(place)}/model.json"]


def test_who_was_promoted_after_the_batch_was_made_is_sealed_by_the_batch_that_serves(place, monkeypatch):
    monkeypatch.setattr(publishing, "open_registry", lambda place: SimpleNamespace(aliases=lambda: {"champion": 7}))
    monkeypatch.setattr(publishing.stage_file, "write", lambda *clients: None)
    to_come = batches.match_features(2).assign(is_future=True, startTimeUtc=pd.Timestamp("2024-10-11T15:00", tz="UTC"))
    place.write_table("predictions/match_features.parquet", to_come, index=True)
    early = [
        Forecast(
            int(match_id), "champion", 7, 0.5, 0.3, 0.2, "2024-10-11T15:00:00Z", "2024-10-10T12:00:00Z", "2024-10-10T12:00:01Z", "replay"
        )
        for match_id in to_come.index
    ]
    with place.database.write() as connection:
        seal(connection, early)
    publishing.publish(place)
    served = batches.predictions(2, {"champion": 7})
    with place.database.read() as connection:
        last = {match_id: sealed(connection, int(match_id))[-1]["proba_home"] for match_id in to_come.index}
    assert last == served["proba_home"].to_dict()


def test_a_model_that_has_a_stage_stays_though_no_batch_needs_it(place):
    place.store.write("models/3-abc/model.json", b"{}")
    place.store.write("models/4-abc/model.json", b"{}")
    place.store.write(stage_file.KEY, stage_file.StageFile({"champion": 3}, NOW, models={3: {"artefact": "models/3-abc"}}).to_json())
    publishing.publish(place)
    kept = {key.rpartition("/")[0] for key in place.store.list("models")}
    assert "models/3-abc" in kept and "models/4-abc" not in kept


def test_what_a_killed_process_left_half_written_goes_after_a_day(place):
    place.store.write("batch/v/whole", b"whole")
    folder = place.settings.home / "store" / "batch" / "v"
    old, young = folder / ".a.parquet.1-2.part", folder / ".b.parquet.3-4.part"
    for path, age in ((old, timedelta(hours=25)), (young, timedelta(hours=23))):
        path.write_bytes(b"half")
        moment = (real_now() - age).timestamp()
        os.utime(path, (moment, moment))
    publishing.publish(place)
    assert not old.exists() and young.exists() and place.store.exists("batch/v/whole")


def test_the_same_content_again_changes_nothing(place):
    publishing.publish(place)
    before, stamps = pointer(place), {key: place.store.stamp(key) for key in place.store.list()}
    publishing.publish(place)
    assert pointer(place) == before and {key: place.store.stamp(key) for key in place.store.list()} == stamps


def test_the_last_five_versions_stay_and_the_current_one_always(place):
    made = []
    for number in range(8):
        scores(place, number)
        publishing.publish(place)
        made.append(pointer(place)["version"])
    assert versions(place) == made[-5:]


def test_going_back_to_earlier_content_is_a_new_version(place):
    for number in (0, 1, 0):
        scores(place, number)
        publishing.publish(place)
    assert len(versions(place)) == 3 and pointer(place)["version"] == versions(place)[-1]


def test_the_pointer_moves_last(place, monkeypatch):
    publishing.publish(place)
    before = pointer(place)

    class Full(Store):
        """A disk that is full after two more files."""

        room = 2

        def write(self, key, data):
            Full.room -= 1
            if Full.room < 0:
                raise StoreUnavailable("full")
            super().write(key, data)

    scores(place, 1)
    full = Workplace(place.settings, place.root)
    full.__dict__["store"] = Full.open(place.settings.store_url)
    with pytest.raises(StoreUnavailable):
        publishing.publish(full)
    assert pointer(place) == before
    publishing.publish(place)
    assert pointer(place) != before


def test_a_pointer_that_cannot_be_read_is_replaced(place):
    place.store.write(publishing.POINTER, b"{torn")
    publishing.publish(place)
    assert pointer(place)["version"]


def test_what_is_not_there_yet_is_named(place):
    (place.root / "data" / "work" / "receipts" / "batch_inference.json").unlink()
    with pytest.raises(FileMissing, match=r"batch_inference\.json"):
        publishing.publish(place)


@pytest.mark.parametrize("harm", ["torn", "gone", "no model", "torn model"])
def test_a_published_file_that_was_harmed_is_published_again(place, harm):
    publishing.publish(place)
    assert whole(place.store) == pointer(place)["version"]
    key, model = pointer(place)["files"]["predictions.parquet"]["key"], artefact(place)
    if harm == "torn":
        place.store.write(key, place.store.read(key)[:100])
    elif harm == "torn model":
        place.store.write(f"{model}/model.json", b"{")
    else:
        place.store.remove(key if harm == "gone" else model)
    assert whole(place.store) is None
    publishing.publish(place)
    assert whole(place.store) == pointer(place)["version"]
    assert place.store.read(f"{model}/model.json") == models.files(0.0)["model.json"]
