"""Models: probabilities that can be trusted to be some, an explanation that adds up, files without code."""

import json
import time

import numpy as np
import pandas as pd
import pytest

from core.errors import LearningError
from core.football.words import group_of
from core.learning.features import build_features
from core.learning.learners import NEWCOMERS
from core.learning.models import FILE, load_model
from core.learning.recipe import SERVED
from core.learning.training import fit, inputs
from tests.learning.league import counted, league

NATIONS = league(10, first_year=2014, seed=3, country="nations", competition_code="friendly", neutral=True)
TABLE = build_features(pd.concat([league(10, first_year=2014), NATIONS], ignore_index=True))


@pytest.fixture(scope="module", params=SERVED)
def model(request):
    return fit(request.param, TABLE)


def rows_of(model):
    rows = inputs(TABLE, model.features)
    random = np.random.default_rng(1)
    wild = rows * 10.0 ** random.integers(-3, 9, rows.shape)
    wild[:, [feature.type == "integer" for feature in model.features]] = rows[:, [f.type == "integer" for f in model.features]]
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


def test_what_is_missing_is_no_difference(model):
    nothing = np.full((1, len(model.features)), np.nan)
    assert np.array_equal(model.predict(nothing), model.predict(np.zeros_like(nothing)))


def odds(model, row):
    home = model.predict(row[None, :])[0, 0]
    return np.log(home / (1 - home))


def test_the_parts_of_an_explanation_sum_to_the_difference_in_log_odds(model):
    average = np.nan_to_num(np.nanmean(inputs(TABLE, model.features)[: len(TABLE) // 2], axis=0))
    telling = [feature.type == "integer" for feature in model.features]
    for row in rows_of(model)[:: max(1, len(rows_of(model)) // 60)]:
        usual = np.where(telling, np.nan_to_num(row), average)
        parts = model.explain(row, usual)
        assert set(parts) <= {group_of(feature.name) for feature in model.features}
        assert sum(parts.values()) == pytest.approx(odds(model, np.nan_to_num(row)) - odds(model, usual), abs=1e-9)


def test_without_another_the_average_is_that_of_what_the_kind_was_fitted_on(model):
    row = inputs(TABLE[TABLE["national"] == 0], model.features)[-1]
    parts, part = model.explain(row), model.parts[0]
    places = [[feature.name for feature in model.features].index(name) for name in part.takes]
    usual = row.copy()
    usual[places] = part.means
    assert parts == model.explain(row, usual)


def test_a_stronger_home_side_has_a_positive_part():
    model = fit("six_ratings", TABLE)
    row = inputs(TABLE, model.features)[-1]
    stronger = row + np.where([group_of(feature.name) == "Strength" for feature in model.features], 0.5, 0.0)
    parts = model.explain(stronger, row)
    assert parts.pop("Strength") > 0 and set(parts.values()) == {0.0}


@pytest.mark.parametrize("told", [True, False])
def test_shots_are_a_reason_where_they_were_counted_and_move_nothing_elsewhere(told):
    matches = league(8, first_year=2016)
    features = build_features(counted(matches) if told else matches)
    model = fit("joint_boosted", features[features["date"] < "2023-07-01"])
    assert (model.explain(inputs(features, model.features)[-1])["Shots"] != 0) == told


def test_files_come_back_as_the_same_model_to_the_last_bit(model):
    files = model.to_files()
    again = load_model(files)
    assert again.predict(rows_of(model)).tobytes() == model.predict(rows_of(model)).tobytes()
    assert (again.title, again.features, again.origin) == (model.title, model.features, model.origin)
    assert again.to_files() == files
    json.loads(files[FILE])


def test_the_trees_stand_in_lightgbms_own_text():
    import lightgbm as lgb

    model = fit("joint_boosted", TABLE)
    files, part = model.to_files(), model.parts[0]
    booster = lgb.Booster(model_str=files["trees-0.txt"].decode())
    rows = np.nan_to_num(TABLE.loc[TABLE["national"] == 0, list(part.takes)].to_numpy())
    boosted, rows = part.learner.learner, rows[:, : part.learner.first]
    scores = boosted.logit.scores(rows[:, : boosted.linear]) + 0.5 * booster.predict(rows, raw_score=True)
    chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    clubs, names = inputs(TABLE[TABLE["national"] == 0], model.features), [feature.name for feature in model.features]
    assert booster.num_trees() > 50 and len(boosted.trees.roots) < len(boosted.trees.column), "trees with branches"
    home, away, new_league = (clubs[:, names.index(name)] for name in NEWCOMERS)
    among_strangers = (np.minimum(home, away) == 0) & (new_league == 1)
    assert model.predict(clubs)[~among_strangers] == pytest.approx(0.997 * chances[~among_strangers] + 0.001, abs=1e-12)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: data.replace(b'"kind": "', b'"kind": "un'),
        lambda data: data.replace(b'"format": 2', b'"format": 99'),
        lambda data: data.replace(b'"means": [', b'"means": [1.0, '),
        lambda data: data.replace(b'"mean": [', b'"mean": [1.0, '),
        lambda data: b'["no", "object"]',
    ],
    ids=["cut", "empty", "unknown kind", "format of the future", "one mean too many", "one number too many", "a list"],
)
def test_a_spoilt_file_is_refused_with_a_next_step(model, spoil):
    files = model.to_files()
    with pytest.raises(LearningError, match="make pipeline"):
        load_model(files | {FILE: spoil(files[FILE])})
    with pytest.raises(LearningError):
        load_model({})


TORN = {
    "lost": lambda data: None,
    "cut": lambda data: data[: data.index(b"end of trees")],
    "a column that is not there": lambda data: data.replace(b"split_feature=", b"split_feature=99 "),
}


@pytest.mark.parametrize("spoil", TORN.values(), ids=TORN)
def test_trees_that_are_lost_or_torn_are_refused(spoil):
    files = fit("joint_boosted", TABLE).to_files()
    left = {name: data for name, data in (files | {"trees-0.txt": spoil(files["trees-0.txt"])}).items() if data is not None}
    with pytest.raises(LearningError, match="make pipeline"):
        load_model(left)


def test_one_row_takes_no_milliseconds(model):
    """Tens of microseconds of a processor; the limit is far from it, for a slow one."""
    row = inputs(TABLE, model.features)[-1:]
    times = []
    for _ in range(300):
        started = time.thread_time()
        model.predict(row)
        times.append(time.thread_time() - started)
    assert min(times) < 0.005
