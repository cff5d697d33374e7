"""Walking forward: each month by a model of the matches before it."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from core.errors import LearningError
from core.learning.backtest import base_rates, walk_forward
from core.learning.features import build_features, labelled
from core.learning.training import RECIPES, fit, inputs
from core.tables import EVALUATION
from tests.learning.league import frame, league, match

FEATURES = build_features(league())
SINCE = date(2023, 8, 10)
CHANCES = ["proba_home", "proba_draw", "proba_away"]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_month_is_forecast_by_a_model_of_the_matches_before_its_first_day(recipe):
    rows = walk_forward(FEATURES, recipe, SINCE)
    october = FEATURES[(FEATURES["date"] >= "2023-10-01") & (FEATURES["date"] < "2023-11-01")].set_index("match_id")
    model = fit(recipe, FEATURES[FEATURES["date"] < "2023-10-01"])
    found = rows.set_index("match_id").loc[october.index, CHANCES].to_numpy()
    assert np.array_equal(found, model.predict(inputs(october, model.features)))


def test_rows_begin_with_the_day_and_end_before_the_last():
    rows = walk_forward(FEATURES, "champion", SINCE, date(2023, 10, 12))
    days = labelled(FEATURES)["date"]
    assert rows["match_id"].nunique() == len(rows) == ((days >= "2023-08-10") & (days < "2023-10-12")).sum()
    assert list(rows.columns) == list(EVALUATION.columns) and set(rows["recipe"]) == {"champion"}


def test_progress_is_told_month_by_month():
    told = []
    walk_forward(FEATURES, "challenger", SINCE, progress=lambda done, of: told.append((done, of)))
    assert told == [(done, len(told)) for done in range(1, len(told) + 1)]


def test_matches_without_a_trusted_result_are_left_out():
    doubtful = build_features(
        pd.concat([league(), frame(match("2024-07-01", "Ajax", "Breda", (2, 0), label_ok=False), match("2024-07-02", "Ajax", "Breda"))])
    )
    assert walk_forward(doubtful, "champion", date(2024, 7, 1)).empty


def test_too_little_to_begin_with_is_refused():
    with pytest.raises(LearningError, match="Load more matches"):
        walk_forward(FEATURES, "champion", date(2021, 8, 1))


def test_base_rates_are_those_of_the_competition_before_the_month():
    other = build_features(pd.concat([league(), league(seed=8, competition_code="bel.1")], ignore_index=True))
    rows = base_rates(other, SINCE)
    september = rows[(rows["competition_code"] == "bel.1") & (rows["date"] >= "2023-09-01") & (rows["date"] < "2023-10-01")]
    before = other[(other["competition_code"] == "bel.1") & (other["date"] < "2023-09-01")]
    shares = (np.bincount(before["outcome"].astype(int), minlength=3) + 1) / (len(before) + 3)
    assert september[CHANCES].to_numpy() == pytest.approx(np.tile(0.997 * shares + 0.001, (len(september), 1)))
