"""Features know only earlier days: the form by hand, and the future scrambled."""

import numpy as np
import pandas as pd
import pytest

from core.football.raw import SHOTS
from core.learning.features import build_features, expected_total, hardly_known, labelled
from core.learning.kinds import of_file, of_table
from core.learning.recipe import FEATURES, RECIPES, WINDOW
from core.learning.training import fit, inputs
from core.learning.walk import base_rates, evaluated
from core.tables import FEATURES_LEAD
from tests.learning.league import counted, frame, league, match

SMALL = frame(
    match("2024-08-01", "Ajax", "Breda", (2, 0)),
    match("2024-08-08", "Breda", "Cambuur", (1, 1)),
    match("2024-08-15", "Cambuur", "Ajax", (3, 1)),
    match("2024-08-22", "Ajax", "Breda"),
)


def of(features, day):
    return features[features["date"] == pd.Timestamp(day)].iloc[0]


def test_the_table_is_the_lead_and_one_float_column_a_feature():
    features = build_features(SMALL)
    assert list(features.columns) == [*FEATURES_LEAD, *FEATURES]
    assert {str(features[name].dtype) for name in FEATURES} == {"float64"}
    assert features["outcome"].tolist()[:3] == [0, 1, 0] and np.isnan(features["outcome"].iloc[3])


def test_form_is_the_mean_of_the_last_matches_home_minus_away():
    # Before 22 August: Ajax won 2-0 and lost 1-3, Breda lost 0-2 and drew 1-1.
    row = of(build_features(SMALL), "2024-08-22")
    expected = {"goals_for": 1.5 - 0.5, "goals_against": 1.5 - 1.5, "goal_difference": 0 - -1, "points": 1.5 - 0.5}
    expected |= {"wins": 0.5 - 0, "draws": 0 - 0.5, "losses": 0.5 - 0.5}
    assert {metric: row[f"diff_{metric}_w5"] for metric in expected} == expected


def test_form_reaches_back_five_matches_and_no_further():
    rows = [match(f"2024-08-{day:02}", "Ajax", "Breda", (9 if day == 1 else 1, 0)) for day in range(1, 8)]
    features = build_features(frame(*rows))
    assert of(features, "2024-08-06")["diff_goals_for_w5"] == (9 + 4) / 5
    assert of(features, "2024-08-07")["diff_goals_for_w5"] == 1


def test_only_form_can_be_missing_and_only_before_a_first_match():
    features = build_features(SMALL)
    form = [name for name in FEATURES if name.startswith("diff_")]
    assert features.loc[features["date"] <= "2024-08-08", list(WINDOW)].isna().all(axis=None)
    assert np.isfinite(features[[name for name in FEATURES if name not in form]]).all(axis=None)
    assert hardly_known(features).tolist() == [True, True, False, False]


def test_the_first_day_of_a_league_is_marked_even_where_both_sides_are_known():
    cups = [match(f"2024-09-{day}", "Ajax", "Breda", (1, 0), competition_code="ned.cup") for day in (11, 12)]
    features = build_features(pd.concat([league(1), frame(*cups)], ignore_index=True))
    assert hardly_known(features[features["competition_code"] == "ned.cup"]).tolist() == [True, False]


def test_awarded_matches_are_not_learnt_from():
    awarded = frame(match("2024-08-01", "Ajax", "Breda", (3, 0), status="awarded", label_ok=False), match("2024-08-22", "Ajax", "Breda"))
    features = build_features(awarded)
    assert of(features, "2024-08-22")["elo"] == 0 and np.isnan(of(features, "2024-08-22")["diff_wins_w5"])
    assert labelled(features).empty and features["outcome"].isna().all()


def test_a_score_that_may_hold_extra_time_moves_ratings_but_is_no_label():
    doubtful = frame(match("2024-08-01", "Ajax", "Breda", (3, 0), label_ok=False), match("2024-08-22", "Ajax", "Breda"))
    features = build_features(doubtful)
    assert of(features, "2024-08-22")["elo"] > 0
    assert labelled(features).empty


def test_men_and_women_of_one_name_share_nothing():
    men = match("2024-08-01", "Ajax", "Breda", (5, 0))
    # Even an id without its ending must not join them.
    women = match("2024-08-09", "Ajax", "Breda", sex=1) | {name: men[name] for name in ("home_team_id", "away_team_id")}
    row = of(build_features(frame(men, women)), "2024-08-09")
    assert row["elo"] == row["pi"] == 0 and np.isnan(row["diff_wins_w5"])


def test_nations_are_told_from_clubs_and_their_tournaments_weighed():
    def gap(code):
        rows = [match("2024-06-01", "Germany", "France", (1, 0), country="nations", competition_code=code, neutral=True)]
        rows += [match("2024-06-09", "Germany", "France", country="nations", competition_code=code, neutral=True)]
        row = of(build_features(frame(*rows)), "2024-06-09")
        assert row["national"] == 1 and row["ground"] == 0
        return row["elo"]

    weights = [gap(code) for code in ("friendly", "baltic-cup", "fifa-world-cup-qualification", "uefa-euro", "fifa-world-cup")]
    assert weights == sorted(weights) and len(set(weights)) == 5
    assert gap("friendly") == pytest.approx(2 * 40 * 0.5**0.7 * 0.5)


