from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from core.football.contest import choices, chosen, contest
from core.football.judging import Evidence
from core.football.outcomes import Outcome
from core.football.scoring import log_loss
from core.views.arena import Contestant, Pair, arena_view, contestants, league_names, nothing_to_judge, pair, sealed_words, slices
from tests.views.contests import LEAGUES, entrants, evaluation

RECIPES = {"champion": "joint_boosted", "challenger": "six_ratings", "baseline": "form5"}
SOUND = Evidence(2, no_leak=True, leak_matches=1500, latency=0.1)
VERSIONS = Pair(1, 2)


@pytest.fixture(scope="module")
def even():
    return contest(entrants(evaluation()))


def test_only_matches_that_everyone_forecast_are_judged():
    table = evaluation(n=300)
    partial = table[~((table["recipe"] == "six_ratings") & (table["match_id"] <= 40))]
    judged = contest(entrants(partial))
    assert len(judged) == 260
    assert all(len(rows) == 260 for rows in judged.chances.values())


def test_the_rows_of_all_contestants_are_in_the_same_order():
    table = evaluation(n=100)
    shuffled = contest(entrants(table.sample(frac=1, random_state=1)))
    for stage, recipe in RECIPES.items():
        part = table[table["recipe"] == recipe].set_index("match_id").loc[shuffled.facts.index]
        assert np.array_equal(part[["proba_home", "proba_draw", "proba_away"]].to_numpy(), shuffled.chances[stage])
        assert np.array_equal(part["outcome"].to_numpy(), shuffled.outcomes)


def test_the_contestants_are_introduced_by_their_cards():
    card = {"model_version": 1, "title": "Elo, ordered logit", "features": [{}, {}], "registered_at": "2026-03-13T23:30:00Z"}
    (champion,) = contestants({"champion": card, "challenger": {}}, ZoneInfo("Asia/Tokyo"))
    assert champion == Contestant("Champion v1", "Elo, ordered logit", 2, "14 March 2026")


def test_a_clearly_better_challenger_wins_and_a_clearly_worse_one_loses():
    better = arena_view(contest(entrants(evaluation(n=4000, champion_noise=1.2, challenger_noise=0.1))), VERSIONS, LEAGUES, SOUND)
    worse = arena_view(contest(entrants(evaluation(n=4000, champion_noise=0.1, challenger_noise=1.2))), VERSIONS, LEAGUES)
    assert better.verdict.good and better.verdict.sentence.startswith("Yes")
    assert not worse.verdict.good and "It is better" in worse.verdict.sentence


def test_a_league_and_a_season_leave_only_their_matches(even):
    leagues, seasons = choices(even)
    assert leagues == ["ger.1", "eng.1"] and seasons == ["2024-25", "2023-24"]
    some = chosen(even, "eng.1", "2023-24")
    assert set(some.facts["competition_code"]) == {"eng.1"} and set(some.facts["season"]) == {"2023-24"}
    assert 0 < len(some) < len(even)


def test_the_table_of_scores_says_what_the_scores_are(even):
    view = arena_view(even, VERSIONS, LEAGUES, baseline=3)
    assert [row.name for row in view.scores] == ["Champion v1", "Challenger v2", "Baseline v3", "Base rate"]
    expected = log_loss(even.chances["champion"], even.outcomes).mean()
    assert view.scores[0].cells[0].number == f"{expected:.4f}"
    assert list(view.scores_table["Forecaster"]) == [row.name for row in view.scores]


def test_the_base_rate_beats_nobody_who_knows_something(even):
    losses = {name: even.interval(name, "log_loss").point for name in even.chances}
    assert losses["champion"] < losses["base_rate"]


def test_a_base_rate_of_the_table_is_preferred_to_one_that_saw_the_outcomes():
    table = evaluation(n=100)
    thirds = table[table["recipe"] == "joint_boosted"].assign(recipe="base_rate", proba_home=0.4, proba_draw=0.3, proba_away=0.3)
    assert (contest(entrants(pd.concat([table, thirds]))).chances["base_rate"] == [0.4, 0.3, 0.3]).all()


def test_slices_begin_with_all_and_carry_a_q_for_each_further_look(even):
    found = slices(even, LEAGUES)
    assert found[0].label == "All matches" and found[0].q is None
    assert {"Premier League", "Bundesliga"} <= {part.label for part in found}
    assert all(part.q is not None and part.n < len(even) for part in found[1:])
    assert next(part for part in found if part.label == "Bundesliga").note.startswith("Germany, n 800, q ")


