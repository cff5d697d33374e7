"""The prediction service, on real models, a real store and a real registry: PS-1 to PS-6 of the contract."""

import json
import shutil
import threading
import time
from datetime import UTC, datetime

import numpy as np
import pytest

from core import metrics
from core.clock import Clock, from_iso
from core.errors import AliasMissing, FeaturesRefused, MatchUnknown, NotReady, RegistryUnavailable, UnknownStage
from core.learning.models import Feature
from core.serving import predictor, shelf
from core.serving.lookups import FeatureLookupService
from core.serving.predictor import PredictionService
from core.settings import Settings
from core.storage.files import Store
from core.storage.registry import Registry
from tests.serving import batches, models
from tests.workers.house import PATIENCE, eventually

COUNT = 40
IDS = [int(one) for one in batches.ids(COUNT)]
FEATURES = {"elo": 0.5, "diff_goals_for_w5": -0.2, "diff_points_w5": 1.0, "sex": 0}
FILES = {1: models.files(0.0), 2: models.files(1.0), 3: models.files(-1.0)}


@pytest.fixture
def settings(tmp_path):
    return Settings.from_environment({"SOCCER_HOME": str(tmp_path / "home")})


@pytest.fixture
def store(settings):
    return Store.open(settings.store_url)


def published(store, version="v1", model_files=None, **options):
    cards = {stage: batches.card(stage, number) | {"features": models.signature()} for stage, number in STAGES.items()}
    return batches.publish(
        store,
        version,
        count=COUNT,
        models=options.pop("models", cards),
        model_files=FILES if model_files is None else model_files,
        **options,
    )


STAGES = {"champion": 1, "challenger": 2, "baseline": 3}


@pytest.fixture
def service(settings, store):
    """Everything published, and a registry that is still empty."""
    published(store)
    made = PredictionService(settings, store, features=FeatureLookupService(store=store, clock=Clock(batches.MOMENT)))
    yield made
    made.close()


@pytest.fixture
def registered(settings, store, registry, tmp_path):
    """A service on a real registry with three versions, 1 and 2 behind aliases, whose files only the registry has."""
    for number, lean in enumerate((0.0, 1.0, -1.0), 1):
        assert models.register(registry, tmp_path / f"model-{number}", lean) == number
    registry.set_alias("champion", 1)
    registry.set_alias("challenger", 2)
    made = PredictionService(settings, store, registry)
    yield made
    made.close()


def reloads(stage, result):
    return metrics.MODEL_RELOADS.labels(stage, result)._value.get()


# PS-1, PS-2


