"""Drift: found where something moved, not where nothing did, and told in one sentence."""

import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from core.football.words import group_of
from core.learning.drift import CALENDAR, WINDOW_MATCHES, drift_report
from core.learning.features import build_features
from core.learning.recipe import FEATURES
from core.learning.walk import evaluated
from core.tables import EVALUATION, PREDICTIONS
from tests.learning.league import frame, league, match

AS_OF = datetime(2023, 12, 18, 12, tzinfo=UTC)
VERSION = 4
WINDOW = pd.Timestamp("2023-11-20")  # 28 days before
CHANCES = ["proba_home", "proba_draw", "proba_away"]


def matches():
    """A league with matches almost every day: 28 days hold enough to see a change."""
    parts = [
        league(seed=seed, competition_code=f"ned.{seed}", teams=tuple(f"{name} {seed}" for name in "ABCDEFGH")) for seed in range(1, 7)
    ]
    fixtures = [match(day, "A 1", "B 1", competition_code="ned.1", season="2024-25") for day in ("2024-01-02", "2024-01-09", "2024-01-10")]
    return pd.concat([*parts, frame(*fixtures)], ignore_index=True)


@pytest.fixture(scope="module")
def features():
    return build_features(matches())


@pytest.fixture(scope="module")
def evaluation(features):
    return evaluated(features, ("joint_boosted",), datetime(2022, 7, 1, tzinfo=UTC).date()).assign(model_version=VERSION)


def upcoming(features, chances=(0.5, 0.3, 0.2), **columns):
    ids = features.loc[features["outcome"].isna(), "match_id"]
    said = {**dict(zip(CHANCES, chances, strict=True)), "predicted_class": 0, "predicted_label": "home_win", "model_version": VERSION}
    return PREDICTIONS.check(pd.DataFrame(said | {"in_sample": False} | columns, index=pd.Index(ids, name="match_id")))


def report(features, evaluation, **changes):
    return drift_report(features, evaluation, upcoming(features), AS_OF, **{"model_version": VERSION, **changes})


def of(found, name):
    return next(item for item in found if item["feature"] == name)


def test_nothing_moved_and_nothing_hurts_in_a_league_that_stays_as_it_is(features, evaluation):
    found = report(features, evaluation, importance={"elo": 0.7, "elo_fast": 0.3}, model_version=4)
    assert found["drift_score"] == 0 and not found["hurts"]
    assert found["sentence"].startswith("Nothing that the models see has moved, and it does not hurt")
    timely = {name for name in FEATURES if group_of(name) in CALENDAR}
    assert {item["feature"] for item in found["features"]} == {*FEATURES, "sex"} - timely and "season_left" in timely
    assert of(found["features"], "elo")["importance"] == 0.7 and of(found["features"], "sex")["importance"] == 0.0
    assert (found["model_version"], found["as_of"]) == (4, "2023-12-18T12:00:00Z")


def test_a_feature_that_moved_is_found_and_named(features, evaluation):
    moved = features.copy()
    moved.loc[moved["date"] > WINDOW, "elo"] += 150
    found = report(moved, evaluation)
    elo = of(found["features"], "elo")
    assert elo["drifts"] and elo["q"] < 0.05 and elo["effect"] > 1 and elo["statistic"] > elo["threshold"]
    assert [item["feature"] for item in found["features"] if item["drifts"]] == ["elo"]
    assert found["drift_score"] == pytest.approx(1 / len(found["features"]))
    assert found["sentence"].startswith("Strength over the years (Elo) has moved, and it does not hurt")


def test_the_statistic_is_the_largest_gap_and_the_effect_the_gap_of_the_means(features, evaluation):
    elo = of(report(features, evaluation)["features"], "elo")
    now = features.loc[(features["date"] > WINDOW) & features["outcome"].notna(), "elo"]
    begin = features.loc[now.index, "date"].min()
    past = features.loc[(features["date"] < begin) & (features["date"] >= begin - pd.Timedelta(days=365)), "elo"]
    tested = stats.ks_2samp(past, now, method="asymp")
    assert (elo["statistic"], elo["p"]) == (pytest.approx(tested.statistic), pytest.approx(tested.pvalue))
    assert elo["effect"] == pytest.approx((now.mean() - past.mean()) / np.sqrt((now.var(ddof=0) + past.var(ddof=0)) / 2))
    assert sum(elo["window_share"]) == pytest.approx(1) and len(elo["bins"]) == len(elo["window_share"]) + 1


def test_a_kind_that_moved_is_found_by_its_counts(features, evaluation):
    moved = features.copy()
    moved.loc[moved["date"] > WINDOW, "sex"] = np.arange((moved["date"] > WINDOW).sum()) % 2
    sex = of(report(moved, evaluation)["features"], "sex")
    assert (sex["test"], sex["bins"], sex["reference_share"]) == ("chi2", ["men", "women"], [1.0, 0.0])
    assert sex["drifts"] and sex["statistic"] > sex["threshold"]


