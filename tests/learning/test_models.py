"""Models: probabilities that can be trusted to be some, an explanation that adds up, files without code."""

import json
import time

import numpy as np
import pytest

from core.errors import LearningError
from core.learning.features import build_features
from core.learning.models import FILE, load_model
from core.learning.training import RECIPES, fit, inputs
from tests.learning.league import league

FEATURES = build_features(league())


@pytest.fixture(scope="module", params=list(RECIPES))
def model(request):
    return fit(request.param, FEATURES)


def rows_of(model):
    rows = inputs(FEATURES, model.features)
    random = np.random.default_rng(1)
    wild = rows * 10.0 ** random.integers(-3, 9, rows.shape)
    missing = np.where(random.random(rows.shape) < 0.5, np.nan, rows)
    return np.vstack([rows, wild, missing, np.full((1, rows.shape[1]), np.nan)])


def test_chances_sum_to_one_and_none_is_below_the_floor(model):
    chances = model.predict(rows_of(model))
    assert chances.shape == (len(rows_of(model)), 3)
    assert np.abs(chances.sum(axis=1) - 1).max() < 1e-12
    assert chances.min() >= 0.001


def test_one_row_and_many_give_the_same_to_the_last_bit(model):
    rows = rows_of(model)
    assert np.vstack([model.predict(row[None, :]) for row in rows]).tobytes() == model.predict(rows).tobytes()


def test_what_is_missing_stands_at_the_training_mean(model):
    nothing, mean = model.predict(np.full((1, len(model.features)), np.nan)), model.predict(model.means[None, :])
    assert np.array_equal(nothing, mean)
    assert set(model.explain(np.full(len(model.features), np.nan)).values()) == {0.0}


def test_the_parts_of_an_explanation_sum_to_the_difference_in_log_odds(model):
    def odds(row):
        home = model.predict(row[None, :])[0, 0]
        return np.log(home / (1 - home))

    for row in rows_of(model)[:: max(1, len(rows_of(model)) // 60)]:
        parts = model.explain(row)
        assert list(parts) == [feature.name for feature in model.features]
        assert sum(parts.values()) == pytest.approx(odds(row) - odds(model.means), abs=1e-9)


@pytest.mark.parametrize(("recipe", "name"), [("champion", "elo_diff"), ("challenger", "pi_diff")])
def test_a_stronger_home_side_has_a_positive_part(recipe, name):
    model = fit(recipe, FEATURES)
    row = model.means.copy()
    row[[feature.name for feature in model.features].index(name)] += FEATURES[name].std()
    parts = model.explain(row)
    assert parts.pop(name) > 0 and set(parts.values()) == {0.0}


def test_files_come_back_as_the_same_model_to_the_last_bit(model):
    files = model.to_files()
    again = load_model(files)
    assert again.predict(rows_of(model)).tobytes() == model.predict(rows_of(model)).tobytes()
    assert (again.title, again.features, again.origin) == (model.title, model.features, model.origin)
    assert again.to_files() == files
    json.loads(files[FILE])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: data.replace(b'"kind": "', b'"kind": "un'),
        lambda data: data.replace(b'"format": 1', b'"format": 99'),
        lambda data: data.replace(b'"means": [', b'"means": [1.0, '),
        lambda data: b'["no", "object"]',
    ],
    ids=["cut", "empty", "unknown kind", "format of the future", "one mean too many", "a list"],
)
def test_a_spoilt_file_is_refused_with_a_next_step(model, spoil):
    with pytest.raises(LearningError, match="make pipeline"):
        load_model({FILE: spoil(model.to_files()[FILE])})
    with pytest.raises(LearningError):
        load_model({})


def test_one_row_takes_less_than_half_a_millisecond(model):
    row = inputs(FEATURES, model.features)[-1:]
    times = []
    for _ in range(300):
        started = time.perf_counter()
        model.predict(row)
        times.append(time.perf_counter() - started)
    assert np.median(times) < 0.0005


@pytest.mark.parametrize("recipe", ["champion", "challenger"])
def test_sides_that_change_places_on_neutral_ground_change_chances(recipe):
    model = fit(recipe, FEATURES)
    row = np.where(np.array([feature.name.endswith("_diff") for feature in model.features]), 80.0, 0.0)[None, :]
    assert model.predict(row)[0] == pytest.approx(model.predict(-row)[0, ::-1], abs=1e-12)
