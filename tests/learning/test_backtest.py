"""The backtest of any table: nothing leaks, order does not matter, and what is hardly known is forecast widely."""

import copy
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.errors import LearningError
from core.football.scoring import rps
from core.learning.backtest import ASKED_FOR, ELO, FORECAST, forecast
from core.learning.kinds import by_kind, division, games, importance, of_file
from core.learning.match_file import checked
from core.learning.recipe import SERVED, numbers, ratings
from tests.learning.open_matches import clubs, nations, scrambled

DATA = Path(__file__).parent.parent / "data"
WORLD = pd.concat([clubs(3), nations()], ignore_index=True)
SINCE, DAY, END = date(2022, 9, 10), "2022-10-13", date(2022, 11, 1)


def chances(table, recipe="joint_boosted", since=SINCE, until=END):
    return forecast(checked(table), recipe, since, until)


@pytest.mark.parametrize("recipe", ASKED_FOR)
def test_scores_from_a_day_on_move_no_forecast_up_to_that_day_by_a_single_bit(recipe):
    as_it_was, otherwise = chances(WORLD, recipe), chances(scrambled(WORLD, DAY), recipe)
    early = as_it_was["date"] <= DAY
    assert set(as_it_was.loc[as_it_was["date"] == DAY, "kind"]) == {"men's clubs", "women's nations"}
    assert as_it_was.loc[early, [*FORECAST, *ELO]].equals(otherwise.loc[early, [*FORECAST, *ELO]])
    assert not as_it_was.loc[~early, FORECAST].equals(otherwise.loc[~early, FORECAST])


@pytest.mark.parametrize("recipe", ASKED_FOR)
def test_matches_after_a_day_may_be_missing_and_change_nothing_before(recipe):
    whole, cut = chances(WORLD, recipe), chances(WORLD[WORLD["date"] < "2022-10-14"], recipe)
    early = whole["date"] <= DAY
    assert np.array_equal(whole.loc[early, FORECAST], cut[FORECAST])


def test_who_plays_is_told_from_earlier_days_so_rows_added_later_move_no_forecast():
    def row(day, competition, home, away):
        like = nations(1).iloc[0] if competition == "Island Cup" else clubs(1).iloc[0]
        return like.to_dict() | {"date": pd.Timestamp(day), "competition": competition, "home_team": home, "away_team": away}

    early = [row("2022-09-20", "uefa.cl", "Club 00", "Elsewhere"), row("2022-10-11", "uefa.cl", "Club 00", "Elsewhere")]
    early += [row("2022-09-21", "Island Cup", "Samoa", "Rhodes"), row("2022-10-12", "Island Cup", "Samoa", "Rhodes")]
    late = [
        row("2022-10-14", "yy.1", "Club 00", "Elsewhere"),
        *(row(f"2022-10-{day}", "Island Cup", "Rhodes", "Hitra") for day in range(14, 24)),
    ]
    one, other = (chances(pd.concat([WORLD, pd.DataFrame(rows)], ignore_index=True), "six_ratings") for rows in (early, early + late))
    said = [found.loc[found["date"] <= DAY, ["home_team", "kind", *FORECAST, *ELO]].reset_index(drop=True) for found in (one, other)]
    assert said[0].equals(said[1]) and {"Samoa", "Club 00"} <= set(said[0]["home_team"])


