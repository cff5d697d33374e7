"""Publishing: data first, pointer last, nothing twice, the oldest away."""

import json
import os
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from core.clock import Clock, real_now
from core.errors import FileMissing, StoreUnavailable
from core.settings import Settings
from core.storage.files import Store
from workers import publishing
from workers.workplace import Workplace, whole

NOW = datetime(2024, 10, 10, 12, tzinfo=UTC)


@pytest.fixture
def place(tmp_path):
    home = tmp_path / "home"
    settings = Settings(home=home, clock=Clock(NOW), database_url=f"sqlite:///{home}/soccer.db", store_url=str(home / "store"))
    place = Workplace(settings, tmp_path)
    place.database.create()
    (tmp_path / "params.yaml").write_text("publish: {keep: 5}\n")
    for name in ("predictions/predictions", "predictions/match_features", "work/matches", "work/evaluation"):
        place.write_table(f"{name}.parquet", pd.DataFrame({"match_id": [1, 2]}))
    place.write_json(tmp_path / "reports" / "drift" / "latest.json", {"features": []})
    card = {"model_version": 7, "artefact": "models/7"}
    place.write_json(place.receipt("batch_inference"), {"as_of": "2024-10-10T12:00:00Z", "models": {"champion": card}})
    (place.work / "registered" / "7").mkdir(parents=True)
    (place.work / "registered" / "7" / "model.json").write_text("{}")
    scores(place, 0)
    return place


def scores(place, number):
    place.write_json(place.work / "scores.json", {"matches": number})


def pointer(place):
    return json.loads(place.store.read(publishing.POINTER))


def artefact(place):
    return pointer(place)["models"]["champion"]["artefact"]


def retrain(place, said):
    """Version 7 with other files, as after a registry that was begun anew."""
    (place.work / "registered" / "7" / "model.json").write_text(said)


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
    assert place.store.read(f"{artefact(place)}/model.json") == b"{}"


def test_a_published_model_is_never_written_over(place):
    publishing.publish(place)
    first = artefact(place)
    stamp = place.store.stamp(f"{first}/model.json")
    scores(place, 1)
    publishing.publish(place)
    assert artefact(place) == first and place.store.stamp(f"{first}/model.json") == stamp
    retrain(place, '{"other": 1}')
    publishing.publish(place)
    assert artefact(place) != first and place.store.read(f"{artefact(place)}/model.json") == b'{"other": 1}'
    assert place.store.stamp(f"{first}/model.json") == stamp


def test_a_model_goes_with_the_last_batch_that_needs_it(place):
    made = []
    for number in range(7):
        retrain(place, f'{{"number": {number}}}')
        publishing.publish(place)
        made.append(artefact(place))
    assert {key.rpartition("/")[0] for key in place.store.list("models")} == set(made[-5:])


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


@pytest.mark.parametrize("harm", ["torn", "gone", "no model"])
def test_a_published_file_that_was_harmed_is_published_again(place, harm):
    publishing.publish(place)
    assert whole(place.store) == pointer(place)["version"]
    key, model = pointer(place)["files"]["predictions.parquet"]["key"], artefact(place)
    if harm == "torn":
        place.store.write(key, place.store.read(key)[:100])
    else:
        place.store.remove(key if harm == "gone" else model)
    assert whole(place.store) is None
    publishing.publish(place)
    assert whole(place.store) == pointer(place)["version"]
    assert place.store.read(f"{model}/model.json") == b"{}"
