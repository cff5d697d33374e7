"""Which version serves after a start, after damage to model files, and while the registry is slow or away."""

import json
import shutil
import threading
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest

from core import metrics
from core.clock import real_now
from core.errors import AliasMissing, NotReady, RegistryUnavailable, StoreUnavailable
from core.serving import model_loading, stage_file
from core.serving.predictor import PredictionService
from core.serving.services import open_services
from core.serving.stage_file import StageFile
from core.settings import Settings
from core.storage import leases
from core.storage.database import Database
from core.storage.files import Store
from core.storage.manifest import with_artefact
from tests.serving import batches, models
from tests.workers.house import PATIENCE, eventually

COUNT = 8
IDS = [int(one) for one in batches.ids(COUNT)]
FEATURES = {"elo": 0.5, "diff_goals_for_w5": -0.2, "diff_points_w5": 1.0, "sex": 0}
STAGES = {"champion": 1, "challenger": 2, "baseline": 3}
FILES = {number: models.files(number / 10) for number in range(1, 8)}


def card(stage, version):
    return with_artefact(batches.card(stage, version) | {"features": models.signature()}, FILES[version])


class Aliases:
    """A registry that can be slow, away, or without a version's files; it counts what is asked of it."""

    tracking_uri, model_name = "sqlite:///none.db", "soccer-match-outcome"

    def __init__(self, **aliases):
        self.named, self.away, self.lost, self.wait = dict(aliases), False, set(), None
        self.downloads, self.looks = [], 0

    def aliases(self):
        self.looks += 1
        if self.away:
            raise RegistryUnavailable("The model registry does not answer.")
        return dict(self.named)

    def has(self, version):
        return version in FILES

    def card(self, version, stage=None):
        if version not in FILES:
            raise AliasMissing("no such version")
        return batches.card(stage or "new", version) | {"features": models.signature()}

    def download(self, version, to):
        self.downloads.append(version)
        if self.wait is not None:
            self.wait.wait(PATIENCE)
        if self.away or version in self.lost:
            raise AliasMissing("The registry has no files of it.")
        to.mkdir(parents=True, exist_ok=True)
        for name, data in FILES[version].items():
            (to / name).write_bytes(data)
        return to


@pytest.fixture
def settings(tmp_path):
    return Settings.from_environment({"SOCCER_HOME": str(tmp_path / "home")})


@pytest.fixture
def store(settings):
    return Store.open(settings.store_url)


def publish(store, version="v1", stages=STAGES, **options):
    cards = {stage: card(stage, number) for stage, number in stages.items()}
    for one in cards.values():
        for name, data in FILES[one["model_version"]].items():
            store.write(f"{one['artefact']}/{name}", data)
    return batches.publish(store, version, count=COUNT, models=cards, **options)


def assigned_file(store, stages, former=None):
    cards = {version: card(stage, version) for stage, version in stages.items()}
    cards |= {} if former is None else {former: card("former", former)}
    store.write(stage_file.KEY, StageFile(stages, real_now(), former, real_now() if former else None, cards).to_json())


def remove_models(store, version):
    store.remove(card("champion", version)["artefact"])


def reloads(stage, result):
    return metrics.MODEL_RELOADS.labels(stage, result)._value.get()


# A restart keeps a promotion


def test_a_start_serves_by_the_stage_file_in_its_first_answer_without_the_registry(settings, store):
    publish(store)
    assigned_file(store, STAGES | {"champion": 2, "challenger": 1}, former=1)
    registry = Aliases()
    service = PredictionService(settings, store, registry)
    service.load(ask_registry=False)
    assert service.predict(FEATURES)["model_version"] == 2 and service.assigned()["challenger"] == 1
    assert service.former_champion.version == 1 and registry.looks == 0


def test_the_forecasts_made_ahead_follow_the_stage_file_from_the_first_answer_on(settings, store):
    publish(store)
    assigned_file(store, STAGES | {"champion": 2, "challenger": 1})
    services = open_services(settings)
    services.start()
    try:
        assert services.predictions.get_prediction(IDS[0])["model_version"] == 2
    finally:
        services.close()


WRONG = {
    "an alias moved by hand": lambda store: assigned_file(store, STAGES | {"champion": 3}),
    "the file was deleted": lambda store: store.remove(stage_file.KEY),
    "the file is no JSON": lambda store: store.write(stage_file.KEY, b"{"),
    "the file is a list": lambda store: store.write(stage_file.KEY, b"[]"),
    "the file is no text": lambda store: store.write(stage_file.KEY, b"\xff\xfe\x00"),
    "a version in words": lambda store: store.write(stage_file.KEY, b'{"stages": {"champion": "x"}}'),
}