def test_PS_1_the_first_use_loads_once_however_many_threads_ask_and_holds_every_stage(service, monkeypatch):
    read, real = [], shelf.Loaded.read.__func__

    def counting(cls, version, card, files):
        read.append(version)
        time.sleep(0.05)
        return real(cls, version, card, files)

    monkeypatch.setattr(shelf.Loaded, "read", classmethod(counting))
    together, answers = threading.Barrier(50), []

    def visit(stage):
        together.wait()
        answers.append(service.predict(FEATURES, stage=stage))

    threads = [threading.Thread(target=visit, args=[("champion", "challenger", "baseline")[number % 3]]) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(read) == [1, 2, 3] and len(answers) == 50
    assert {answer["model_version"] for answer in answers} == {1, 2, 3}


def test_PS_1_the_registry_says_which_version_and_its_files_are_read_natively(registered):
    registered.load()
    assert registered.versions() == {"champion": 1, "challenger": 2}
    assert registered.predict(FEATURES)["proba_home"] == pytest.approx(models.model(0.0).predict(row())[0, 0])
    assert registered.predict(FEATURES, stage="challenger")["proba_home"] == pytest.approx(models.model(1.0).predict(row())[0, 0])


def row(features=FEATURES):
    return np.array([[features[feature.name] for feature in models.SIGNATURE]], dtype=np.float64)


def test_PS_1_a_start_from_the_published_batch_imports_no_mlflow(settings, store):
    import subprocess
    import sys

    published(store)
    code = (
        "import sys\nfrom core.settings import Settings\nfrom core.storage.files import Store\n"
        "from core.serving.predictor import PredictionService\n"
        "settings = Settings.from_environment()\n"
        "service = PredictionService(settings, Store.open(settings.store_url))\n"
        "service.load(); service.start_background(); print(sorted(service.versions().items()))\n"
        "print([name for name in ('mlflow', 'sklearn', 'scipy.stats', 's3fs') if name in sys.modules])"
    )
    environment = {"PYTHONPATH": ".", "SOCCER_HOME": str(settings.home)}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert found.stdout.splitlines() == ["[('baseline', 3), ('challenger', 2), ('champion', 1)]", "[]"]


def test_PS_2_loading_again_costs_nothing(service, store, monkeypatch):
    service.load()
    reads, read = [], store.read
    monkeypatch.setattr(store, "read", lambda key: reads.append(key) or read(key))
    for _ in range(1000):
        service.load()
    assert reads == []


def test_PS_2_without_anything_published_loading_says_what_to_do(settings, store):
    service = PredictionService(settings, store)
    for ask in (service.load, service.get_model_info, lambda: service.predict(FEATURES)):
        with pytest.raises(NotReady, match="Run `make pipeline`"):
            ask()
    assert service.versions() == {}
    published(store)
    assert eventually(lambda: can(service.load))


def can(call):
    try:
        call()
    except NotReady:
        return False
    return True


# PS-3


def test_PS_3_the_info_of_a_stage_is_the_registrys(registered, registry):
    said = registered.get_model_info("challenger")
    card = registry.card(2, "challenger")
    kept = {name: value for name, value in card.items() if name not in ("artefact", "gate")}
    assert {name: said[name] for name in card if name in said} == kept
    assert said["loaded"] is True and said["metrics"] == {"log_loss": 0.0} and said["features"] == models.signature()
    with pytest.raises(AliasMissing, match="No model version is baseline"):
        registered.get_model_info("baseline")
    with pytest.raises(UnknownStage, match="champion, challenger, baseline"):
        registered.get_model_info("production")


def test_PS_3_it_works_without_the_model_loaded(settings, store):
    published(store, model_files={1: models.files(), 2: {"model.json": b"{}"}, 3: models.files()})
    service = PredictionService(settings, store)
    said = service.get_model_info("challenger")
    assert (said["model_version"], said["loaded"]) == (2, False)
    assert "Version 2 could not be loaded as challenger" in service.failures["challenger"]
    with pytest.raises(NotReady, match="Version 2 could not be loaded"):
        service.predict(FEATURES, stage="challenger")
    assert service.predict(FEATURES)["model_version"] == 1


def test_PS_3_what_was_heard_too_long_ago_is_not_told(settings, store, monkeypatch):
    published(store)
    service = PredictionService(settings, store, Registry("http://127.0.0.1:9", "soccer-match-outcome"))
    service.start_background()
    try:
        assert service.get_model_info()["model_version"] == 1
        monkeypatch.setattr(predictor, "TOO_OLD", 0.0)
        with pytest.raises(RegistryUnavailable, match="last heard"):
            service.get_model_info()
        assert service.predict(FEATURES)["model_version"] == 1, "forecasts go on"
        assert service.card("champion")["model_version"] == 1
    finally:
        service.close()


# PS-4


def test_PS_4_the_answer_has_the_shape_of_the_contract_in_plain_python(service):
    written = datetime(2026, 3, 13, 11, 0, tzinfo=UTC)
    answer = service.predict(FEATURES, match_id=IDS[0])
    assert list(answer) == [
        "match_id", "predicted_class", "predicted_label", "proba_home", "proba_draw", "proba_away", "model_name", "model_version",
        "model_run_id", "model_stage", "features_computed_at", "predicted_at",
    ]  # fmt: skip
    assert {type(value) for value in answer.values()} <= {int, float, str, type(None)}
    json.dumps(answer, allow_nan=False)
    chances = [answer[f"proba_{side}"] for side in ("home", "draw", "away")]
    assert sum(chances) == pytest.approx(1, abs=1e-9) and answer["predicted_class"] == chances.index(max(chances))
    assert (answer["model_version"], answer["model_run_id"], answer["model_stage"]) == (1, "run-1", "champion")
    assert answer["features_computed_at"] is None and abs((from_iso(answer["predicted_at"]) - datetime.now(UTC)).total_seconds()) < PATIENCE
    assert service.predict(FEATURES, features_computed_at=written)["features_computed_at"] == "2026-03-13T11:00:00Z"


def test_PS_4_a_match_of_the_features_file_is_predicted_by_its_id(service, store):
    answer = service.predict_row(IDS[3])
    assert answer["match_id"] == IDS[3] and answer["features_computed_at"] is not None
    features = FeatureLookupService(store=store).get_features(IDS[3])
    assert answer["proba_home"] == service.predict(dict(features))["proba_home"]
    with pytest.raises(MatchUnknown, match="no match 17"):
        service.predict_row(17)


def test_PS_4_one_prediction_takes_no_milliseconds(service):
    """Some tens of microseconds of a processor; the limit is far from it, for a slow one."""
    service.load()
    taken = []
    for _ in range(200):
        start = time.thread_time()
        service.predict(FEATURES)
        taken.append(time.thread_time() - start)
    assert min(taken) < 0.005


def test_PS_4_the_parts_of_an_explanation_sum_to_the_difference_in_log_odds(service):
    parts = service.explain(IDS[3])
    frame = batches.match_features(COUNT).sort_index()
    row = frame.loc[IDS[3]]
    average = frame.loc[frame["sex"] == row["sex"], list(batches.FEATURES)].mean()
    home, usual = (
        models.model(0.0).predict(np.array([[*numbers, row["sex"]]], dtype=float))[0, 0] for numbers in (row[list(average.index)], average)
    )
    assert set(parts) == {"Strength", "Form", "Ground and occasion"} and parts["Strength"] != 0
    assert sum(parts.values()) == pytest.approx(np.log(home / (1 - home)) - np.log(usual / (1 - usual)), abs=1e-9)
    assert service.explain(17) is None


def test_each_prediction_is_counted(service):
    count = metrics.PREDICTION_DURATION._sum.get, metrics.INFERENCE_DURATION._sum.get
    before = [read() for read in count]
    service.predict(FEATURES)
    assert all(read() > was for read, was in zip(count, before, strict=True))


# PS-5


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"elo": None}, {"elo": "must be a number"}),
        ({"elo": "0.5"}, {"elo": "must be a number"}),
        ({"elo": True}, {"elo": "must be a number"}),
        ({"elo": [0.5]}, {"elo": "must be a number"}),
        ({"elo": float("nan")}, {"elo": "must be finite"}),
        ({"elo": float("inf")}, {"elo": "must be finite"}),
        ({"elo": 10**400}, {"elo": "must be finite"}),
        ({"sex": 2}, {"sex": "must be 0 (men) or 1 (women)"}),
        ({"sex": -1}, {"sex": "must be 0 (men) or 1 (women)"}),
        ({"sex": 0.5}, {"sex": "must be 0 (men) or 1 (women)"}),
        ({"outcome_1x2": 0}, {"outcome_1x2": "is not a feature of this model"}),
        ({"elo": "x", "extra": 1, "sex": 3}, {"elo", "extra", "sex"}),
    ],
    ids=str,
)
def test_PS_5_features_that_do_not_fit_are_refused_by_name(service, change, named):
    with pytest.raises(FeaturesRefused) as refused:
        service.predict(FEATURES | change)
    problems = refused.value.problems
    assert set(problems) == set(named) and (isinstance(named, set) or problems == named)
    assert all(name in str(refused.value) for name in named)