def test_what_is_a_toss_up_follows_the_numbers_that_cards_show():
    table = evaluation(n=200)
    own = table["recipe"] == "joint_boosted"
    columns = ["proba_home", "proba_draw", "proba_away"]
    table.loc[own, columns] = np.where((table.loc[own, ["match_id"]] <= 80), [0.396, 0.302, 0.302], [0.394, 0.305, 0.301])
    found = {part.label: part.n for part in slices(contest(entrants(table)), LEAGUES)}
    assert found["Toss-ups"] == 120, "39.6 is shown as 40, and 39.4 as 39"


def test_a_slice_of_all_matches_or_of_a_handful_is_left_out(even):
    assert "Men" not in {part.label for part in slices(even, LEAGUES)}
    tiny = chosen(even, "eng.1", None)
    assert all(part.n >= 50 for part in slices(tiny, LEAGUES))


def test_the_reliability_table_repeats_the_chart(even):
    chart = arena_view(even, VERSIONS, LEAGUES).reliability[Outcome.DRAW]
    assert chart.table["Forecasts"].sum() == 2 * len(even)
    assert list(chart.data["n"]) == [n for n in chart.table["Forecasts"] if n >= 10]
    assert (chart.data["low"] <= chart.data["happened"]).all() and (chart.data["happened"] <= chart.data["high"]).all()
    assert chart.words.startswith("Draw: the challenger said")


def test_without_a_challenger_or_without_matches_there_is_no_view(even):
    table = evaluation(n=100)
    assert arena_view(contest(entrants(table[table["recipe"] != "six_ratings"])), VERSIONS, LEAGUES) is None
    assert arena_view(chosen(even, "eng.1", "1999-00"), VERSIONS, LEAGUES) is None
    assert arena_view(contest(entrants(table.iloc[:0])), VERSIONS, LEAGUES) is None


def test_after_a_promotion_the_stages_follow_their_versions():
    straight = entrants(evaluation(n=200), ("champion", "challenger"))
    swapped = contest({"champion": straight["challenger"], "challenger": straight["champion"]})
    assert np.array_equal(swapped.chances["champion"], contest(straight).chances["challenger"])
    assert swapped.difference("challenger", "champion").point == -contest(straight).difference("challenger", "champion").point


UNTIL = datetime(2026, 3, 13, 19, 48, tzinfo=UTC)
LATER = datetime(2026, 3, 13, 20, tzinfo=UTC)


def test_a_former_champion_is_compared_under_its_own_name_in_every_word_table_and_chart(even):
    former = pair(2, 1, True, False, UNTIL, LATER, UTC)
    view = arena_view(even, former, LEAGUES, SOUND, 3)
    assert view.question.startswith("Was the decision right? Version 2 is the champion; version 1 was until 19:48")
    assert [row.name for row in view.scores][:2] == ["Champion v2", "Former champion v1"]
    assert list(view.scores_table["Forecaster"])[:2] == ["Champion v2", "Former champion v1"]
    assert "former champion minus champion" in view.forest.words
    for outcome in Outcome:
        chart = view.reliability[outcome]
        assert set(chart.data["series"]) == set(chart.table["Forecaster"]) == {"Champion v2", "Former champion v1"}
        assert "the former champion said" in chart.words
    assert "challenger" not in " ".join([view.question, view.verdict.sentence, view.verdict.detail, view.forest.words]).lower()


def test_a_former_champion_of_no_known_hour_was_it_until_the_last_decision():
    assert pair(2, 1, True, False, None, LATER, UTC).question.endswith("version 1 was until the last decision.")


def test_two_fits_of_one_recipe_say_that_sealed_forecasts_decide(even):
    refits = Pair(1, 2, sealed=True)
    view = arena_view(even, refits, LEAGUES)
    assert f"Judged on sealed forecasts of the same {len(even):,} matches" in view.question
    assert "fits of one recipe" in sealed_words(refits) and sealed_words(VERSIONS) == ""


@pytest.mark.parametrize(
    ("versions", "everything", "words"),
    [
        (Pair(1, None), True, "There is no challenger yet."),
        (Pair(1, 2, sealed=True), True, "Versions 1 and 2 are two fits of one recipe. Walking forward cannot tell them apart"),
        (Pair(1, 2), True, "The champion and the challenger share no match of the walk-forward."),
        (Pair(2, 1, is_former=True), False, "The champion and the former champion share no match here. Choose another league"),
    ],
)
def test_where_nobody_can_be_judged_the_reason_is_told(versions, everything, words):
    assert nothing_to_judge(versions, everything).startswith(words)


def test_leagues_that_share_a_name_are_shown_with_their_country():
    matches = pd.DataFrame(
        {"competition_code": ["ger.1", "aut.1", "eng.1"], "competition": ["Bundesliga", "Bundesliga", "Premier League"]}
    ).assign(country=["Germany", "Austria", "England"])
    assert league_names(matches) == {"ger.1": "Bundesliga (Germany)", "aut.1": "Bundesliga (Austria)", "eng.1": "Premier League"}
