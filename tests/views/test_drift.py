import math

import pandas as pd
import pytest

from core.views.drift import bin_labels, drift_view, plain_name, whose
from tests.views.reports import drift_report

WORDS = {"elo": "Rating gap", "diff_goals_for_w5": "Goals, last five"}


def test_the_sentence_on_top_is_the_reports_own_with_the_numbers_it_rests_on():
    verdict = drift_view(drift_report(), WORDS).verdict
    assert verdict.good
    assert verdict.sentence == "Goals scored in the last five moved, and it has not hurt: the score stays inside its band."
    assert verdict.detail == (
        "1 of 3 features drifts at a false discovery rate of 5%. Estimated log loss of 40 matches without a result yet: 0.980. "
        "Realised 0.985 on 140 finished matches (95% interval 0.950 to 1.020)."
    )
    assert not drift_view(drift_report(hurts=True), WORDS).verdict.good


def test_drifting_features_come_first_then_by_q():
    view = drift_view(drift_report(), WORDS)
    assert [row.words for row in view.features] == ["Goals, last five", "Sex", "Rating gap"]
    assert [row.drifts for row in view.features] == [True, False, False]


def test_a_row_shows_test_statistic_threshold_p_q_effect_and_importance():
    goals, sex, _ = drift_view(drift_report(), WORDS).features
    assert (goals.test, goals.statistic, goals.threshold, goals.p, goals.q) == ("KS", "0.31", "0.20", ".001", ".014")
    assert (goals.effect, goals.importance) == ("0.52", "6.0%")
    assert (sex.test, sex.statistic, sex.p) == ("χ²", "4.1", "<.001")
    assert goals.folded == "KS 0.31, limit 0.20, p .001, effect 0.52"


def test_weeks_without_results_are_marked_and_keep_the_last_band():
    weeks = drift_view(drift_report(), WORDS).weeks
    assert list(weeks.data["estimated"]) == [False, False, True, True]
    assert not weeks.data[["low", "high"]].isna().any().any()
    assert weeks.words == "Log loss by week between 0.98 and 1.07; 1 of 2 weeks outside the band."
    assert list(weeks.table[""]) == ["realised", "realised", "estimated", "estimated"]


def test_every_feature_and_every_prediction_has_its_distribution():
    view = drift_view(drift_report(), WORDS)
    assert set(view.distributions) == {"elo", "sex", "diff_goals_for_w5", "home"}
    chart = view.distributions["diff_goals_for_w5"]
    assert list(chart.data["bin"]) == ["−1.5", "−0.5", "0.5", "1.5"]
    assert chart.words == ("Goals, last five: the largest change is at −1 to 0, 20% now against 40% before. Missing in 1.3% of the window.")
    assert list(view.distributions["sex"].data["bin"]) == ["men", "women"]
    assert view.named["home"] == "Chance of a home win"


def test_predictions_may_come_by_outcome_too():
    (found,) = drift_report()["predictions"]
    by_outcome = {"home": {key: value for key, value in found.items() if key != "feature"}}
    view = drift_view(drift_report(predictions=by_outcome), WORDS)
    assert [row.words for row in view.predictions] == ["Chance of a home win"]
    assert "Importance" not in view.predictions_table


def test_before_the_first_report_there_is_no_view():
    assert drift_view(None, WORDS) is None
    assert drift_view({"features": []}, WORDS) is None


def test_a_report_without_weeks_or_results_still_has_its_sentence():
    view = drift_view(drift_report(performance=[], estimated=[], realised={}), WORDS)
    assert view.weeks.words == "No week with results yet."
    assert isinstance(view.weeks.data, pd.DataFrame) and view.weeks.data.empty
    assert view.verdict.detail == "1 of 3 features drifts at a false discovery rate of 5%."


def test_labels_of_bins_have_as_many_decimals_as_tell_them_apart():
    assert bin_labels([0, 10, 20], 2) == ["5", "15"]
    assert bin_labels([0, 0.04, 0.08], 2) == ["0.02", "0.06"]
    assert bin_labels(["men", "women"], 2) == ["men", "women"]


def test_numbers_that_are_not_there_are_a_dash():
    found = drift_report()["features"][0] | {"p": None, "q": math.nan}
    (row,) = drift_view(drift_report(features=[found]), WORDS).features
    assert (row.p, row.q) == ("–", "–")
    assert plain_name("rest_days_home") == "Rest days home"


@pytest.mark.parametrize(
    ("version", "champion", "former", "until", "words"),
    [
        (2, 2, 1, "19:48", "version 2, the champion"),
        (1, 2, 1, "19:48", "version 1, champion until 19:48; version 2 has no report yet"),
        (1, 2, 1, "", "version 1, not the champion now; version 2 has no report yet"),
        (1, 3, 2, "19:48", "version 1, not the champion now; version 3 has no report yet"),
        (None, 2, 1, "19:48", "the champion"),
    ],
)
def test_the_version_of_every_figure_is_named(version, champion, former, until, words):
    assert whose({"model_version": version}, champion, former, until) == words
