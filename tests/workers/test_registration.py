"""Which version each alias stands at, as models are fitted anew: on a real registry."""

import json
from datetime import UTC, datetime
from pathlib import Path

import mlflow.artifacts
import pandas as pd
import pytest

from core.clock import Clock
from core.errors import LearningError
from core.learning.comparison import scores
from core.settings import Settings
from core.tables import EVALUATION
from tests.learning.test_comparison import draws, said
from tests.serving.models import files
from workers.registration import register
from workers.workplace import Workplace

LOSSES = {"champion": 0.98, "challenger": 1.01, "baseline": 0.9}


@pytest.fixture
def place(registry, tmp_path):
    settings = Settings(
        home=tmp_path / "home",
        clock=Clock(datetime(2024, 10, 10, 12, tzinfo=UTC)),
        database_url=f"sqlite:///{tmp_path}/soccer.db",
        tracking_uri=registry.tracking_uri,
    )
    place = Workplace(settings, tmp_path)
    place.database.create()
    place.write_table("work/evaluation.parquet", EVALUATION.empty())
    place.write_json(place.work / "scores.json", {recipe: {"log_loss": {"point": loss}} for recipe, loss in LOSSES.items()})
    place.write_json(place.work / "data.json", {"training": "0" * 64, "cut": "2024-10-01", "leak": {"ok": True, "matches": 9}})
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
        (("champion", "challenger", "baseline"), {"challenger": 5, "baseline": 6}),
        (("champion",), {"challenger": 4}),
        (("champion", "baseline"), {"challenger": 4, "baseline": 5}),
        (("baseline",), {"baseline": 4}),
    ],
    ids=["another recipe before a refit of the champion's", "a refit alone", "never the baseline", "the baseline follows its latest fit"],
)
def test_a_new_version_becomes_challenger_and_the_champion_stays(place, fitted, moved):
    register(place)
    fit(place, 0.5, *fitted)
    assert aliases(place) == FIRST | moved


def test_the_baseline_goes_back_with_the_training_table(place):
    register(place)
    fit(place, 0.5, "baseline")
    register(place)
    fit(place, 0.0, "baseline")
    assert aliases(place) == FIRST


def test_a_version_carries_its_evidence_and_the_gates_verdict(place, registry):
    rows = pd.concat([said(recipe, *draws(300)) for recipe in LOSSES])
    place.write_table("work/evaluation.parquet", rows)
    place.write_json(place.work / "scores.json", scores(rows))
    register(place)
    card = registry.card(2, "challenger")
    assert card["gate"]["reason"].startswith("Too few: 300 common matches") and card["gate"]["checks"]["no_leak"] is True
    assert card["metrics"]["log_loss_low"] <= card["metrics"]["log_loss"] <= card["metrics"]["log_loss_high"]
    assert card["metrics"]["latency_ms"] < 0.5
    assert (card["params"]["data"], card["params"]["cut"]) == ("0" * 64, "2024-10-01")
    assert card["params"]["part 1"].startswith("all football: logit on")
    folder = mlflow.artifacts.download_artifacts(run_id=card["model_run_id"], artifact_path="evidence", tracking_uri=registry.tracking_uri)
    found = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    assert set(found) == {"gate.json", "features.json", "calibration.png"} and found["calibration.png"].startswith(b"\x89PNG")
    assert json.loads(found["gate.json"]) == card["gate"]
    assert json.loads(found["features.json"])[0]["words"] == "Strength over the years (Elo)"


def test_what_leaks_gets_no_version_and_no_alias(place):
    place.write_json(place.work / "data.json", {"training": "0" * 64, "cut": "2024-10-01", "leak": {"ok": False, "matches": 9}})
    with pytest.raises(LearningError, match="nothing is registered"):
        register(place)
    assert not place.receipt("register").is_file()
