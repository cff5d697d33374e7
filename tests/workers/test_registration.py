"""Which version each alias stands at, as models are fitted anew: on a real registry."""

import json
from datetime import UTC, datetime
from pathlib import Path

import mlflow.artifacts
import pandas as pd
import pytest

from core.clock import Clock
from core.errors import LearningError, PipelineBusy, SettingsError
from core.learning.comparison import scores
from core.serving import stage_file
from core.serving.stage_file import StageFile
from core.settings import Settings
from core.storage import leases
from core.tables import EVALUATION
from core.vocabulary import FORM5, JOINT_BOOSTED, SIX_RATINGS
from tests.learning.test_comparison import draws, said
from tests.serving.models import files
from workers import registration
from workers.registration import Holder, challenger, register
from workers.walks import Walks, code_digest
from workers.workplace import Workplace

LOSSES = {JOINT_BOOSTED: 0.98, SIX_RATINGS: 1.01, FORM5: 0.9}


@pytest.fixture
def place(registry, tmp_path):
    settings = Settings(
        home=tmp_path / "home",
        clock=Clock(datetime(2024, 10, 10, 12, tzinfo=UTC)),
        database_url=f"sqlite:///{tmp_path}/soccer.db",
        tracking_uri=registry.tracking_uri,
        store_url=str(tmp_path / "store"),
    )
    place = Workplace(settings, tmp_path)
    place.database.create()
    place.write_table("work/evaluation.parquet", EVALUATION.empty())
    place.write_json(place.work / "scores.json", {recipe: {"log_loss": {"point": loss}} for recipe, loss in LOSSES.items()})
    place.write_json(place.work / "data.json", {"training": "0" * 64, "cut": "2024-10-01", "leak": {"ok": True, "matches": 9}})
    (tmp_path / "params.yaml").write_text("register: {challenger: null}\n")
    fit(place, 0.0, *LOSSES)
    return place


def fit(place, lean, *recipes):
    for recipe in recipes:
        folder = place.work / "models" / recipe
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files(lean, recipe=recipe).items():
            (folder / name).write_bytes(data)


def aliases(place):
    register(place)
    return place.read_json(place.receipt("register"))["aliases"]


FIRST = {"champion": 1, "challenger": 2, "baseline": 3}


def test_the_first_run_gives_each_recipe_its_alias_and_the_same_again_moves_none(place):
    assert aliases(place) == FIRST
    assert aliases(place) == FIRST


@pytest.mark.parametrize(
    ("fitted", "moved"),
    [
        ((JOINT_BOOSTED, SIX_RATINGS, FORM5), {"challenger": 5, "baseline": 6}),
        ((JOINT_BOOSTED,), {"challenger": 4}),
        ((JOINT_BOOSTED, FORM5), {"challenger": 4, "baseline": 5}),
        ((FORM5,), {"baseline": 4}),
    ],
    ids=["another recipe before a refit of the champion's", "a refit alone", "never the baseline", "the baseline follows its latest fit"],
)
def test_a_new_version_becomes_challenger_and_the_champion_stays(place, fitted, moved):
    register(place)
    fit(place, 0.5, *fitted)
    assert aliases(place) == FIRST | moved


def test_the_baseline_goes_back_with_the_training_table(place):
    register(place)
    fit(place, 0.5, FORM5)
    register(place)
    fit(place, 0.0, FORM5)
    assert aliases(place) == FIRST


def test_a_version_carries_its_evidence_and_the_gates_verdict(place, registry):
    rows = pd.concat([said(recipe, *draws(300)) for recipe in LOSSES])
    place.write_table("work/evaluation.parquet", rows)
    place.write_json(place.work / "scores.json", scores(rows))
    register(place)
    card = registry.card(2)
    assert card["gate"]["reason"].startswith("Too few: 300 common matches") and card["gate"]["checks"]["no_leak"] is True
    assert card["metrics"]["log_loss_low"] <= card["metrics"]["log_loss"] <= card["metrics"]["log_loss_high"]
    assert card["metrics"]["latency_ms"] < 0.5
    assert (card["params"]["data"], card["params"]["cut"]) == ("0" * 64, "2024-10-01")
    assert card["params"]["part 1"].startswith("all football: logit on")
    folder = mlflow.artifacts.download_artifacts(run_id=card["model_run_id"], artifact_path="evidence", tracking_uri=registry.tracking_uri)
    found = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    assert set(found) == {"gate.json", "features.json", "walk.parquet", "calibration.png"} and found["calibration.png"].startswith(
        b"\x89PNG"
    )
    assert json.loads(found["gate.json"]) == card["gate"]
    assert json.loads(found["features.json"])[0]["words"] == "Strength over the years (Elo)"


def test_what_leaks_gets_no_version_and_no_alias(place):
    place.write_json(place.work / "data.json", {"training": "0" * 64, "cut": "2024-10-01", "leak": {"ok": False, "matches": 9}})
    with pytest.raises(LearningError, match="nothing is registered"):
        register(place)
    assert not place.receipt("register").is_file()


VERSIONS = {JOINT_BOOSTED: 4, SIX_RATINGS: 5, FORM5: 6, "fourth": 7}
CHAMPION_1, CHALLENGER_2 = Holder(JOINT_BOOSTED, 1), Holder(SIX_RATINGS, 2)


def losses(**points):
    return {name: {"log_loss": {"point": point}} for name, point in points.items()}


