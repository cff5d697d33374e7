"""Damage to a published batch: survived at a start, told while running, and never half of one batch with half of another."""

import json
import threading
import time
from datetime import timedelta

import pytest

from core.clock import Clock
from core.errors import StoreUnavailable
from core.serving import batches as module
from core.serving.batches import Batches
from core.serving.lookups import FeatureLookupService, PredictionLookupService
from core.serving.reports import MatchHistory, Reports
from core.serving.snapshot import Watch
from core.storage.files import POINTER, Store
from core.vocabulary import BATCH_FILES
from tests.serving import batches
from tests.workers.house import PATIENCE, eventually

COUNT = 12
CLOCK = Clock(batches.MOMENT)
EARLIER = batches.MOMENT - timedelta(days=1)


@pytest.fixture
def store(tmp_path):
    return Store.open(str(tmp_path / "store"))


@pytest.fixture(params=["folder", "s3"])
def each_store(request, tmp_path):
    if request.param == "folder":
        return Store.open(str(tmp_path / "store"))
    server = request.getfixturevalue("s3")
    return Store.open(f"{server.bucket()}/live", server.endpoint)


@pytest.fixture(autouse=True)
def looking_at_once(monkeypatch):
    monkeypatch.setattr(module, "LOOK_AGAIN", 0.0)


class Process:
    """All lookups of a process, with one Batches, as `open_services` makes them."""

    def __init__(self, store, interval=3600.0):
        self.watch, self.batches = Watch(interval), Batches(store)
        shared = {"watch": self.watch, "clock": CLOCK, "batches": self.batches}
        reports = Reports(store, **shared)
        self.lookups = {
            "predictions.parquet": PredictionLookupService(store=store, **shared),
            "match_features.parquet": FeatureLookupService(store=store, **shared),
            "matches.parquet": MatchHistory(store, **shared),
            **reports.lookups(),
        }

    def warm(self):
        for lookup in self.lookups.values():
            lookup.warm()

    def refresh(self):
        for lookup in self.lookups.values():
            lookup.refresh()

    def batches_read(self):
        return {lookup.peek().as_of for lookup in self.lookups.values() if lookup.peek() is not None}

    def errors(self):
        return {lookup.error for lookup in self.lookups.values()}


@pytest.fixture
def process(store):
    made = Process(store)
    yield made
    made.watch.close()


def two_batches(store):
    batches.publish(store, "v1", count=COUNT, as_of=EARLIER)
    batches.publish(store, "v2", count=COUNT)


