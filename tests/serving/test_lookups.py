"""The lookups, on real files and a real S3 server: what LK-1 to LK-10 of the contract promise."""

import json
import logging
import threading
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from core import metrics
from core.clock import Clock, from_iso
from core.errors import NotReady, StoreUnavailable
from core.serving import snapshot
from core.serving.feature_table import FeatureTable
from core.serving.lookups import FeatureLookupService, PredictionLookupService
from core.serving.origins import Published
from core.serving.snapshot import Watch
from core.storage.files import Store
from core.tables import LABELS
from tests.serving import batches
from tests.workers.house import PATIENCE, eventually

COUNT = 40
IDS = [int(one) for one in batches.ids(COUNT)]
CLOCK = Clock(batches.MOMENT)


class CountingStore:
    """A real store that counts what is read of it, and can be made to fail."""

    def __init__(self, store):
        self.store, self.reads, self.away = store, [], False

    def __getattr__(self, name):
        return getattr(self.store, name)

    def read(self, key):
        if self.away:
            raise StoreUnavailable("The store (a folder) does not answer.")
        self.reads.append(key)
        return self.store.read(key)


@pytest.fixture
def store(tmp_path):
    return Store.open(str(tmp_path / "store"))


def features_of(store, **options):
    return FeatureLookupService(store=store, clock=CLOCK, **options)


def predictions_of(store, **options):
    return PredictionLookupService(store=store, clock=CLOCK, **options)


def reloads(file, result):
    return metrics.LOOKUP_RELOADS.labels(file, result)._value.get()


# LK-1


