"""Trees walked with arrays against LightGBM itself, to the last bit."""

import lightgbm as lgb
import numpy as np
import pytest

from core.errors import LearningError
from core.learning.trees import CHUNK, Trees

QUIET = {"verbosity": -1, "num_threads": 1}
FORMS = {"deep": {"max_depth": -1, "num_leaves": 31}, "stumps": {"min_data_in_leaf": 400}, "leaves alone": {"min_data_in_leaf": 900}}


def grown(seed, rounds=40, **changes):
    random = np.random.default_rng(seed)
    rows = random.normal(size=(900, 7)) * [1, 10, 1e-3, 1, 1, 1, 0]
    outcomes = (rows[:, 0] + rows[:, 3] * rows[:, 4] + random.normal(size=900) > 0).astype(int) + (rows[:, 1] > 8)
    told = {"objective": "multiclass", "num_class": 3, "max_depth": 4, "min_data_in_leaf": 20, "seed": seed}
    return lgb.train(told | QUIET | changes, lgb.Dataset(rows, outcomes), rounds), rows


@pytest.mark.parametrize("changes", [{}, *FORMS.values()], ids=["as fitted here", *FORMS])
def test_scores_are_lightgbms_own_to_the_last_bit(changes):
    booster, rows = grown(1, **changes)
    trees = Trees.read(booster.model_to_string())
    wild = np.vstack([rows, rows * 1e6, np.zeros((1, 7)), np.full((1, 7), -1e300)])
    assert np.array_equal(trees.scores(wild), booster.predict(wild, raw_score=True, num_threads=1))


def test_values_on_a_threshold_go_the_same_way():
    booster, _ = grown(2)
    trees = Trees.read(booster.model_to_string())
    edges = trees.threshold[np.isfinite(trees.threshold)]
    on_them = np.tile(edges[:200, None], (1, 7))
    beside = np.vstack([np.nextafter(on_them, np.inf), np.nextafter(on_them, -np.inf), on_them])
    assert np.array_equal(trees.scores(beside), booster.predict(beside, raw_score=True, num_threads=1))


def test_one_row_and_many_chunks_give_the_same():
    booster, rows = grown(3)
    trees = Trees.read(booster.model_to_string())
    many = np.tile(rows, (CHUNK // len(rows) + 2, 1))
    assert np.array_equal(trees.scores(many)[-1:], trees.scores(many[-1:])) and trees.scores(rows[:0]).shape == (0, 3)


def test_trees_of_a_form_that_is_not_read_are_refused():
    random = np.random.default_rng(1)
    rows = np.column_stack([random.integers(0, 5, 500), random.normal(size=500)]).astype(float)
    told = {"objective": "multiclass", "num_class": 3}
    booster = lgb.train(told | QUIET, lgb.Dataset(rows, (rows[:, 0] % 3).astype(int), categorical_feature=[0]), 3)
    with pytest.raises(LearningError, match="Fit them without"):
        Trees.read(booster.model_to_string())