def test_PS_5_missing_features_are_all_named(service):
    with pytest.raises(FeaturesRefused) as refused:
        service.predict({})
    assert refused.value.problems == dict.fromkeys(FEATURES, "is missing")


def test_PS_5_the_order_is_the_models_whatever_the_callers(service):
    turned = dict(reversed(FEATURES.items()))
    assert service.predict(turned)["proba_home"] == service.predict(FEATURES)["proba_home"]
    whole = FEATURES | {"elo": 1, "sex": 1.0}
    assert service.predict(whole)["proba_home"] == service.predict(whole | {"elo": np.float64(1), "sex": np.int64(1)})["proba_home"]


def test_PS_5_a_row_of_the_features_file_may_hold_more_and_lack_values(service):
    """The file holds the union of all models' features; what is missing there is no caller's mistake."""
    written = datetime.now(UTC)
    union = FEATURES | {"pi": 1.0, "elo": None}
    answer = service.predict(union, features_computed_at=written)
    assert answer["proba_home"] == pytest.approx(models.model(0.0).predict(np.array([[np.nan, -0.2, 1.0, 0]]))[0, 0])
    for wrong in ({"elo": "high"}, {"elo": float("inf")}):
        with pytest.raises(FeaturesRefused, match="elo"):
            service.predict(union | wrong, features_computed_at=written)
    with pytest.raises(FeaturesRefused, match="diff_points_w5: is not in the features file"):
        service.predict({name: value for name, value in union.items() if name != "diff_points_w5"}, features_computed_at=written)


