"""Recipes: what they find in a league whose strengths are known, and what they say when they know little."""

import numpy as np
import pandas as pd
import pytest

from core.errors import LearningError
from core.football.scoring import log_loss
from core.football.words import FEATURE_WORDS
from core.learning.backtest import base_rates, walk_forward
from core.learning.features import build_features
from core.learning.training import FEWEST, RECIPES, fit, inputs
from tests.learning.league import frame, league, match

LEAGUE = league(seasons=5, first_year=2019, spread=0.9)
FEATURES = build_features(LEAGUE)


def said(recipe, *fixtures, features_of=LEAGUE):
    features = build_features(pd.concat([features_of, frame(*fixtures)], ignore_index=True))
    model = fit(recipe, features)
    return model.predict(inputs(features[features["outcome"].isna()], model.features))


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_beats_the_base_rates_where_strengths_differ(recipe):
    since = pd.Timestamp("2022-07-01").date()
    found = {}
    for name, rows in (("recipe", walk_forward(FEATURES, recipe, since)), ("base", base_rates(FEATURES, since))):
        found[name] = log_loss(rows[["proba_home", "proba_draw", "proba_away"]].to_numpy(), rows["outcome"].to_numpy()).mean()
    assert found["recipe"] < found["base"] - 0.02


def test_the_strong_beat_the_weak_and_the_ground_counts():
    for recipe in RECIPES:
        strong, weak = said(recipe, match("2024-08-01", "Ajax", "Heerenveen"), match("2024-08-02", "Heerenveen", "Ajax"))
        assert strong[0] > weak[2] > weak[0] > 0 or recipe == "baseline"
        assert strong[0] > 0.5 > weak[0]


@pytest.mark.parametrize("recipe", RECIPES)
def test_of_unknown_teams_a_wide_forecast_is_given(recipe):
    strangers, known = said(recipe, match("2024-08-01", "Telstar", "Volendam"), match("2024-08-02", "Telstar", "Ajax"))
    rates = np.bincount(FEATURES["outcome"].astype(int), minlength=3) / len(FEATURES)
    assert np.abs(strangers - rates).max() < 0.08
    assert known.max() < 0.85


@pytest.mark.parametrize("recipe", RECIPES)
def test_of_a_sex_never_seen_a_wide_forecast_is_given(recipe):
    (women,) = said(recipe, match("2024-08-01", "Telstar", "Volendam", sex=1, competition_code="ned.w.1"))
    assert women.min() > 0.2 and women.max() < 0.6


@pytest.mark.parametrize("recipe", ["champion", "challenger"])
def test_women_have_draws_and_a_ground_of_their_own(recipe):
    women = league(seasons=5, first_year=2019, seed=9, sex=1, competition_code="ned.w.1")
    decided = (women["home_score"] == women["away_score"]) & (np.arange(len(women)) % 4 != 0)
    women.loc[decided, "away_score"] += 1  # hardly a draw, and no gain at home
    men, ladies = said(
        recipe, match("2024-08-01", "Ajax", "Breda"), match("2024-08-02", "Ajax", "Breda", sex=1, competition_code="ned.w.1"),
        features_of=pd.concat([LEAGUE, women], ignore_index=True),
    )  # fmt: skip
    assert ladies[1] < men[1] - 0.08


def test_too_few_matches_are_refused_in_words():
    few = build_features(LEAGUE.head(FEWEST - 1))
    with pytest.raises(LearningError, match="30 played matches"):
        fit("champion", few)
    with pytest.raises(LearningError, match="holds no draw"):
        fit("champion", FEATURES[FEATURES["outcome"] != 1])
    with pytest.raises(LearningError, match="Choose one of champion, challenger, baseline"):
        fit("oracle", FEATURES)


def test_a_model_knows_what_it_was_fitted_on():
    part = FEATURES[FEATURES["date"] < "2023-01-01"]
    origin = fit("champion", part).origin
    assert (origin.recipe, origin.matches) == ("champion", len(part))
    assert origin.since == f"{part['date'].min():%Y-%m-%d}"
    assert origin.until == f"{part['date'].max() + pd.Timedelta(days=1):%Y-%m-%d}"


def test_the_same_table_gives_the_same_model_to_the_last_bit():
    for recipe in RECIPES:
        assert fit(recipe, FEATURES).to_files() == fit(recipe, FEATURES).to_files()


def test_the_baseline_is_the_form_of_five_matches_and_the_sex():
    names = [feature.name for feature in fit("baseline", FEATURES).features]
    assert names[-1] == "sex" and all(name.startswith("diff_") and name.endswith("_w5") for name in names[:-1])


def test_every_feature_of_every_recipe_has_its_words():
    assert {feature.name for recipe in RECIPES.values() for feature in recipe.features} <= set(FEATURE_WORDS)