@pytest.mark.parametrize("what", WRONG)
def test_the_registry_is_the_truth_and_the_file_is_written_again_within_five_seconds(settings, store, database, what):
    publish(store)
    WRONG[what](store)
    service = PredictionService(settings, store, Aliases(champion=2, challenger=1, baseline=3), database=database)
    service.load(ask_registry=False)
    service.start_background()
    try:
        assert eventually(lambda: service.versions().get("champion") == 2, seconds=5)
        found = eventually(lambda: StageFile.read(store), seconds=5)
        assert eventually(lambda: StageFile.read(store).stages == {"champion": 2, "challenger": 1, "baseline": 3}, seconds=5)
        assert set(found.models) <= {1, 2, 3}
    finally:
        service.close()


def test_of_two_processes_that_notice_a_difference_at_once_one_writes(settings, store, database, monkeypatch):
    publish(store)
    written, put = [], Store.write
    monkeypatch.setattr(Store, "write", lambda self, key, data: written.append(key) or time.sleep(0.05) or put(self, key, data))
    services = [
        PredictionService(settings, store, Aliases(**STAGES), database=Database(database.engine.url.render_as_string())) for _ in range(6)
    ]
    together = threading.Barrier(6)
    threads = [threading.Thread(target=lambda one=one: (together.wait(), one.refresh())) for one in services]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert written.count(stage_file.KEY) == 1 and StageFile.read(store).stages == STAGES


def test_while_somebody_else_holds_the_lease_the_file_is_left_to_him(settings, store, database):
    publish(store)
    assert leases.take(database, stage_file.LEASE, "a promotion", 60)
    service = PredictionService(settings, store, Aliases(**STAGES), database=database)
    service.refresh()
    assert not store.exists(stage_file.KEY) and service.versions() == STAGES
    leases.take(database, stage_file.LEASE, "a promotion", 0.0)
    service.refresh()
    assert store.exists(stage_file.KEY)


def test_a_stage_file_that_is_deleted_while_the_registry_is_away_takes_no_promotion_back(settings, store):
    publish(store)
    assigned_file(store, STAGES | {"champion": 2, "challenger": 1})
    registry = Aliases()
    registry.away = True
    service = PredictionService(settings, store, registry)
    service.load(ask_registry=False)
    store.remove(stage_file.KEY)
    service.refresh()
    assert service.versions()["champion"] == 2


def test_a_promotion_while_the_registry_was_being_asked_is_followed_by_the_file_when_it_goes_away(settings, store):
    publish(store)
    registry = Aliases(**STAGES)
    service = PredictionService(settings, store, registry)
    ask = registry.aliases

    def promoted_meanwhile():
        found = ask()
        assigned_file(store, STAGES | {"champion": 2, "challenger": 1})
        return found

    registry.aliases = promoted_meanwhile
    service.refresh()
    registry.aliases, registry.away = ask, True
    service.refresh()
    assert service.versions()["champion"] == 2


def test_models_serve_by_the_stage_file_alone_where_no_batch_can_be_read(settings, store):
    publish(store)
    assigned_file(store, STAGES)
    store.remove("batch")
    service = PredictionService(settings, store, Aliases())
    service.load(ask_registry=False)
    assert service.versions() == STAGES


# Model files


@pytest.fixture
def without_files(settings, store):
    """A service that follows the registry; the champion's files are gone from the store."""
    publish(store)
    remove_models(store, 1)
    registry = Aliases(**STAGES)
    service = PredictionService(
        Settings.from_environment({"SOCCER_HOME": str(settings.home), "MLFLOW_MODEL_STAGES": "champion"}), store, registry
    )
    yield SimpleNamespace(service=service, registry=registry, store=store)
    if registry.wait is not None:
        registry.wait.set()
    service.close()


def test_a_start_without_the_models_files_refuses_promptly_naming_them_and_then_fetches_them(without_files):
    service, registry = without_files.service, without_files.registry
    registry.wait = threading.Event()
    with pytest.raises(NotReady):
        service.load(ask_registry=False)
    service.start_background()
    assert eventually(lambda: registry.downloads)
    start = time.monotonic()
    with pytest.raises(NotReady, match=r"models/1-[0-9a-f]{8}"):
        service.predict(FEATURES)
    assert time.monotonic() - start < 0.5, "no request waits for the registry"
    registry.wait.set()
    assert eventually(lambda: service.versions() == {"champion": 1}, seconds=5)
    folder = card("champion", 1)["artefact"]
    assert without_files.store.read(f"{folder}/model.json") == FILES[1]["model.json"] and service.failures == {}


def test_no_request_waits_for_the_registry_where_nothing_was_published(settings, store):
    """The thread learns of the aliases, and fetches; nobody said yet why nothing serves."""
    registry = Aliases(champion=1)
    registry.wait = threading.Event()
    service = PredictionService(settings, store, registry)
    service.start_background()
    try:
        assert eventually(lambda: registry.downloads)
        start = time.monotonic()
        with pytest.raises(NotReady):
            service.predict(FEATURES)
        assert time.monotonic() - start < 0.5
        registry.wait.set()
        assert eventually(lambda: service.predict(FEATURES)["model_version"] == 1 if service.versions() else False)
    finally:
        registry.wait.set()
        service.close()