def test_PS_5_a_stage_that_is_not_listed_is_unknown(settings, store):
    published(store)
    only = Settings.from_environment({"SOCCER_HOME": str(settings.home), "MLFLOW_MODEL_STAGES": "champion"})
    service = PredictionService(only, store)
    assert service.predict(FEATURES)["model_stage"] == "champion" and service.versions() == {"champion": 1}
    for stage in ("challenger", "", "Champion", "champion "):
        with pytest.raises(UnknownStage):
            service.predict(FEATURES, stage=stage)


# PS-6


def test_PS_6_a_moved_alias_is_noticed_and_no_request_fails_meanwhile(registered, registry):
    assert shelf.POLL < 5, "seconds between two questions"
    registered.load()
    registered.start_background()
    problems, seen, done = [], set(), threading.Event()

    def ask():
        while not done.is_set():
            answer = registered.predict(FEATURES)
            seen.add((answer["model_version"], round(answer["proba_home"], 6)))
            if answer["model_stage"] != "champion":
                problems.append(answer)
            time.sleep(0.001)

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        for version in (3, 1):
            registry.set_alias("champion", version)
            eventually(lambda version=version: version in {number for number, _ in seen} and registered.versions()["champion"] == version)
    finally:
        done.set()
        asker.join()
    assert problems == []
    expected = {(number, round(float(models.model(lean).predict(row())[0, 0]), 6)) for number, lean in ((1, 0.0), (3, -1.0))}
    assert seen == expected, "each answer is one version's own"


def test_PS_6_a_rollback_takes_the_version_that_was_kept_warm(registered, registry, tmp_path):
    registered.load()
    registry.set_alias("champion", 3)
    registered.refresh()
    shutil.rmtree(tmp_path / "registry" / "artifacts")
    registry.set_alias("champion", 1)
    registered.refresh()
    assert registered.versions()["champion"] == 1 and registered.failures == {}


BROKEN = {
    "no json": {"model.json": b"\x00\x01"},
    "another format": {"model.json": b'{"format": 99}'},
    "no file of ours": {"weights.npz": b"1"},
    "half": {"model.json": models.files()["model.json"][:200]},
    "weights that are no numbers": {"model.json": models.files()["model.json"].replace(b'"means": [', b'"means": ["x",')},
    "not finite": {"model.json": models.files()["model.json"].replace(b"1.0,", b"1e999,")},
}


