"""Walking forward: each month by a model of the matches before it."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from core.errors import LearningError
from core.learning.features import build_features, labelled
from core.learning.recipe import RECIPES
from core.learning.training import fit, inputs
from core.learning.walk import base_rates, evaluated, walk
from core.tables import EVALUATION
from tests.learning.league import frame, league, match

LEAGUE = league(6, first_year=2018)
FEATURES = build_features(LEAGUE)
SINCE = date(2023, 8, 10)
CHANCES = ["proba_home", "proba_draw", "proba_away"]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_month_is_forecast_by_a_model_of_the_matches_before_its_first_day(recipe):
    table = FEATURES[FEATURES["date"] < "2023-11-01"]
    october = (table["date"] >= "2023-10-01").to_numpy()
    model = fit(recipe, table[~october & (table["date"] < "2023-10-01")])
    found = walk(table, recipe, date(2023, 10, 1))
    assert not model.parts[0].wide and np.isnan(found[~october]).all()
    # The weights fall with age from the first of the month here, and from the last match there: a factor that all share, but for the ridge.
    assert found[october] == pytest.approx(model.predict(inputs(table[october], model.features)), abs=0.002)


def test_rows_begin_with_the_day_and_end_before_the_last():
    rows = evaluated(FEATURES, ("six_ratings", "elo"), SINCE, date(2023, 10, 12))
    days = labelled(FEATURES)["date"]
    assert rows["match_id"].nunique() == len(rows) / 2 == ((days >= "2023-08-10") & (days < "2023-10-12")).sum()
    assert list(rows.columns) == list(EVALUATION.columns) and set(rows["recipe"]) == {"six_ratings", "elo"}


def test_progress_is_told_month_by_month():
    told = []
    walk(FEATURES, "six_ratings", SINCE, progress=lambda share, words: told.append((round(share, 3), words)))
    assert told[-1] == (1.0, "men's clubs: December 2023") and [share for share, _ in told] == sorted(share for share, _ in told)
    assert len(told) == 5


def test_matches_without_a_trusted_result_are_left_out():
    doubtful = build_features(
        pd.concat([LEAGUE, frame(match("2024-07-01", "Ajax", "Breda", (2, 0), label_ok=False), match("2024-07-02", "Ajax", "Breda"))])
    )
    assert evaluated(doubtful, ("joint_boosted",), date(2024, 7, 1)).empty


def test_before_there_is_enough_to_learn_from_the_forecast_is_wide():
    said = walk(FEATURES, "joint_boosted", date(2018, 8, 1), date(2018, 9, 1))
    there = said[~np.isnan(said[:, 0])]
    assert len(np.unique(there, axis=0)) == 1 and there.min() > 0.2


def test_an_unknown_recipe_is_refused():
    with pytest.raises(LearningError, match="Choose one of joint_boosted, six_ratings, form5, elo"):
        walk(FEATURES, "oracle", SINCE)


def test_base_rates_are_those_of_the_competition_before_the_month():
    other = build_features(pd.concat([league(), league(seed=8, competition_code="bel.1")], ignore_index=True))
    rows = base_rates(other, SINCE)
    september = rows[(rows["competition_code"] == "bel.1") & (rows["date"] >= "2023-09-01") & (rows["date"] < "2023-10-01")]
    before = other[(other["competition_code"] == "bel.1") & (other["date"] < "2023-09-01")]
    shares = (np.bincount(before["outcome"].astype(int), minlength=3) + 1) / (len(before) + 3)
    assert september[CHANCES].to_numpy() == pytest.approx(np.tile(0.997 * shares + 0.001, (len(september), 1)))


def test_base_rates_of_a_new_competition_are_those_of_its_kind_of_football():
    women = league(first_year=2022, seed=8, sex=1, competition_code="ned.w.1", spread=3.0)
    cup = frame(match("2023-09-13", "Ajax", "Breda", (1, 0), competition_code="ned.cup"))
    table = build_features(pd.concat([league(), women, cup], ignore_index=True))
    rows = base_rates(table, SINCE)
    before = table[(table["date"] < "2023-09-01") & (table["sex"] == 0)]
    shares = (np.bincount(before["outcome"].astype(int), minlength=3) + 1) / (len(before) + 3)
    assert rows.loc[rows["competition_code"] == "ned.cup", CHANCES].to_numpy()[0] == pytest.approx(0.997 * shares + 0.001)