def test_a_request_goes_on_by_the_old_version_while_a_new_one_is_fetched(settings, store):
    publish(store)
    registry = Aliases(**STAGES)
    service = PredictionService(settings, store, registry)
    service.refresh()
    errors = reloads("champion", "error")
    registry.wait, registry.named["champion"] = threading.Event(), 7
    following = threading.Thread(target=service.refresh)
    following.start()
    try:
        assert eventually(lambda: registry.downloads)
        assert service.predict(FEATURES)["model_version"] == 1 and service.failures == {}
    finally:
        registry.wait.set()
        following.join(PATIENCE)
    assert service.predict(FEATURES)["model_version"] == 7 and reloads("champion", "error") == errors


LOST = {
    "the registry has none": lambda registry: registry.lost.add(2),
    "the registry is away": lambda registry: setattr(registry, "away", True),
}


@pytest.mark.parametrize("what", LOST)
def test_where_nobody_has_the_files_the_version_of_an_earlier_batch_serves_and_the_failure_says_so(settings, store, what):
    publish(store, "v1")
    publish(store, "v2", STAGES | {"champion": 2, "challenger": 1})
    remove_models(store, 2)
    registry = Aliases(champion=2, challenger=1, baseline=3)
    LOST[what](registry)
    service = PredictionService(settings, store, registry)
    service.load(ask_registry=False)
    assert "champion" not in service.versions()
    service.refresh()
    assert service.predict(FEATURES)["model_version"] == 1
    said = service.failures["champion"]
    assert "Version 2 could not be loaded as champion" in said and card("champion", 2)["artefact"] in said
    assert "Version 1, which was champion in an earlier batch, serves instead." in said
    service.refresh()
    assert "serves instead" in service.failures["champion"], "and goes on saying so"


def test_the_stand_in_gives_way_as_soon_as_the_files_are_there_again(settings, store, monkeypatch):
    monkeypatch.setattr(model_loading, "AGAIN", 0.0)
    publish(store, "v1")
    publish(store, "v2", STAGES | {"champion": 2, "challenger": 1})
    remove_models(store, 2)
    registry = Aliases(champion=2, challenger=1, baseline=3)
    registry.lost.add(2)
    service = PredictionService(settings, store, registry)
    service.refresh()
    assert service.versions()["champion"] == 1
    registry.lost.clear()
    service.refresh()
    assert service.versions()["champion"] == 2 and service.failures == {}


def test_other_files_than_those_published_never_take_their_place(without_files, monkeypatch):
    monkeypatch.setitem(FILES, 1, models.files(5.0))
    with pytest.raises(NotReady, match="not those published"):
        without_files.service.load()
    monkeypatch.undo()
    assert without_files.store.list(card("champion", 1)["artefact"]) == []


def test_a_store_that_takes_nothing_back_serves_all_the_same(without_files, monkeypatch):
    def refuse(*_):
        raise StoreUnavailable("The store is read-only.")

    monkeypatch.setattr(without_files.store, "write", refuse)
    without_files.service.load()
    assert without_files.service.versions() == {"champion": 1}


def test_a_kept_batch_is_not_looked_for_on_every_look(settings, store, monkeypatch):
    """Each search lists the store and reads every manifest in it."""
    publish(store)
    for version in (1, 2, 3):
        remove_models(store, version)
    registry = Aliases(**STAGES)
    registry.lost |= {1, 2, 3}
    service = PredictionService(settings, store, registry)
    service.refresh()
    listed, look = [], store.list
    monkeypatch.setattr(store, "list", lambda prefix="": listed.append(prefix) or look(prefix))
    for _ in range(5):
        service.refresh()
    assert "batch" not in listed and registry.downloads == [1, 2, 3]


DAMAGE = {
    "cut": lambda store, key: store.write(key, store.read(key)[:100]),
    "deleted": lambda store, key: store.remove(key),
    "overwritten": lambda store, key: store.write(key, b"{}"),
}


@pytest.fixture
def running(settings, store):
    publish(store)
    services = open_services(settings)
    services.models._shelf._check_interval = 0.0
    services.start()
    yield services
    services.close()