@pytest.mark.parametrize("what", BROKEN)
def test_PS_6_a_model_that_fails_leaves_the_old_one_serving(service, store, what):
    service.load()
    before, refused = service.predict(FEATURES), reloads("champion", "error")
    cards = {stage: batches.card(stage, number) for stage, number in {"champion": 9, "challenger": 2, "baseline": 3}.items()}
    published(store, "v2", model_files={9: BROKEN[what]}, models=cards)
    service.refresh()
    after = service.predict(FEATURES)
    assert {name: after[name] for name in before if name != "predicted_at"} == {
        name: before[name] for name in before if name != "predicted_at"
    }
    assert service.versions() == STAGES and "Version 9 could not be loaded as champion" in service.failures["champion"]
    assert reloads("champion", "error") == refused + 1
    published(store, "v3")
    service.refresh()
    assert service.failures == {}


def test_PS_6_a_model_whose_features_no_file_has_does_not_take_over(service, store):
    service.load()
    service.predict_row(IDS[0])
    new = [*models.SIGNATURE, Feature("shots_diff")]
    cards = {"champion": batches.card("champion", 9), "challenger": batches.card("challenger", 2)}
    published(store, "v2", model_files={9: models.files(0.0, new)}, models=cards)
    service.refresh()
    assert service.versions()["champion"] == 1 and "shots_diff: is not in the features file" in service.failures["champion"]


def test_PS_6_a_version_is_served_from_the_store_or_else_from_the_registry(registered, registry, store):
    store.write("models/1/model.json", models.files(2.0)["model.json"])
    registered.load()
    assert registered.predict(FEATURES)["proba_home"] == pytest.approx(models.model(2.0).predict(row())[0, 0])
    assert registered.predict(FEATURES, stage="challenger")["proba_home"] == pytest.approx(models.model(1.0).predict(row())[0, 0])


def test_PS_6_the_lookups_are_told_of_every_change(settings, store, registry, tmp_path):
    told = []
    for number in (1, 2):
        models.register(registry, tmp_path / f"model-{number}", lean=float(number))
    registry.set_alias("champion", 1)
    service = PredictionService(settings, store, registry, on_change=told.append)
    service.load()
    service.refresh()
    registry.set_alias("champion", 2)
    service.refresh()
    assert told == [{"champion": 1}, {"champion": 2}]


def test_PS_6_an_empty_registry_takes_nothing_away_and_a_new_batch_leads(service, store):
    service.load()
    service.refresh()
    assert service.versions() == STAGES
    published(store, "v2", model_files={4: models.files(3.0)}, models={"champion": batches.card("champion", 4)})
    service.refresh()
    assert service.versions() == {"champion": 4}


def test_PS_6_a_registry_that_goes_away_leaves_everything_serving(registered, registry, tmp_path):
    registered.load()
    (tmp_path / "registry" / "mlflow.db").write_bytes(b"torn" * 1000)
    registry._made = None
    registered.refresh()
    assert registered.versions() == {"champion": 1, "challenger": 2}


def test_PS_6_what_serves_is_shown_to_prometheus(service):
    service.load()
    assert metrics.MODEL_INFO.labels("soccer-match-outcome", "1", "champion")._value.get() == 1
    assert metrics.MODEL_REGISTERED._value.get() == batches.MOMENT.timestamp()


def test_the_registry_is_asked_at_once_after_the_start(registered, registry, monkeypatch):
    registered.load()
    asked, ask = [], registry.aliases
    monkeypatch.setattr(registry, "aliases", lambda: asked.append(1) or ask())
    registered.start_background()
    assert eventually(lambda: asked, seconds=shelf.POLL / 2)
