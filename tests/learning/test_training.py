"""Recipes: what they find in a league whose strengths are known, and what they say when they know little."""

import numpy as np
import pandas as pd
import pytest

from core.errors import LearningError
from core.football.outcomes import floored
from core.football.scoring import log_loss
from core.football.words import FEATURE_WORDS
from core.learning.features import build_features
from core.learning.fitting import logit, ordered
from core.learning.learners import ANYWHERE, NEWCOMERS
from core.learning.recipe import FEATURES, RECIPES, SERVED
from core.learning.training import FEWEST, fit, inputs
from core.learning.walk import base_rates, evaluated
from tests.learning.league import frame, league, match

LEAGUE = league(seasons=8, first_year=2016, spread=0.9)
TABLE = build_features(LEAGUE)


def said(recipe, *fixtures, features_of=LEAGUE):
    features = build_features(pd.concat([features_of, frame(*fixtures)], ignore_index=True))
    model = fit(recipe, features)
    return model.predict(inputs(features[features["outcome"].isna()], model.features))


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_beats_the_base_rates_where_strengths_differ(recipe):
    since = pd.Timestamp("2022-07-01").date()
    found = {}
    for name, rows in (("recipe", evaluated(TABLE, (recipe,), since)), ("base", base_rates(TABLE, since))):
        found[name] = log_loss(rows[["proba_home", "proba_draw", "proba_away"]].to_numpy(), rows["outcome"].to_numpy()).mean()
    assert found["recipe"] < found["base"] - 0.02


def test_the_strong_beat_the_weak_and_the_ground_counts():
    for recipe in SERVED:
        strong, weak = said(recipe, match("2024-08-01", "Ajax", "Heerenveen"), match("2024-08-02", "Heerenveen", "Ajax"))
        assert strong[0] > weak[2] > weak[0] > 0 or recipe == "form5"
        assert strong[0] > 0.5 > weak[0]


@pytest.mark.parametrize("recipe", RECIPES)
def test_of_unknown_teams_a_wide_forecast_is_given(recipe):
    strangers, known = said(recipe, match("2024-08-01", "Telstar", "Volendam"), match("2024-08-02", "Telstar", "Ajax"))
    assert strangers.min() > 0.12 and strangers.max() < 0.65
    assert known.max() < 0.85


@pytest.mark.parametrize("recipe", [name for name in RECIPES if name != "form5"])
def test_on_a_leagues_first_day_a_new_side_gets_what_football_is_like_anywhere(recipe):
    cup = {"competition_code": "ned.cup", "country": "Netherlands"}
    days = [match("2024-08-01", "Ajax", "Telstar", **cup), match("2024-08-02", "Ajax", "Telstar", neutral=True, **cup)]
    here, neutral, known = said(recipe, *days, match("2024-08-03", "Ajax", "Heerenveen", **cup))
    assert here == pytest.approx(floored(ANYWHERE[1])) and neutral == pytest.approx(floored(ANYWHERE[0]))
    assert known[0] > 0.55, "of sides that are known, their ratings tell as ever"


@pytest.mark.parametrize("recipe", RECIPES)
def test_of_a_sex_or_a_kind_never_seen_a_wide_forecast_is_given(recipe):
    unseen = [
        match("2024-08-01", "Telstar", "Volendam", sex=1, competition_code="ned.w.1"),
        match("2024-08-02", "Peru", "Ghana", sex=1, country="nations", competition_code="friendly", neutral=True),
    ]
    found = said(recipe, *unseen)
    assert found.min() > 0.2 and found.max() < 0.6
    assert recipe == "form5" or found[1, 0] == pytest.approx(found[1, 2]), "no side is at home"


@pytest.mark.parametrize("recipe", SERVED)
def test_women_have_draws_of_their_own(recipe):
    women = league(seasons=8, first_year=2016, seed=9, sex=1, competition_code="ned.w.1")
    decided = (women["home_score"] == women["away_score"]) & (np.arange(len(women)) % 4 != 0)
    women.loc[decided, "away_score"] += 1  # hardly a draw, and no gain at home
    men, ladies = said(
        recipe, match("2024-08-01", "Ajax", "Breda"), match("2024-08-02", "Ajax", "Breda", sex=1, competition_code="ned.w.1"),
        features_of=pd.concat([LEAGUE, women], ignore_index=True),
    )  # fmt: skip
    assert ladies[1] < men[1] - 0.08


def test_a_kind_with_too_few_matches_is_wide_and_the_model_says_so():
    for few in (TABLE.head(FEWEST - 1), TABLE[TABLE["outcome"] != 1]):
        model = fit("joint_boosted", few)
        assert all(part.wide for part in model.parts) and model.parts[0].matches == len(few)
        assert model.wide(inputs(few, model.features)).all()
    enough = fit("joint_boosted", TABLE.head(FEWEST))
    assert [part.wide for part in enough.parts] == [False, True, True, True]
    assert not enough.wide(inputs(TABLE, enough.features)).any()


def test_no_match_at_all_and_an_unknown_recipe_are_refused_in_words():
    with pytest.raises(LearningError, match="Load matches first"):
        fit("joint_boosted", TABLE.head(0))
    with pytest.raises(LearningError, match="Choose one of joint_boosted, six_ratings, form5"):
        fit("oracle", TABLE)


def test_a_model_knows_what_it_was_fitted_on():
    part = TABLE[TABLE["date"] < "2023-01-01"]
    origin = fit("joint_boosted", part).origin
    assert (origin.recipe, origin.matches) == ("joint_boosted", len(part))
    assert origin.since == f"{part['date'].min():%Y-%m-%d}"
    assert origin.until == f"{part['date'].max() + pd.Timedelta(days=1):%Y-%m-%d}"


def test_the_same_table_gives_the_same_model_to_the_last_bit():
    for recipe in RECIPES:
        assert fit(recipe, TABLE).to_files() == fit(recipe, TABLE).to_files()


def test_the_signatures_are_what_callers_were_told():
    names = {recipe: [feature.name for feature in fit(recipe, TABLE).features] for recipe in SERVED}
    assert names["form5"][-1] == "sex"
    assert all(name.startswith("diff_") and name.endswith("_w5") for name in names["form5"][:-1]) and len(names["form5"]) == 8
    assert names["six_ratings"] == ["joint_gap", "gas_gap", "elo", "elo_fast", "pi", "ground", *NEWCOMERS, "national", "sex"]
    assert {name for taken in names.values() for name in taken} - {"sex"} <= set(FEATURES)


def test_every_feature_has_its_words():
    assert {*FEATURES, "sex"} <= set(FEATURE_WORDS)


def test_one_neutral_match_among_a_thousand_decides_nothing():
    random = np.random.default_rng(5)
    rows = np.column_stack([random.normal(size=1000), np.ones(1000)])
    rows[7] = 0.3, 0.0
    outcomes = random.integers(0, 3, 1000)
    for outcome in (0, 2):
        outcomes[7] = outcome
        for fitted in (logit, ordered):
            asked = fitted(rows, outcomes, np.ones(1000)).predict(np.array([[0.3, 0.0], [0.3, 1.0]]))
            assert asked[0] == pytest.approx(asked[1], abs=1e-6)