def test_missing_values_are_counted_and_left_out(features, evaluation):
    holes = features.copy()
    holes.loc[holes["date"] > WINDOW, "pi"] = np.nan
    form = holes.index[(holes["date"] > WINDOW) & holes["outcome"].notna()]
    holes.loc[form[: len(form) // 2], "diff_points_w5"] = np.nan
    found = report(holes, evaluation)["features"]
    assert (of(found, "pi")["missing"], of(found, "pi")["statistic"], of(found, "pi")["drifts"]) == (1.0, None, False)
    assert of(found, "diff_points_w5")["missing"] == pytest.approx(0.5, abs=0.05)
    json.dumps(found, allow_nan=False)


def test_forecasts_that_went_wrong_hurt(features, evaluation):
    wrong = evaluation.copy()
    recent = wrong["date"] > WINDOW
    wrong.loc[recent, CHANCES] = np.where(np.eye(3)[wrong.loc[recent, "outcome"]] == 1, 0.1, 0.45)
    found = report(features, wrong)
    assert found["hurts"] and found["realised"]["log_loss"] == pytest.approx(-np.log(0.1))
    assert "it hurts: the log loss is 2.303" in found["sentence"]
    last = found["performance"][-1]
    assert last["log_loss"] > last["high"]


def test_forecasts_that_are_right_stay_in_their_bands_19_times_in_20():
    random = np.random.default_rng(2)
    n = 4000
    true = random.dirichlet([4, 3, 3], n)
    outcomes = (random.random((n, 1)) > np.cumsum(true, axis=1)[:, :2]).sum(axis=1)
    dates = pd.Timestamp("2023-03-06") + pd.to_timedelta(np.arange(n) // 14, "D")
    facts = {"match_id": np.arange(1, n + 1), "date": dates, "season": "x", "competition_code": "x", "sex": 0, "outcome": outcomes}
    features = pd.DataFrame(facts | {"neutral": False, "label_ok": True, "elo": random.normal(size=n)})
    evaluation = EVALUATION.check(
        pd.DataFrame(facts | {"recipe": "joint_boosted", "model_version": VERSION} | dict(zip(CHANCES, true.T, strict=True)))
    )
    found = drift_report(features, evaluation, PREDICTIONS.empty(), AS_OF, model_version=VERSION)
    outside = [not week["low"] <= week["log_loss"] <= week["high"] for week in found["performance"]]
    assert len(outside) == 40 and sum(outside) <= 6
    assert not found["hurts"]


def test_weeks_without_results_get_the_log_loss_that_the_forecasts_expect(features, evaluation):
    found = report(features, evaluation)["estimated"]
    entropy = -(0.5 * np.log(0.5) + 0.3 * np.log(0.3) + 0.2 * np.log(0.2))
    assert found == [
        {"week": "2024-01-01", "n": 1, "log_loss": pytest.approx(entropy)},
        {"week": "2024-01-08", "n": 2, "log_loss": pytest.approx(entropy)},
    ]


def test_what_a_model_says_of_matches_it_was_fitted_on_is_no_forecast(features):
    played = features[features["outcome"].notna()]
    said = PREDICTIONS.check(
        pd.DataFrame(
            {"proba_home": 0.9, "proba_draw": 0.05, "proba_away": 0.05, "predicted_class": 0, "predicted_label": "home_win",
             "model_version": VERSION, "in_sample": True},
            index=pd.Index(played["match_id"], name="match_id"),
        )
    )  # fmt: skip
    found = drift_report(features, EVALUATION.empty(), said, AS_OF, model_version=VERSION)
    assert (found["realised"]["n"], found["performance"], found["predictions"]) == (0, [], [])
    out_of_sample = drift_report(features, EVALUATION.empty(), said.assign(in_sample=False), AS_OF, model_version=VERSION)
    assert out_of_sample["realised"]["n"] == out_of_sample["window"]["matches"]


def test_a_quiet_month_reaches_back_for_enough_matches(features, evaluation):
    quiet = features[(features["date"] < "2023-08-01") | features["outcome"].isna()]
    found = report(quiet, evaluation)
    assert found["window"]["matches"] == WINDOW_MATCHES and found["reference"]["matches"] > WINDOW_MATCHES


def test_the_day_of_the_report_bounds_what_it_knows(features, evaluation):
    earlier = datetime(2023, 9, 1, tzinfo=UTC)
    known = features.assign(outcome=features["outcome"].where(features["date"] < "2023-09-01"))
    found = drift_report(known, evaluation[evaluation["date"] < "2023-09-01"], upcoming(features), earlier, model_version=VERSION)
    assert found["window"]["to"] < "2023-09-01" and found["performance"][-1]["week"] < "2023-09-01"


@pytest.mark.parametrize("rows", [0, 3])
def test_of_too_little_there_is_a_report_that_says_so(features, evaluation, rows):
    found = drift_report(features[features["outcome"].notna()].head(rows), evaluation, PREDICTIONS.empty(), AS_OF, model_version=VERSION)
    assert found["drift_score"] is None or found["features"]
    assert "too few matches" in found["sentence"] or rows
    json.dumps(found, allow_nan=False)
