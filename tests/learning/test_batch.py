"""The two tables that are served: which matches, which are to come, and what was no forecast."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from core.football.outcomes import Probabilities, score_grid
from core.learning.batch import importance, is_future, match_features, predictions
from core.learning.features import build_features, expected_total, hardly_known
from core.learning.recipe import FEATURES, SERVED
from core.learning.training import fit
from core.tables import LABELS, MATCH_FEATURES_LEAD, PREDICTIONS
from tests.learning.league import frame, league, match

NOW = datetime(2024, 1, 5, 12, tzinfo=UTC)


def at(hour, day="2024-01-05"):
    return pd.Timestamp(f"{day}T{hour:02}:00", tz="UTC")


FIXTURES = {
    "begun": match("2024-01-05", "Ajax", "Breda", kickoff_utc=at(11)),
    "tonight": match("2024-01-05", "Cambuur", "Emmen", kickoff_utc=at(20)),
    "some time today": match("2024-01-05", "Dordrecht", "Groningen"),
    "next week": match("2024-01-12", "Ajax", "Cambuur"),
    "never played": match("2023-12-01", "Emmen", "Ajax"),
    "called off": match("2024-02-01", "Emmen", "Breda", status="cancelled"),
    "awarded": match("2023-12-02", "Breda", "Emmen", (3, 0), status="awarded", label_ok=False),
}


@pytest.fixture(scope="module")
def played():
    matches = pd.concat([league(6, first_year=2018), frame(*FIXTURES.values())], ignore_index=True)
    return matches, build_features(matches)


@pytest.fixture(scope="module")
def table(played):
    return match_features(*played, NOW, window_days=100)


def test_to_come_is_what_is_scheduled_and_has_not_begun():
    fixtures = frame(*FIXTURES.values())
    found = dict(zip(FIXTURES, is_future(fixtures, NOW), strict=True))
    assert [name for name, to_come in found.items() if to_come] == ["tonight", "some time today", "next week"]


def test_the_window_holds_the_last_days_and_all_to_come(played, table):
    begin = pd.Timestamp("2023-09-27")
    assert set(table.index) == set(played[0].loc[played[0]["date"] >= begin, "match_id"])
    assert table.index.is_unique and table["match_date"].min() >= begin


def test_the_features_file_has_its_columns_labels_and_every_feature(played, table):
    assert list(table.columns) == [*MATCH_FEATURES_LEAD.columns, *FEATURES]
    assert table.index.name == "match_id"
    features = played[1].set_index("match_id").loc[table.index]
    assert np.array_equal(table[list(FEATURES)].to_numpy(), features[list(FEATURES)].to_numpy(), equal_nan=True)
    assert table.loc[table["is_future"], list(LABELS)].isna().all(axis=None)
    over = table[table["outcome_1x2"].notna()]
    assert ((over["homeScore"] > over["awayScore"]) == (over["outcome_1x2"] == 0)).all()


def test_predictions_have_their_columns_and_follow_from_the_chances(played, table):
    for version, recipe in enumerate(SERVED, start=1):
        model = fit(recipe, played[1][played[1]["date"] < "2023-12-01"])
        said = predictions(table, model, version, f"run{version}")
        pd.testing.assert_frame_equal(said, PREDICTIONS.check(said))
        chances = said[["proba_home", "proba_draw", "proba_away"]].to_numpy()
        assert np.abs(chances.sum(axis=1) - 1).max() < 1e-9
        assert (said["predicted_class"] == chances.argmax(axis=1)).all()
        labels = {0: "home_win", 1: "draw", 2: "away_win"}
        assert (said["predicted_label"] == said["predicted_class"].map(labels)).all()
        assert set(said["model_version"]) == {version} and said["model_stage"].isna().all()


def test_what_a_model_was_fitted_on_is_marked_as_no_forecast(played, table):
    model = fit("joint_boosted", played[1][played[1]["date"] < "2023-12-01"])
    said = predictions(table, model, 1, "run")
    learnt = table["outcome_1x2"].notna() & (table["match_date"] < "2023-12-01")
    assert (said["in_sample"] == learnt).all() and learnt.any() and not learnt.all()


def test_the_likeliest_score_is_that_of_the_grid_behind_the_three_numbers(played, table):
    row = predictions(table, fit("joint_boosted", played[1]), 1, "run").iloc[0]
    total = np.exp(table["joint_home"].iloc[0]) + np.exp(table["joint_away"].iloc[0])
    assert row["expected_total"] == pytest.approx(total) == pytest.approx(expected_total(table)[0])
    grid = score_grid(Probabilities(row["proba_home"], row["proba_draw"], row["proba_away"]), total)
    assert (row["likeliest_home"], row["likeliest_away"]) == grid.likeliest
    assert (row["expected_home"], row["expected_away"]) == pytest.approx(grid.expected_goals, abs=1e-8)


def test_importance_shares_out_one_among_the_features(played, table):
    shares = importance(fit("six_ratings", played[1]), table)
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["joint_gap"] + shares["gas_gap"] > 0.5 and shares["ground"] == shares["national"] == 0
    assert set(importance(fit("joint_boosted", played[1]), table.head(0)).values()) == {0.0}


def test_a_forecast_of_which_little_is_known_is_marked(played):
    strangers = frame(match("2024-01-12", "Telstar", "Ajax"), match("2024-01-12", "Ajax", "Breda", sex=1, competition_code="ned.w.1"))
    matches = pd.concat([played[0], strangers], ignore_index=True)
    features = build_features(matches)
    table = match_features(matches, features, NOW, window_days=100)
    said = predictions(table, fit("joint_boosted", features), 1, "run")
    assert set(table.index[said["wide"]]) == set(strangers["match_id"]) == set(table.index[hardly_known(table)])
    assert said.loc[said["wide"], ["proba_home", "proba_draw", "proba_away"]].to_numpy().min() > 0.1