def test_for_nations_nothing_of_a_league_is_at_stake():
    features = build_features(league(country="nations", competition_code="friendly"))
    assert (features[[name for name in FEATURES if name.startswith(("stake_", "shots_"))]] == 0).all(axis=None)
    assert (features["season_left"] == 1).all()


def test_more_goals_are_expected_where_more_fell():
    many = league(seed=3).assign(home_score=lambda table: table["home_score"] + 2)
    few, more = (expected_total(build_features(table))[-20:].mean() for table in (league(seed=3), many))
    assert more > few + 1


def test_what_lies_before_1980_is_left_out():
    both = frame(match("1979-12-31", "Ajax", "Breda", (1, 0)), match("1980-01-05", "Ajax", "Breda", (1, 0)))
    assert build_features(both)["date"].tolist() == [pd.Timestamp("1980-01-05")]


def test_the_order_of_the_rows_does_not_matter():
    matches = league(seasons=1)
    shuffled = matches.sample(frac=1, random_state=5).reset_index(drop=True)
    pd.testing.assert_frame_equal(build_features(matches), build_features(shuffled))


def test_shots_tell_of_later_matches_and_those_of_the_backtests_file_are_the_same():
    matches = counted(league())
    features = build_features(matches)
    first = features["date"] == features["date"].min()
    said = features[["shots_to_home", "shots_to_away"]]
    assert (said[first] == 0).all(axis=None) and (said[~first] != 0).any(axis=None)
    named = matches.assign(competition=matches["competition_code"], home_team=matches["home_team_id"], away_team=matches["away_team_id"])
    by_day = ["date", "home", "away"]
    one, other = (found.sort_values(by_day)[["home_worth", "away_worth"]].to_numpy() for found in (of_table(matches), of_file(named)))
    assert one.tobytes() == other.tobytes() and np.isnan(one).any()


def test_shots_of_a_match_that_was_not_played_out_are_not_learnt_from():
    matches = counted(league())
    awarded = matches.assign(status=matches["status"].where(matches.index != 20, "awarded"))
    without = awarded.assign(**{name: awarded[name].where(awarded.index != 20) for name in SHOTS})
    pd.testing.assert_frame_equal(build_features(awarded), build_features(without))


def scrambled(matches, day, seed):
    """The same matches with other scores from `day` on; some not played, some awarded."""
    random = np.random.default_rng(seed)
    later = (matches["date"] >= day).to_numpy()
    scores = random.integers(0, 9, (len(matches), 2)).astype(float)
    dice = random.random(len(matches))
    scores[dice < 0.1] = np.nan
    status = np.where(dice < 0.1, "scheduled", np.where(dice < 0.2, "awarded", "finished"))
    changed = matches.copy()
    changed.loc[later, ["home_score", "away_score"]] = scores[later]
    changed.loc[later, list(SHOTS)] = random.integers(0, 30, (later.sum(), 4)).astype(float)
    changed.loc[later, "status"] = status[later]
    changed.loc[later, "label_ok"] = (status == "finished")[later]
    return changed


@pytest.fixture(scope="module")
def both_sexes():
    nations = league(seasons=6, first_year=2018, seed=4, country="nations", competition_code="fifa-world-cup")
    nations["neutral"] = np.arange(len(nations)) % 2 == 0
    women = league(seasons=6, first_year=2018, seed=2, sex=1, competition_code="ned.w.1")
    return pd.concat([counted(league(6, first_year=2018)), women, nations], ignore_index=True)


@pytest.mark.parametrize("place", [0.5, 0.75, 0.9])
def test_a_scrambled_future_moves_no_feature_of_an_earlier_day(both_sexes, place):
    day = both_sexes["date"].sort_values().iloc[int(place * len(both_sexes))]
    before, after = build_features(both_sexes), build_features(scrambled(both_sexes, day, seed=int(100 * place)))
    known = (before["date"] <= day).to_numpy()
    for name in FEATURES:
        assert before[name].to_numpy()[known].tobytes() == after[name].to_numpy()[known].tobytes(), name
    told = {"ground", "weight", "national", "new_league"}  # what a match is, whatever was played before
    reached = {name for name in FEATURES if (before.loc[~known, name] != after.loc[~known, name]).any()}
    assert set(FEATURES) - reached <= told


@pytest.mark.parametrize("recipe", [*RECIPES, "base rate"])
def test_a_scrambled_future_moves_no_forecast_of_an_earlier_day(both_sexes, recipe):
    day = pd.Timestamp("2023-10-12")
    since = day.date().replace(month=7, day=1)
    said = []
    for matches in (both_sexes, scrambled(both_sexes, day, seed=7)):
        features = build_features(matches)
        rows = base_rates(features, since) if recipe == "base rate" else evaluated(features, (recipe,), since)
        rows = rows[rows["date"] < day].sort_values("match_id")
        said.append(rows[["proba_home", "proba_draw", "proba_away"]].to_numpy().tobytes())
        assert len(rows) > 20
        if recipe in RECIPES:  # and of the day itself, whose scores were scrambled
            model = fit(recipe, features[features["date"] < day.replace(day=1)])
            assert recipe == "form5" or [part.wide for part in model.parts] == [False, False, False, True]
            that_day = features[(features["date"] == day)].sort_values("match_id")
            assert len(that_day)
            said[-1] += model.predict(inputs(that_day, model.features)).tobytes()
    assert said[0] == said[1]