@pytest.mark.parametrize("how", DAMAGE)
def test_damage_to_model_files_is_told_while_the_copy_serves_and_no_more_once_they_are_repaired(running, how):
    key = f"{card('champion', 1)['artefact']}/model.json"
    counted = reloads("champion", "damaged")
    running.models.refresh()
    assert running.models.damaged == {}
    DAMAGE[how](running.store, key)
    running.models.refresh()
    found = running.readiness()["model"]
    assert found["ok"] and "model files of version 1" in found["reason"] and "models/1-" in found["reason"]
    (said,) = [notice for notice in running.notices() if notice.kind == "model"]
    assert said.title == "The published files of version 1 are damaged." and "The copy in memory keeps serving" in said.text
    assert reloads("champion", "damaged") > counted and running.models.predict(FEATURES)["model_version"] == 1
    running.store.write(key, FILES[1]["model.json"])
    running.models.refresh()
    assert running.readiness()["model"]["reason"] is None and not [one for one in running.notices() if one.kind == "model"]


def test_a_store_that_is_away_is_no_damage(running, monkeypatch):
    def silent(*_):
        raise StoreUnavailable("The store does not answer.")

    monkeypatch.setattr(running.store, "list", silent)
    running.models.refresh()
    assert running.models.damaged == {}


def test_models_that_moved_to_another_folder_with_a_newer_batch_are_no_damage(settings, store):
    """As when a batch of the former form, whose folders have no digest, was followed by one of today's."""
    publish(store)
    service = PredictionService(settings, store, Aliases(**STAGES))
    service._shelf._check_interval = 0.0
    service.load(ask_registry=False)
    moved = card("champion", 1) | {"artefact": "models/1"}
    for name, data in FILES[1].items():
        store.write(f"models/1/{name}", data)
    cards = {stage: card(stage, number) for stage, number in STAGES.items()} | {"champion": moved}
    batches.publish(store, "v2", count=COUNT, models=cards)
    remove_models(store, 1)
    service.refresh()
    assert service.damaged == {}


def test_what_is_known_of_versions_does_not_grow_without_end(settings, store, monkeypatch):
    monkeypatch.setattr(model_loading, "WARM", 1)
    registry = Aliases(champion=1)
    service = PredictionService(settings, store, registry)
    for version in range(1, 8):
        registry.named["champion"] = version
        service.refresh()
    loader = service._shelf._loader
    for known in (loader._warm, loader._registered, loader._stamps, loader._failed, loader._fetched):
        assert set(known) <= {6, 7}, known


# The champion without forecasts


def test_a_champion_that_the_batch_has_no_forecasts_of_is_told(settings, store):
    publish(store)
    assigned_file(store, {"champion": 5, "challenger": 2, "baseline": 3})
    for name, data in FILES[5].items():
        store.write(f"{card('champion', 5)['artefact']}/{name}", data)
    services = open_services(settings)
    services.start()
    try:
        (said,) = [notice for notice in services.notices() if notice.kind == "model"]
        assert f"{said.title} {said.text}" == (
            "Version 5 is the champion, but the batch has no forecasts by it yet: those of version 1 are shown until the next run of "
            "the pipeline."
        )
        publish(store, "v2", {"champion": 5, "challenger": 2, "baseline": 3}, as_of=batches.MOMENT + timedelta(hours=1))
        for lookup in services.lookups().values():
            lookup.refresh()
        assert not [notice for notice in services.notices() if notice.kind == "model"]
    finally:
        services.close()


# What is served of a stage follows its version


def test_scores_walk_roles_and_rival_follow_a_promotion(running):
    def loss(version):
        return {"n": 1, "log_loss": {"point": version / 10, "low": 0.0, "high": 1.0}}

    scores = json.dumps({"versions": {str(version): loss(version) for version in STAGES.values()}, "matches": COUNT}).encode()
    publish(running.store, "v2", files={"scores.json": scores})
    for lookup in running.lookups().values():
        lookup.refresh()
    shown = metrics.FORECAST_LOG_LOSS.labels("champion")._value
    assert running.scores_of("champion")["log_loss"]["point"] == shown.get() == 0.1
    assert set(running.walk_of("champion")["model_version"]) == {1} and running.rival().card["model_version"] == 2
    assert running.roles() == {"champion": 1, "challenger": 2, "baseline": 3}
    assigned_file(running.store, {"champion": 2, "challenger": 2, "baseline": 3}, former=1)
    running.models.refresh()
    assert running.scores_of("champion")["log_loss"]["point"] == shown.get() == 0.2
    assert set(running.walk_of("champion")["model_version"]) == {2}
    assert running.roles() == {"champion": 2, "former_champion": 1, "baseline": 3}
    rival = running.rival()
    assert (rival.card["model_version"], rival.is_former) == (1, True) and rival.until is not None
    compared = running.compared(running.card_of("champion"), rival.card)
    assert compared.on == "walk"


def test_a_registry_whose_files_are_gone_names_the_version(registry, tmp_path):
    version = models.register(registry, tmp_path / "model")
    shutil.rmtree(tmp_path / "registry" / "artifacts")
    with pytest.raises((RegistryUnavailable, AliasMissing)):
        registry.download(version, tmp_path / "to")