def cut(store, key):
    store.write(key, store.read(key)[: len(store.read(key)) // 2])


def overwrite(store, key):
    store.write(key, b"something else")


DAMAGE = {"cut": cut, "deleted": lambda store, key: store.remove(key), "overwritten": overwrite}


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("file", [*BATCH_FILES, "the manifest"])
def test_at_a_start_a_damaged_batch_is_replaced_by_the_one_before_in_all_lookups(store, process, file, how):
    two_batches(store)
    key = POINTER if file == "the manifest" else f"batch/v2/{file}"
    if file == "the manifest":
        DAMAGE[how](store, "batch/v2/manifest.json")
    whole = store.read(key)
    DAMAGE[how](store, key)
    process.warm()
    assert eventually(lambda: process.batches_read() == {EARLIER}, seconds=1.5), "the others move at once, without the next look"
    assert all("The published batch is damaged" in error and "12 March 2026" in error for error in process.errors())
    store.write(key, whole)
    process.refresh()
    process.refresh()
    assert process.batches_read() == {batches.MOMENT} and process.errors() == {None}


@pytest.mark.parametrize("how", DAMAGE)
def test_the_same_on_each_kind_of_store(each_store, how):
    two_batches(each_store)
    key = "batch/v2/predictions.parquet"
    whole = each_store.read(key)
    DAMAGE[how](each_store, key)
    process = Process(each_store)
    process.warm()
    assert eventually(lambda: process.batches_read() == {EARLIER})
    time.sleep(1.1)  # S3 tells times by the second
    each_store.write(key, whole)
    process.refresh()
    assert process.batches_read() == {batches.MOMENT} and process.errors() == {None}
    process.watch.close()


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("file", BATCH_FILES)
def test_while_running_the_copy_serves_on_and_the_damage_is_told_until_it_is_repaired(each_store, file, how):
    two_batches(each_store)
    process = Process(each_store)
    process.warm()
    key = f"batch/v2/{file}"
    whole = each_store.read(key)
    DAMAGE[how](each_store, key)
    process.refresh()
    told = {name: lookup.error for name, lookup in process.lookups.items() if lookup.error}
    assert list(told) == [file] and ("is gone" if how == "deleted" else "is not what was published") in told[file]
    assert process.batches_read() == {batches.MOMENT}, "nothing falls back while it serves"
    time.sleep(0.01)
    each_store.write(key, whole)
    process.refresh()
    assert process.errors() == {None}
    process.watch.close()


def test_a_manifest_that_is_cut_beside_a_whole_batch_leaves_that_batch(store, process):
    two_batches(store)
    cut(store, POINTER)
    process.warm()
    assert process.batches_read() == {batches.MOMENT} and all("is damaged" in error for error in process.errors())


def test_model_files_that_are_missing_make_no_batch_unfit(store, process):
    """The registry has them: a process without any forecast would be worse."""
    two_batches(store)
    assert store.list("models") == []
    cut(store, "batch/v2/matches.parquet")
    process.warm()
    assert eventually(lambda: process.batches_read() == {EARLIER})


class Away:
    """A store that does not answer for keys that end in `ending`, so often."""

    def __init__(self, store, ending, times):
        self.store, self.ending, self.left, self.reads = store, ending, times, []

    def __getattr__(self, name):
        return getattr(self.store, name)

    def read(self, key):
        self.reads.append(key)
        if key.endswith(self.ending) and self.left > 0:
            self.left -= 1
            raise StoreUnavailable("The store (a folder) does not answer.")
        return self.store.read(key)


@pytest.mark.parametrize("ending", ["predictions.parquet", "current.json"])
def test_a_store_that_is_away_at_a_start_is_no_damage(store, ending):
    two_batches(store)
    process = Process(Away(store, ending, 1))
    process.warm()
    assert process.batches.trouble is None and "does not answer" in process.lookups["predictions.parquet"].error
    process.refresh()
    assert process.batches_read() == {batches.MOMENT} and process.errors() == {None}
    process.watch.close()


def test_a_store_that_goes_away_while_damage_is_looked_at_is_no_reason_to_fall_back(store):
    two_batches(store)
    away = Away(store, "current.json", 1)
    with pytest.raises(StoreUnavailable):
        Batches(away).fall_back("cut")


def test_a_batch_that_never_had_a_file_is_not_searched_for_another(store):
    two_batches(store)
    said = json.loads(store.read(POINTER))
    del said["files"]["drift.json"]
    store.write(POINTER, json.dumps(said).encode())
    watched = Away(store, "nothing", 0)
    process = Process(watched)
    process.warm()
    process.lookups["drift.json"].refresh()
    assert process.batches.trouble is None and watched.reads.count("batch/v2/matches.parquet") == 1
    process.watch.close()


def test_a_look_at_files_that_did_not_change_reads_none_of_them(store):
    two_batches(store)
    watched = Away(store, "nothing", 0)
    process = Process(watched)
    process.warm()
    watched.reads.clear()
    process.refresh()
    assert watched.reads == []
    process.watch.close()


def test_a_batch_for_which_there_is_no_other_is_not_searched_again_and_again(store):
    batches.publish(store, "v1", count=COUNT)
    cut(store, "batch/v1/predictions.parquet")
    watched = Away(store, "nothing", 0)
    asked = Batches(watched)
    assert not asked.fall_back("cut")
    watched.reads.clear()
    assert not asked.fall_back("cut") and watched.reads == []


def test_a_newer_batch_is_taken_up_only_when_it_is_whole(store, process):
    two_batches(store)
    cut(store, "batch/v2/predictions.parquet")
    process.warm()
    batches.publish(store, "v3", count=COUNT, as_of=batches.MOMENT + timedelta(hours=1))
    whole = store.read("batch/v3/scores.json")
    overwrite(store, "batch/v3/scores.json")
    process.refresh()
    assert process.batches_read() == {EARLIER}
    store.write("batch/v3/scores.json", whole)
    process.refresh()
    assert process.batches_read() == {batches.MOMENT + timedelta(hours=1)} and process.errors() == {None}


def test_the_repair_is_looked_for_by_stamps_and_digests_only_what_changed(store):
    two_batches(store)
    cut(store, "batch/v2/predictions.parquet")
    watched = Away(store, "nothing", 0)
    asked = Batches(watched)
    assert asked.fall_back("cut")
    watched.reads.clear()
    for _ in range(3):
        asked.stamp()
    assert set(watched.reads) == {POINTER}


def test_a_stamp_is_never_of_another_batch_than_its_manifest(store):
    """Falling back just between the two questions must not leave a lookup with the new stamp and the old bytes for good."""
    two_batches(store)
    cut(store, "batch/v2/predictions.parquet")
    asked = Batches(store)
    stamp, manifest = asked.read()
    assert (stamp, manifest.version) == (store.stamp(POINTER), "v2")
    asked.fall_back("cut")
    stamp, manifest = asked.read()
    assert (stamp, manifest.version) == (f"{store.stamp(POINTER)}|v1", "v1") and asked.stamp() == stamp


def test_many_threads_that_notice_at_once_search_once(store):
    two_batches(store)
    cut(store, "batch/v2/predictions.parquet")
    watched = Away(store, "nothing", 0)
    asked, together, found = Batches(watched), threading.Barrier(20), []

    def notice():
        together.wait()
        found.append(asked.fall_back("cut"))

    threads = [threading.Thread(target=notice) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert found == [True] * 20 and watched.reads.count("batch/v1/predictions.parquet") == 1


def test_while_an_earlier_batch_serves_its_forecasts_are_stale_and_its_drift_report_is_shown(store, process):
    two_batches(store)
    cut(store, "batch/v2/predictions.parquet")
    process.warm()
    lookup = process.lookups["predictions.parquet"]
    assert lookup.stale and "latest whole one" in lookup.stale_reason
    reports = Reports(store, watch=process.watch, clock=Clock(batches.MOMENT), batches=process.batches)
    assert reports.drift()["drift_score"] == 0.125 and reports.drift_error is None