@pytest.mark.parametrize(
    "ask", [lambda s: features_of(s).get_features, lambda s: predictions_of(s).get_prediction], ids=["features", "predictions"]
)
def test_LK_1_fifty_threads_cause_one_read(store, ask):
    batches.publish(store, count=COUNT)
    counting = CountingStore(store)
    call = ask(counting)
    assert counting.reads == [], "nothing is read before the first call"
    together, answers = threading.Barrier(50), []

    def visit():
        together.wait()
        answers.append(call(IDS[3]))

    threads = [threading.Thread(target=visit) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 50 and None not in answers and all(answer == answers[0] for answer in answers)
    assert len(counting.reads) == 2, "the pointer once, the file once"


# LK-2


@pytest.mark.parametrize("place", ["folder", "s3"])
def test_LK_2_a_newer_batch_is_taken_up_without_a_restart(request, tmp_path, place):
    server = request.getfixturevalue("s3") if place == "s3" else None
    store = Store.open(f"{server.bucket()}/live", server.endpoint) if server else Store.open(str(tmp_path))
    batches.publish(store, "v1", count=COUNT)
    lookup = predictions_of(store, check_interval=0.1)
    before = lookup.get_prediction(IDS[0])["proba_home"]
    newer = batches.parquet(batches.predictions(COUNT, seed=99))
    batches.publish(store, "v2", count=COUNT, files={"predictions.parquet": newer})
    assert eventually(lambda: lookup.get_prediction(IDS[0])["proba_home"] != before)


@pytest.mark.parametrize("place", ["folder", "s3"])
def test_LK_2_a_plain_file_is_read_from_its_path_and_again_when_it_changes(request, tmp_path, place):
    server = request.getfixturevalue("s3") if place == "s3" else None
    folder = server.bucket() if server else str(tmp_path)
    store = Store.open(folder)
    store.write("match_features.parquet", batches.parquet(batches.match_features(COUNT)))
    lookup = FeatureLookupService(f"{folder}/match_features.parquet", check_interval=0.1)
    before = lookup.get_features(IDS[0])["elo"]
    store.write("match_features.parquet", batches.parquet(batches.match_features(COUNT, seed=5)))
    assert eventually(lambda: lookup.get_features(IDS[0])["elo"] != before)


def test_LK_2_a_local_file_comes_before_the_store_and_the_store_serves_until_it_is_there(tmp_path, store):
    batches.publish(store, count=COUNT)
    path = tmp_path / "match_features.parquet"
    lookup = FeatureLookupService(path, store=store, clock=CLOCK)
    from_store = lookup.get_features(IDS[0])["elo"]
    Store.open(str(tmp_path)).write(path.name, batches.parquet(batches.match_features(COUNT, seed=5)))
    lookup.refresh()
    assert lookup.get_features(IDS[0])["elo"] != from_store
    assert lookup.error is None


def test_LK_2_readers_never_fail_nor_see_half_new_state_while_batches_change(store):
    batches.publish(store, "v0", count=COUNT, files=flat(0.5))
    lookup = predictions_of(store, check_interval=0.01)
    seen, problems, done = set(), [], threading.Event()

    def read():
        while not done.is_set():
            row, rows = lookup.get_prediction(IDS[7]), lookup.list_matches()
            if row is None or len({one["proba_home"] for one in rows}) != 1:
                problems.append((row, rows))
            seen.add(row["proba_home"])

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for turn in range(1, 9):
        batches.publish(store, f"v{turn}", count=COUNT, files=flat(0.5 + turn / 100))
        store.remove(f"batch/v{turn - 1}")
        eventually(lambda turn=turn: problems or 0.5 + turn / 100 in seen)
    done.set()
    for reader in readers:
        reader.join()
    assert problems == [] and lookup.error is None


def flat(chance):
    """A batch that gives all of its matches one and the same home chance: a mixture of two would show."""
    frame = batches.predictions(COUNT)
    rest = (1 - chance) / 2
    frame = frame.assign(proba_home=chance, proba_draw=rest, proba_away=rest, predicted_class=0, predicted_label="home_win")
    return {"predictions.parquet": batches.parquet(frame)}


def test_LK_2_EP_4_a_forecast_and_the_time_of_its_file_are_of_one_reading(store):
    """Each batch has a chance of its own, and every other is too old."""
    written, told, done = {}, set(), threading.Event()

    def publish(turn):
        said = batches.publish(
            store, f"v{turn}", count=COUNT, files=flat(0.5 + turn / 100), as_of=batches.MOMENT - timedelta(days=turn % 2 * 30)
        )
        written[from_iso(said["written_at"])] = (0.5 + turn / 100, turn % 2 == 1)

    def read():
        while not done.is_set():
            found = lookup.tell(IDS[7])
            told.add((found.computed_at, found.row["proba_home"], found.stale))

    publish(0)
    lookup = predictions_of(store, check_interval=0.01)
    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(1, 25):
        publish(turn)
        lookup.refresh()
        eventually(lambda turn=turn: 0.5 + turn / 100 in {chance for _, chance, _ in told.copy()})
    done.set()
    reader.join()
    assert {(when, *written[when]) for when, _, _ in told} == told


def test_LK_9_a_promotion_while_a_new_batch_arrives_does_not_bring_the_old_one_back(store):
    batches.publish(store, "v0", count=COUNT, files=flat(0.5))
    lookup, arriving = predictions_of(store), threading.Event()
    lookup.warm()
    resolved = lookup._resolved

    def slowly(table):
        found = resolved(table)
        if not arriving.is_set():  # the promotion has looked at the old batch: now the new one comes
            arriving.set()
            time.sleep(0.3)
        return found

    lookup._resolved = slowly
    promotion = threading.Thread(target=lookup.set_aliases, args=[{"champion": 1}])
    promotion.start()
    arriving.wait(PATIENCE)
    batches.publish(store, "v1", count=COUNT, files=flat(0.6))
    lookup.refresh()
    promotion.join()
    assert lookup.get_prediction(IDS[7])["proba_home"] == 0.6


def test_LK_2_a_reader_does_not_wait_while_a_slow_store_is_asked(store):
    batches.publish(store, count=COUNT)
    slow, asked, go = CountingStore(store), threading.Event(), threading.Event()
    lookup = predictions_of(slow, check_interval=3600)
    lookup.get_prediction(IDS[0])
    batches.publish(store, "v2", count=COUNT)
    quick = slow.read

    def read(key):
        asked.set()
        go.wait(PATIENCE)
        return quick(key)

    slow.read = read
    refresher = threading.Thread(target=lookup.refresh)
    refresher.start()
    assert asked.wait(PATIENCE)
    assert lookup.get_prediction(IDS[0]) is not None and lookup.computed_at is not None and not lookup.stale
    assert refresher.is_alive(), "the store has not answered yet"
    go.set()
    refresher.join()


# LK-4


def torn(data):
    return data[: len(data) // 2]


def broken(**columns):
    return batches.parquet(batches.predictions(COUNT).assign(**columns))


BAD_PREDICTIONS = {
    "half-written": (lambda: torn(batches.parquet(batches.predictions(COUNT))), "cannot be read"),
    "empty": (lambda: b"", "cannot be read"),
    "no parquet": (lambda: b"PAR1 but not really PAR1", "cannot be read"),
    "a column is missing": (lambda: batches.parquet(batches.predictions(COUNT).drop(columns="proba_draw")), "lacks proba_draw"),
    "not a number": (lambda: broken(proba_home="half"), "wrong kind"),
    "NaN": (lambda: broken(proba_home=np.nan), "120 of 120 rows lack a probability"),
    "above one": (lambda: broken(proba_home=1.2, proba_draw=-0.1, proba_away=-0.1), "outside 0 to 1"),
    "no sum of one": (lambda: broken(proba_home=0.5, proba_draw=0.5, proba_away=0.1), "do not sum to one"),
    "class of the least": (
        lambda: broken(proba_home=0.6, proba_draw=0.3, proba_away=0.1, predicted_class=2, predicted_label="away_win"),
        "likeliest",
    ),
    "class 7": (lambda: broken(predicted_class=7), "not 0, 1 or 2"),
    "label of another class": (lambda: broken(predicted_label="nil"), "predicted_label"),
    "no match id": (lambda: batches.parquet(batches.predictions(COUNT).reset_index(drop=True)), "match_id"),
    "id of zero": (lambda: batches.parquet(batches.predictions(COUNT).rename(index={IDS[0]: 0})), "between 1 and 2"),
    "a match twice with other numbers": (
        lambda: batches.parquet(pd.concat([batches.predictions(COUNT), batches.predictions(COUNT, seed=1)])),
        "rows repeat a match and model version",
    ),
}


@pytest.mark.parametrize("what", BAD_PREDICTIONS)
def test_LK_4_bad_forecasts_leave_the_last_good_copy_and_say_why(store, what):
    data, reason = BAD_PREDICTIONS[what]
    batches.publish(store, "v1", count=COUNT)
    lookup = predictions_of(store)
    before, refused = lookup.get_prediction(IDS[0]), reloads("predictions.parquet", "error")
    batches.publish(store, "v2", count=COUNT, files={"predictions.parquet": data()})
    lookup.refresh()
    assert lookup.get_prediction(IDS[0]) == before
    assert reason in lookup.error and lookup.error.endswith(".")
    assert reloads("predictions.parquet", "error") == refused + 1
    assert lookup.error_since is not None
    lookup.refresh()
    assert reloads("predictions.parquet", "error") == refused + 1, "the same bad bytes are not read again"
    batches.publish(store, "v3", count=COUNT)
    lookup.refresh()
    assert lookup.error is None and lookup.error_since is None


BAD_FEATURES = {
    "half-written": (lambda: torn(batches.parquet(batches.match_features(COUNT))), "cannot be read"),
    "a column is missing": (lambda: batches.parquet(batches.match_features(COUNT).drop(columns="homeTeamName")), "lacks homeTeamName"),
    "a feature in words": (lambda: batches.parquet(batches.match_features(COUNT).assign(elo="high")), "cannot be read"),
    "an infinite feature": (lambda: batches.parquet(batches.match_features(COUNT).assign(elo=np.inf)), "infinite"),
    "a match twice": (lambda: batches.parquet(pd.concat([batches.match_features(COUNT)] * 2)), "twice"),
}


@pytest.mark.parametrize("what", BAD_FEATURES)
def test_LK_4_bad_features_leave_the_last_good_copy_and_say_why(store, what):
    data, reason = BAD_FEATURES[what]
    batches.publish(store, "v1", count=COUNT)
    lookup = features_of(store)
    before = lookup.get_features(IDS[0])
    batches.publish(store, "v2", count=COUNT, files={"match_features.parquet": data()})
    lookup.refresh()
    assert lookup.get_features(IDS[0]) == before and reason in lookup.error


def test_LK_4_a_file_that_is_not_the_published_one_is_refused_by_its_digest(store):
    batches.publish(store, "v1", count=COUNT)
    lookup = predictions_of(store)
    before = lookup.get_prediction(IDS[0])
    batches.publish(store, "v2", count=COUNT)
    store.write("batch/v2/predictions.parquet", batches.parquet(batches.predictions(COUNT, seed=9)))
    lookup.refresh()
    assert lookup.get_prediction(IDS[0]) == before and "not what was published" in lookup.error


@pytest.mark.parametrize("pointer", [b"", b"{", b"[]", b'{"version": "v9"}', b"null", b"\xff\xfe"])
def test_LK_4_a_torn_pointer_leaves_the_last_good_copy(store, pointer):
    batches.publish(store, "v1", count=COUNT)
    lookup = predictions_of(store)
    before = lookup.get_prediction(IDS[0])
    store.write("batch/current.json", pointer)
    lookup.refresh()
    assert lookup.get_prediction(IDS[0]) == before and "current.json cannot be read" in lookup.error


def a_pointer(**changed):
    file, card = {"key": "batch/v1/predictions.parquet"}, {"model_version": 1}
    times = dict.fromkeys(("written_at", "as_of"), "2026-01-01T00:00:00Z")
    return {"version": "v9", **times, "files": {"predictions.parquet": file}, "models": {"champion": card}} | changed


MALFORMED = {
    "a file without a key": {"files": {"predictions.parquet": {}}},
    "files in a list": {"files": ["predictions.parquet"]},
    "a file that is a word": {"files": {"predictions.parquet": "x"}},
    "a model without a version": {"models": {"champion": {}}},
    "a version in words": {"models": {"champion": {"model_version": "first"}}},
    "a model that is a number": {"models": {"champion": 1}},
    "a time that is none": {"as_of": "soon"},
}


@pytest.mark.parametrize("what", MALFORMED)
def test_LK_4_a_malformed_pointer_leaves_the_last_good_copy_and_the_thread_that_looks(store, what):
    batches.publish(store, "v1", count=COUNT)
    watch = Watch(0.02)
    lookup = predictions_of(store, watch=watch)
    before = lookup.get_prediction(IDS[0])
    store.write("batch/current.json", json.dumps(a_pointer(**MALFORMED[what])).encode())
    assert eventually(lambda: lookup.error) and "current.json cannot be read" in lookup.error
    assert lookup.get_prediction(IDS[0]) == before and watch.alive
    batches.publish(store, "v3", count=COUNT)
    assert eventually(lambda: lookup.error is None)
    watch.close()


class TornOnce(CountingStore):
    """The first reading of `torn` ends after a hundred bytes, as it can when a network breaks."""

    def __init__(self, store, torn):
        super().__init__(store)
        self.torn = torn

    def read(self, key):
        data, first = super().read(key), self.reads.count(key) == 1
        return data[:100] if key == self.torn and first else data


def test_LK_4_one_torn_reading_at_the_start_is_made_good_by_the_next(store, monkeypatch):
    monkeypatch.setattr(snapshot, "IMPATIENCE", 0.02)
    batches.publish(store, "v1", count=COUNT)
    lookup = predictions_of(TornOnce(store, "batch/v1/predictions.parquet"))
    assert lookup.get_prediction(IDS[0]) is None and "not what was published" in lookup.error
    assert eventually(lambda: lookup.get_prediction(IDS[0])) and lookup.error is None


def test_LK_4_a_torn_reading_of_a_newer_batch_is_made_good_by_the_next(store):
    batches.publish(store, "v1", count=COUNT)
    lookup = predictions_of(TornOnce(store, "batch/v2/predictions.parquet"))
    assert lookup.get_prediction(IDS[0])
    batches.publish(store, "v2", count=COUNT, files={"predictions.parquet": batches.parquet(batches.predictions(COUNT, seed=9))})
    lookup.refresh()
    assert "not what was published" in lookup.error
    lookup.refresh()
    assert lookup.error is None


def test_LK_4_bytes_that_were_refused_are_read_again_after_a_while_since_the_reading_may_have_been_torn(store, tmp_path, monkeypatch):
    plain = Store.open(str(tmp_path))
    plain.write("p.parquet", batches.parquet(batches.former_predictions(COUNT, {"champion": 1})))
    torn = TornOnce(plain, "p.parquet")
    torn.reads.append("p.parquet")  # the first reading is whole
    lookup = PredictionLookupService(tmp_path / "p.parquet", clock=CLOCK)
    lookup._kept._origin._store = torn
    assert lookup.get_prediction(IDS[0])
    torn.reads.clear()
    plain.write("p.parquet", batches.parquet(batches.former_predictions(COUNT, {"champion": 1}, seed=9)))
    for _ in range(2):
        lookup.refresh()
    assert "cannot be read" in lookup.error and torn.reads == ["p.parquet"]
    monkeypatch.setattr(snapshot, "REFUSED_FOR", 0.0)
    lookup.refresh()
    assert lookup.error is None


def test_a_bug_in_one_lookup_leaves_the_thread_and_the_other_lookups_alone(store, caplog):
    batches.publish(store, "v1", count=COUNT)
    watch = Watch(0.02)
    broken, whole = features_of(store, watch=watch), predictions_of(store, watch=watch)
    broken.warm(), whole.warm()
    before = whole.computed_at
    broken._kept._origin = None  # a bug: no error of our family
    with caplog.at_level(logging.ERROR, logger="soccer"):
        batches.publish(store, "v2", count=COUNT)
        assert eventually(lambda: whole.computed_at > before)
    assert watch.alive and any("lookups met a bug" in record.message and record.exc_info for record in caplog.records)
    watch.close()


def test_LK_4_a_store_that_is_away_leaves_the_last_good_copy_until_it_is_back(store):
    batches.publish(store, "v1", count=COUNT)
    counting = CountingStore(store)
    lookup = features_of(counting)
    assert lookup.get_features(IDS[0])
    batches.publish(store, "v2", count=COUNT, files={"match_features.parquet": batches.parquet(batches.match_features(COUNT, seed=4))})
    counting.away = True
    before = lookup.get_features(IDS[0])
    lookup.refresh()
    assert lookup.get_features(IDS[0]) == before and "does not answer" in lookup.error
    counting.away = False
    lookup.refresh()
    assert lookup.get_features(IDS[0]) != before and lookup.error is None


def test_LK_4_an_s3_server_that_dies_and_comes_back(s3):
    address = s3.bucket()
    batches.publish(Store.open(address, s3.endpoint), "v1", count=COUNT)
    lookup = predictions_of(Store.open(address, s3.endpoint))
    before = lookup.get_prediction(IDS[0])
    s3.stop()
    try:
        lookup.refresh()
        assert lookup.get_prediction(IDS[0]) == before and "does not answer" in lookup.error
    finally:
        s3.start()
    lookup.refresh()
    assert lookup.error is None


def test_LK_4_files_that_were_removed_leave_the_last_good_copy(store):
    batches.publish(store, "v1", count=COUNT)
    lookup = predictions_of(store)
    before = lookup.get_prediction(IDS[0])
    store.remove("batch")
    lookup.refresh()
    assert lookup.get_prediction(IDS[0]) == before and "is gone" in lookup.error


# LK-5


def test_LK_5_a_batch_that_is_cleared_away_while_it_is_read_is_followed_to_the_next(store):
    batches.publish(store, "v1", count=COUNT)
    published = Published(store, "predictions.parquet")

    class Slow(CountingStore):
        def read(self, key):
            data = super().read(key)
            if key == "batch/current.json" and len(self.reads) == 1:
                batches.publish(store, "v2", count=COUNT)
                store.remove("batch/v1")
            return data

    slow = Slow(store)
    assert Published(slow, "predictions.parquet").fetch().data == published.fetch().data
    assert slow.reads[-1] == "batch/v2/predictions.parquet"


# LK-6


def test_LK_6_the_time_of_the_last_write_is_aware_and_none_before_there_is_a_file(store, tmp_path):
    features, predictions = features_of(store), predictions_of(store)
    assert features.features_computed_at is None and predictions.predictions_computed_at is None
    batches.publish(store, count=COUNT)
    features.refresh(), predictions.refresh()
    for written in (features.features_computed_at, predictions.predictions_computed_at):
        assert written.tzinfo is not None and written.utcoffset() == timedelta(0)
        assert abs(datetime.now(UTC) - written) < timedelta(minutes=1)
    path = tmp_path / "predictions.parquet"
    path.write_bytes(batches.parquet(batches.predictions(COUNT)))
    written = PredictionLookupService(path).predictions_computed_at
    assert abs(written.timestamp() - path.stat().st_mtime) < 0.001


def test_a_lookup_without_a_file_says_what_to_do_and_takes_the_first_one_up_by_itself(store):
    lookup = predictions_of(store, check_interval=0.1)
    assert lookup.get_prediction(IDS[0]) is None and lookup.list_matches() == [] and not lookup.ready and lookup.error is None
    with pytest.raises(NotReady, match="Run `make pipeline`"):
        lookup.frame()
    batches.publish(store, count=COUNT)
    assert eventually(lambda: lookup.get_prediction(IDS[0]))


# LK-7


def test_LK_7_features_are_plain_numbers_by_name_without_any_label(store):
    batches.publish(store, count=COUNT)
    lookup = features_of(store)
    for match_id in IDS:
        row = lookup.get_features(match_id)
        assert set(row) == {*batches.FEATURES, "sex"}
        assert {type(row[name]) for name in batches.FEATURES} == {float} and type(row["sex"]) is int and row["sex"] in (0, 1)
    frame = batches.match_features(COUNT)
    assert lookup.get_features(IDS[5])["elo"] == frame.loc[IDS[5], "elo"]
    assert set(LABELS) <= set(frame.columns), "the labels are in the file"


def test_LK_7_missing_values_are_none_and_named(store):
    frame = batches.match_features(COUNT)
    frame.loc[IDS[2], ["elo", "diff_points_w5"]] = np.nan
    batches.publish(store, count=COUNT, files={"match_features.parquet": batches.parquet(frame)})
    row = features_of(store).get_features(IDS[2])
    assert row["elo"] is None and row["diff_points_w5"] is None and row["diff_goals_for_w5"] is not None
    assert row.missing == ["elo", "diff_points_w5"]
    assert json.loads(json.dumps(row, allow_nan=False)) == row
    assert features_of(store).get_features(IDS[3]).missing == []


def test_LK_7_forecasts_are_plain_python_with_explicit_nulls(store):
    frame = batches.predictions(COUNT)
    frame.loc[IDS[2], ["startTimeUtc", "expected_home", "likeliest_home"]] = pd.NA
    batches.publish(store, count=COUNT, files={"predictions.parquet": batches.parquet(frame)})
    lookup = predictions_of(store)
    row = lookup.get_prediction(IDS[2])
    assert row.missing == ["startTimeUtc", "likeliest_home", "expected_home"]
    for match_id in IDS:
        row = lookup.get_prediction(match_id)
        json.dumps(row, allow_nan=False)
        assert {type(value) for value in row.values()} <= {int, float, str, bool, type(None)}
        assert sum(row[f"proba_{side}"] for side in ("home", "draw", "away")) == pytest.approx(1, abs=1e-6)
    said = frame[frame["model_version"] == 1].loc[IDS[9]]
    row = lookup.get_prediction(IDS[9])
    assert (row["match_id"], row["proba_home"], row["homeTeamName"]) == (IDS[9], said["proba_home"], said["homeTeamName"])
    assert row["startTimeUtc"] == said["startTimeUtc"].strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    "match_id", [0, -1, 2**53, 2**63, 2**80, -(2**70), 1, IDS[0] + 1, 1.0, "abc", "7", None, b"1", [1], True, float("nan")]
)
def test_LK_7_an_id_that_is_not_there_is_none_and_never_an_error(store, match_id):
    batches.publish(store, count=COUNT)
    assert features_of(store).get_features(match_id) is None
    assert predictions_of(store).get_prediction(match_id) is None


def test_LK_7_an_id_as_numpy_holds_it_is_an_id(store):
    batches.publish(store, count=COUNT)
    row = predictions_of(store).get_prediction(np.int64(IDS[4]))
    assert row["match_id"] == IDS[4] and type(row["match_id"]) is int


def test_what_a_reader_does_to_a_row_or_a_frame_nobody_else_sees(store):
    batches.publish(store, count=COUNT)
    features, predictions = features_of(store), predictions_of(store)
    features.get_features(IDS[0])["elo"] = 1e9
    features.list_matches()[0]["home_team"] = "Changed"
    frame = predictions.frame()
    frame.loc[:, "proba_home"] = 9.0
    frame["new"] = 1
    assert features.get_features(IDS[0])["elo"] != 1e9
    assert features.list_matches()[0]["home_team"] != "Changed"
    assert (predictions.frame()["proba_home"] <= 1).all() and "new" not in predictions.frame()


# LK-8


def test_LK_8_the_features_list_only_the_matches_to_come_by_kick_off(store):
    batches.publish(store, count=COUNT)
    listed = features_of(store).list_matches()
    assert [row["match_id"] for row in listed] == IDS[COUNT // 2 :]
    kickoffs = [row["kickoff_utc"] for row in listed]
    assert kickoffs == sorted(kickoffs)
    assert listed[0] == {
        "match_id": IDS[20],
        "home_team": "Home 0",
        "away_team": "Away 0",
        "kickoff_utc": "2026-03-13T15:00:00Z",
        "match_date": "2026-03-13",
        "competition": "Premier League",
        "competition_code": "en.1",
        "country": "England",
        "season": "2025-26",
        "round": "Matchday 1",
        "sex": 0,
        "home_team_id": "england-home-0",
        "away_team_id": "england-away-0",
    }


def test_LK_8_a_match_whose_hour_is_unknown_stands_at_the_noon_of_its_day(store):
    frame = batches.match_features(COUNT)
    frame.loc[IDS[-1], "startTimeUtc"] = pd.NaT
    frame.loc[IDS[-1], "match_date"] = pd.Timestamp("2026-03-13")
    batches.publish(store, count=COUNT, files={"match_features.parquet": batches.parquet(frame)})
    listed = features_of(store).list_matches()
    assert listed[0]["match_id"] == IDS[-1] and listed[0]["kickoff_utc"] is None and listed[0]["match_date"] == "2026-03-13"


def test_LK_8_the_predictions_list_all_rows_page_by_page(store):
    batches.publish(store, count=COUNT)
    lookup = predictions_of(store)
    everything = lookup.list_matches()
    assert len(everything) == 3 * COUNT and {row["model_version"] for row in everything} == {1, 2, 3}
    paged = [row for offset in range(0, 130, 7) for row in lookup.list_matches(limit=7, offset=offset)]
    assert paged == everything
    assert lookup.list_matches(limit=0) == [] and lookup.list_matches(offset=120) == []


# LK-9


def test_LK_9_a_stage_is_the_version_behind_its_alias_and_moves_in_memory(store):
    batches.publish(store, count=COUNT)
    lookup = predictions_of(store)
    first, second = lookup.get_prediction(IDS[0]), lookup.get_prediction(IDS[0], "challenger")
    assert (first["model_version"], first["model_run_id"], first["model_stage"]) == (1, "run-1", "champion")
    lookup.set_aliases({"champion": 2, "challenger": 1, "baseline": 3})
    assert lookup.get_prediction(IDS[0]) == second | {"model_stage": "champion"}
    assert lookup.get_prediction(IDS[0], "challenger") == first | {"model_stage": "challenger"}
    assert lookup.get_prediction(IDS[0], "unheard-of") is None


def test_LK_9_an_alias_that_moved_before_the_first_read_counts_and_so_it_does_after_the_next_batch(store):
    batches.publish(store, "v1", count=COUNT)
    lookup = predictions_of(store)
    lookup.set_aliases({"champion": 3})
    assert lookup.get_prediction(IDS[0])["model_version"] == 3
    batches.publish(store, "v2", count=COUNT)
    lookup.refresh()
    assert lookup.versions() == {"champion": 3}


def test_LK_9_a_version_without_forecasts_does_not_empty_its_stage(store):
    batches.publish(store, "v1", count=COUNT)
    lookup = predictions_of(store)
    lookup.get_prediction(IDS[0])
    lookup.set_aliases({"champion": 7, "challenger": 2})
    assert lookup.get_prediction(IDS[0])["model_version"] == 1
    batches.publish(store, "v2", count=COUNT, versions={"champion": 7, "challenger": 2})
    lookup.refresh()
    assert lookup.get_prediction(IDS[0])["model_version"] == 7, "and serves it once there are"


def test_LK_9_a_file_with_one_row_a_match_and_no_version_is_the_champions(tmp_path):
    columns = ["proba_home", "proba_draw", "proba_away", "predicted_class", "predicted_label"]
    path = tmp_path / "predictions.parquet"
    batches.predictions(COUNT, {"champion": 1})[columns].to_parquet(path)
    lookup = PredictionLookupService(path)
    row = lookup.get_prediction(IDS[0])
    assert row["model_stage"] == "champion" and row["proba_home"] > 0
    optional = ("is_future", "startTimeUtc", "homeTeamName", "awayTeamName", "model_run_id", "model_version")
    assert [row[name] for name in optional] == [None] * len(optional)
    assert lookup.get_prediction(IDS[0], "challenger") is None and len(lookup.list_matches()) == COUNT
    lookup.set_aliases({"champion": 4})
    assert lookup.get_prediction(IDS[0]) == row


def test_LK_9_a_file_without_a_pointer_takes_its_stages_from_its_rows(tmp_path):
    path = tmp_path / "predictions.parquet"
    batches.former_predictions(COUNT, {"champion": 4, "challenger": 6}).to_parquet(path)
    lookup = PredictionLookupService(path)
    assert lookup.versions() == {"champion": 4, "challenger": 6}


def test_LK_9_a_file_of_one_version_without_stages_is_the_champions(tmp_path):
    path = tmp_path / "predictions.parquet"
    batches.predictions(COUNT, {"champion": 4}).to_parquet(path)
    assert PredictionLookupService(path).versions() == {"champion": 4}


# LK-9, the form until November 2026


def former_batch(store, **options):
    """As the pipeline of then published after a promotion of version 2: it is the champion, and the challenger still."""
    stages = {"champion": 2, "challenger": 2, "baseline": 3}
    batches.publish(store, count=COUNT, versions=stages, files=options or former_files(stages))
    batches.former_manifest(store, stages)


def former_files(stages):
    return {"predictions.parquet": batches.parquet(batches.former_predictions(COUNT, stages))}


def test_LK_9_a_batch_of_the_former_form_is_served_after_a_promotion_made_a_version_repeat(store):
    former_batch(store)
    lookup = predictions_of(store)
    champion, challenger = (lookup.get_prediction(IDS[0], stage) for stage in ("champion", "challenger"))
    assert lookup.error is None and lookup.versions() == {"champion": 2, "challenger": 2, "baseline": 3}
    assert champion["model_version"] == 2 and challenger == champion | {"model_stage": "challenger"}
    assert len(lookup.list_matches()) == 2 * COUNT, "each version once"
    lookup.set_aliases({"champion": 3, "challenger": 2, "baseline": 3})
    assert lookup.get_prediction(IDS[0])["model_version"] == 3


def test_LK_9_repeats_that_contradict_are_refused_in_the_former_form_too(store):
    frame = batches.former_predictions(COUNT, {"champion": 2, "challenger": 2})
    first = np.flatnonzero(frame["model_stage"] == "challenger")[0]
    chances = ["proba_home", "proba_draw", "proba_away"]
    frame.iloc[first, [frame.columns.get_loc(name) for name in chances]] = (0.8, 0.1, 0.1)
    frame.iloc[first, [frame.columns.get_loc(name) for name in ("predicted_class", "predicted_label")]] = (0, "home_win")
    former_batch(store, **{"predictions.parquet": batches.parquet(frame)})
    lookup = predictions_of(store)
    assert lookup.get_prediction(IDS[0]) is None and "1 of 41 rows repeat a match and model version" in lookup.error


# LK-10


def test_LK_10_an_old_batch_is_stale_in_words_and_still_served(store):
    batches.publish(store, count=COUNT)
    later = Clock(batches.MOMENT + timedelta(hours=40))
    lookup = PredictionLookupService(store=store, clock=later, max_age=36 * 3600)
    assert lookup.stale and lookup.age_seconds == 40 * 3600
    assert "40 hours old" in lookup.stale_reason and "make pipeline" in lookup.stale_reason
    assert lookup.get_prediction(IDS[0]) is not None
    assert not PredictionLookupService(store=store, clock=later, max_age=41 * 3600).stale


def test_LK_10_a_replay_does_not_go_stale_by_itself(store):
    """The batch was written long ago by the wall, but the replay's clock stands where it stood."""
    batches.publish(store, count=COUNT)
    pointer = json.loads(store.read("batch/current.json")) | {"written_at": "2020-01-01T00:00:00Z"}
    store.write("batch/current.json", json.dumps(pointer).encode())
    lookup = features_of(store)
    assert not lookup.stale and lookup.age_seconds == 0
    assert lookup.features_computed_at == datetime(2020, 1, 1, tzinfo=UTC)


def test_LK_10_a_plain_file_ages_by_the_wall(tmp_path):
    import os

    path = tmp_path / "match_features.parquet"
    path.write_bytes(batches.parquet(batches.match_features(COUNT)))
    old = time.time() - 48 * 3600
    os.utime(path, (old, old))
    lookup = FeatureLookupService(path, clock=CLOCK)
    assert lookup.stale and lookup.age_seconds == pytest.approx(48 * 3600, abs=60)


def test_the_age_is_measured_for_prometheus(store):
    batches.publish(store, count=COUNT)
    PredictionLookupService(store=store, clock=Clock(batches.MOMENT + timedelta(hours=5))).get_prediction(IDS[0])
    assert metrics.LOOKUP_AGE.labels("predictions.parquet")._value.get() == 5 * 3600


def test_the_thread_ends_when_nobody_uses_its_lookups_any_more(store):
    import gc

    batches.publish(store, count=COUNT)
    before = set(threading.enumerate())
    lookup = predictions_of(store, check_interval=0.05)
    lookup.get_prediction(IDS[0])
    mine = set(threading.enumerate()) - before
    assert len(mine) == 1
    del lookup
    gc.collect()
    assert eventually(lambda: not any(thread.is_alive() for thread in mine))


def test_a_closed_watch_looks_no_more(store):
    batches.publish(store, count=COUNT)
    watch = Watch(0.02)
    lookup = PredictionLookupService(store=store, clock=CLOCK, watch=watch)
    lookup.get_prediction(IDS[0])
    assert watch.alive
    watch.close()
    assert eventually(lambda: not watch.alive)


def test_a_lookup_without_path_and_store_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SOCCER_HOME", str(tmp_path))
    monkeypatch.setenv("SOCCER_STORE_URL", str(tmp_path / "elsewhere"))
    lookup = FeatureLookupService()
    assert lookup.get_features(IDS[0]) is None
    batches.publish(Store.open(str(tmp_path / "elsewhere")), count=COUNT)
    lookup.refresh()
    assert lookup.get_features(IDS[0]) is not None and not lookup.stale


def test_the_average_match_is_one_of_the_same_competition_and_sex_and_leaves_out_what_is_missing():
    frame = batches.match_features(COUNT)
    frame["competition_code"] = ["en.1", "de.1"] * (COUNT // 2)
    frame.iloc[:6, frame.columns.get_loc("elo")] = np.nan
    table = FeatureTable.read(batches.parquet(frame))
    for match_id in frame.index[:4]:
        own = (frame["competition_code"] == frame.loc[match_id, "competition_code"]) & (frame["sex"] == frame.loc[match_id, "sex"])
        expected = frame.loc[own, list(batches.FEATURES)].mean()
        said = table.average(int(match_id))
        assert said == pytest.approx({**expected, "sex": int(frame.loc[match_id, "sex"])})
    assert table.average(17) is None