@pytest.mark.parametrize(
    ("fresh", "fourth", "becomes"),
    [
        (["fourth"], 0.970, 7),
        (["fourth"], 0.990, None),
        (["fourth", SIX_RATINGS], 0.990, 5),
        (["fourth", SIX_RATINGS], 0.970, 7),
        ([SIX_RATINGS], 0.970, 5),
        ([JOINT_BOOSTED, SIX_RATINGS, FORM5], 0.990, 5),
        ([], 0.970, None),
    ],
)
def test_another_recipe_takes_the_challengers_place_only_with_a_lower_loss_and_a_refit_of_its_own_always(fresh, fourth, becomes):
    found = losses(joint_boosted=0.974, six_ratings=0.980, form5=0.9, fourth=fourth)
    assert challenger(VERSIONS, fresh, CHAMPION_1, CHALLENGER_2, found) == becomes


def test_after_a_promotion_the_place_is_free_for_the_best_of_the_other_recipes():
    promoted = Holder(SIX_RATINGS, 2)
    found = losses(joint_boosted=0.974, six_ratings=0.980, form5=0.9, fourth=0.990)
    assert challenger(VERSIONS, [JOINT_BOOSTED, SIX_RATINGS, FORM5], promoted, promoted, found) == 4
    assert challenger(VERSIONS, [SIX_RATINGS], promoted, promoted, found) == 5, "better a refit of its own than nobody"
    assert challenger(VERSIONS, [], promoted, promoted, found) is None


def test_a_recipe_that_is_named_becomes_the_challenger_whatever_its_loss(place):
    found = losses(joint_boosted=0.974, six_ratings=0.980, form5=0.9, fourth=2.0)
    assert challenger(VERSIONS, [], CHAMPION_1, CHALLENGER_2, found, "fourth") == 7
    assert challenger(VERSIONS, [], Holder(JOINT_BOOSTED, 4), CHALLENGER_2, found, JOINT_BOOSTED) is None, "the champion is no challenger"
    register(place)
    (place.root / "params.yaml").write_text(f"register: {{challenger: {JOINT_BOOSTED}}}\n")
    fit(place, 0.5, JOINT_BOOSTED)
    assert aliases(Workplace(place.settings, place.root)) == FIRST | {"challenger": 4}


@pytest.mark.parametrize("name", ["fifth", FORM5])
def test_a_recipe_that_cannot_be_the_challengers_is_refused_before_anything_is_registered(place, registry, name):
    (place.root / "params.yaml").write_text(f"register: {{challenger: {name}}}\n")
    with pytest.raises(SettingsError, match=r"register\.challenger"):
        register(Workplace(place.settings, place.root))
    assert registry.aliases() == {} and not registry.has(1)


def test_a_challenger_alias_that_was_deleted_is_not_set_to_the_champion(place, registry):
    register(place)
    registry.set_alias("champion", 2)
    with registry._mlflow() as mlflow:
        registry._client(mlflow).delete_registered_model_alias(registry.model_name, "challenger")
    fit(place, 0.5, JOINT_BOOSTED)
    assert aliases(place) == {"champion": 2, "challenger": 4, "baseline": 3}


def test_a_fourth_recipe_gets_a_version_and_no_alias_of_its_own(place, registry, monkeypatch):
    register(place)
    monkeypatch.setattr(registration, "SERVED", (*LOSSES, "fourth"))
    fit(place, 0.5, "fourth")
    assert aliases(place) == FIRST and registry.aliases() == FIRST
    assert registry.card(4)["params"]["recipe"] == "fourth"


def test_registering_writes_the_stage_file(place):
    register(place)
    file = StageFile.read(place.store)
    assert dict(file.stages) == FIRST and file.former_champion is None
    assert all(place.store.list(card["artefact"]) for card in file.models.values()) and set(file.models) == {1, 2, 3}


def test_a_decision_under_way_is_waited_for_and_then_told(place, monkeypatch):
    monkeypatch.setattr(registration, "DECISION_SECONDS", 0.2)
    leases.take(place.database, stage_file.LEASE, "somebody", 60)
    with pytest.raises(PipelineBusy, match="promotion or rollback"):
        register(place)


def test_a_version_whose_code_differs_is_judged_by_the_walk_it_was_registered_with(place, registry):
    rows = pd.concat([said(recipe, *draws(300)) for recipe in LOSSES])
    place.write_table("work/evaluation.parquet", rows)
    place.write_json(place.work / "walks.json", {recipe: f"{recipe}-oldcode-data" for recipe in LOSSES})
    register(place)
    place.write_json(place.work / "walks.json", {recipe: f"{recipe}-newcode-data" for recipe in LOSSES})
    place.write_table("work/evaluation.parquet", rows[rows["match_id"] < rows["match_id"].median()])
    walks = Walks.read(place)
    own = walks.of_version(registry, 1)
    assert (own.id, len(own.rows)) == (f"{JOINT_BOOSTED}-oldcode-data", 300)
    place.write_json(place.work / "walks.json", {recipe: f"{recipe}-oldcode-more" for recipe in LOSSES})
    latest = Walks.read(place).of_version(registry, 1)
    assert latest.id == f"{JOINT_BOOSTED}-oldcode-more" and len(latest.rows) < 300, "with the same code the latest walk counts"


def test_a_change_of_comments_or_docstrings_is_no_change_of_the_code(tmp_path):
    (tmp_path / "a.py").write_text('"""Old."""\n\n\ndef f():\n    """Old."""\n    return 1  # old\n')
    (tmp_path / "dvc.yaml").write_text("stages: {featurize: {deps: [a.py, data]}, train: {deps: [a.py]}}\n")
    before = code_digest(tmp_path)
    (tmp_path / "a.py").write_text('def f():\n    """New."""\n    # new\n    return 1\n')
    assert code_digest(tmp_path) == before
    (tmp_path / "a.py").write_text("def f():\n    return 2\n")
    assert code_digest(tmp_path) != before
