"""Which version each alias stands at, as models are fitted anew: on a real registry."""

from datetime import UTC, datetime

import pytest

from core.clock import Clock
from core.settings import Settings
from core.tables import EVALUATION
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