@pytest.mark.parametrize(("kind", "table"), [("clubs", clubs(2)), ("women_clubs", clubs(2, sex="women")), ("women", nations(300))])
def test_a_day_added_to_the_ratings_gives_bit_for_bit_what_a_rebuild_gives(kind, table):
    (found, part), *_ = by_kind(of_file(checked(table)))
    made = games(part, kind)
    whole, state = numbers(made, kind), ratings(kind)
    edges = [made.day[0], *np.quantile(made.day, [0.5, 0.8]).astype(int), made.day[len(made.day) * 9 // 10], made.day[-1] + 1]
    parts = []
    for start, stop in pairwise(edges):
        parts.append(numbers(made.take((made.day >= start) & (made.day < stop)), kind, state))
        state = copy.deepcopy(state)
    joined = {name: np.concatenate([part[name] for part in parts]) for name in whole}
    assert found == kind and all(np.array_equal(whole[name], joined[name], equal_nan=True) for name in whole)


@pytest.mark.parametrize("recipe", ASKED_FOR)
def test_chances_sum_to_one_and_none_is_below_the_floor(recipe):
    found = chances(WORLD, recipe)[[*FORECAST]].to_numpy()
    assert np.abs(found.sum(axis=1) - 1).max() < 1e-12 and found.min() >= 0.001


def test_the_order_of_the_rows_does_not_matter():
    mixed = WORLD.sample(frac=1, random_state=5, ignore_index=True)
    key = ["date", "competition", "home_team", "away_team"]
    one, other = chances(WORLD), chances(mixed)
    assert one[[*key, *FORECAST]].reset_index(drop=True).equals(other[[*key, *FORECAST]].reset_index(drop=True))


def test_the_better_side_is_the_favourite_and_shots_are_taken_in():
    found = chances(clubs(3))
    best = found[(found["home_team"] == "Club 00") & (found["competition"] == "xx.1")]
    assert (best["p_home"] > best["p_away"]).all()
    assert not found[FORECAST].equals(chances(clubs(3, shots=False))[FORECAST])


def test_fixtures_without_a_score_are_forecast_and_not_learnt_from():
    table = clubs(3)
    table[["home_score", "away_score"]] = table[["home_score", "away_score"]].astype(float)
    table.loc[table["date"] >= "2022-10-01", ["home_score", "away_score"]] = np.nan
    found = chances(table)
    assert (found.loc[found["date"] >= "2022-10-01", "outcome"] == -1).all() and found[FORECAST].notna().all(axis=None)


@pytest.mark.parametrize("recipe", ASKED_FOR)
def test_what_is_hardly_known_is_forecast_widely(recipe):
    fresh = pd.DataFrame(
        [clubs(1).iloc[0].to_dict() | {"date": "2022-10-20", "competition": "A new league", "home_team": "X", "away_team": "Y"}]
    )
    women = fresh.assign(sex="women", neutral=True)
    found = chances(pd.concat([clubs(3), fresh, women], ignore_index=True), recipe)
    said = found[found["competition"] == "A new league"][FORECAST].to_numpy()
    assert found.loc[found["competition"] == "A new league", "fresh"].all() and found["fresh"].sum() == 2
    assert len(said) == 2 and said.min() > 0.12 and said.max() < 0.65


def test_the_matches_of_one_team_and_a_first_season_are_enough():
    table = clubs(3)
    alone = table[(table["home_team"] == "Club 03") | (table["away_team"] == "Club 03")]
    for matches, since in ((alone, SINCE), (table, date(2020, 8, 1))):
        found = chances(matches, since=since)
        assert len(found) and found[FORECAST].notna().all(axis=None)


def test_two_clubs_of_one_name_in_two_countries_are_two_teams():
    there = clubs(2).assign(competition=lambda table: "yy" + table["competition"].str[2:])
    cup = clubs(1).iloc[:1].assign(competition="uefa.cl", date="2022-05-05", away_team="Elsewhere")
    ((_, part),) = by_kind(of_file(checked(pd.concat([clubs(2), there, cup], ignore_index=True))))
    made = games(part, "clubs")
    assert len(np.unique([made.home, made.away])) == 20 + 20 + 2
    assert len(np.unique(np.concatenate([games(p, "clubs").home for _, p in by_kind(of_file(checked(clubs(2))))]))) == 20


def test_names_of_competitions_tell_division_and_weight():
    assert [division(name) for name in ("eng.1", "ger.2", "2. Bundesliga", "Ligue 2", "La Liga", "Cup")] == [1, 2, 2, 2, 1, 1]
    names = ("Friendly", "FIFA World Cup", "FIFA World Cup qualification", "UEFA Euro", "Island Games")
    assert [importance(name) for name in names] == [0.5, 1.5, 1.0, 1.25, 0.75]


def test_an_unknown_recipe_and_an_empty_span_are_refused():
    with pytest.raises(LearningError, match="Choose one of joint_boosted"):
        chances(clubs(1), "oracle")
    with pytest.raises(LearningError, match="the last is of 20"):
        chances(clubs(1), since=date(2030, 1, 1), until=None)


@pytest.mark.parametrize("recipe", SERVED)
def test_golden_forecasts_of_a_small_league_stay_what_they_were(recipe):
    found = forecast(checked(pd.read_csv(DATA / "two_divisions.csv")), recipe, date(2023, 10, 20))
    golden = pd.read_csv(DATA / "two_divisions_forecast.csv").query("recipe == @recipe")
    assert found["home_team"].tolist() == golden["home_team"].tolist()
    assert found[FORECAST].to_numpy() == pytest.approx(golden[FORECAST].to_numpy(), abs=1e-4)


@pytest.mark.long
@pytest.mark.parametrize("recipe", SERVED)
@pytest.mark.parametrize("day", ["2021-09-01", "2022-08-25", "2022-11-30"])
def test_nothing_leaks_in_a_larger_world_and_forecasts_beat_the_base_rates(recipe, day):
    world = pd.concat([clubs(5, 16, first_year=2018), clubs(5, 8, first_year=2018, sex="women"), nations(1200)], ignore_index=True)
    since = date.fromisoformat(day).replace(day=1)
    as_it_was, otherwise = chances(world, recipe, since, None), chances(scrambled(world, day), recipe, since, None)
    early = as_it_was["date"] <= day
    assert as_it_was.loc[early, FORECAST].equals(otherwise.loc[early, FORECAST])
    outcomes, said = as_it_was["outcome"].to_numpy(), as_it_was[FORECAST].to_numpy()
    flat = np.tile(np.bincount(outcomes, minlength=3) / len(outcomes), (len(outcomes), 1))
    assert rps(said, outcomes).mean() < rps(flat, outcomes).mean() - 0.005
