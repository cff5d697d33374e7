"""Ratings against numbers worked out by hand, from the formulas of their authors."""

import numpy as np
import pytest

from core.learning.features import ratings
from core.learning.ratings import Arrival, Elo, EloPace, Game, Pi, Strengths, stream

A, B, C, D = range(4)


def game(day, home, away, margin=None, **changes):
    known = {"league": 0, "tier": 1, "sex": 0, "national": False, "neutral": False, "weight": 1.0} | changes
    return Game(day, home, away, margin=margin, **known)


def elo():
    return Elo("elo_diff", club=EloPace(18), men=EloPace(40, 1.15), women=EloPace(90, 1.3))


def before(rating, *games):
    return [numbers[0] for numbers in stream(games, [rating])]


def test_elo_moves_as_the_formula_says():
    # A 2-0 B: expected 1 / (1 + 10^(-65/400)) = 0.592466, change 18 x 3/2 x 0.407534 = 11.003412 for A, against B.
    # B 1-1 A: gap -22.006824, expected 0.561558, change 18 x 1/2 x (0.5 - 0.561558) = -0.554024 for B.
    found = before(elo(), game(0, A, B, 2), game(7, B, A, 0), game(14, A, B))
    assert found == pytest.approx([0, -22.006823548446082, 23.11487237186975], abs=1e-9)


def test_elo_of_nations_counts_the_tournament_and_the_neutral_ground():
    # 40 x 1.5^0.7 x 1.5^1.15 x 1/2 = 42.344677 a side after a neutral 3-1 at a World Cup.
    world_cup = {"national": True, "neutral": True, "weight": 1.5}
    assert before(elo(), game(0, A, B, 2, **world_cup), game(9, A, B, **world_cup))[1] == pytest.approx(84.68935408712245)
    # 90 x 0.5^0.7 x (1 - 1 / (1 + 10^(-90/400))) = 20.681430 a side after a women's friendly won 1-0 at home.
    friendly = {"national": True, "sex": 1, "weight": 0.5}
    assert before(elo(), game(0, A, B, 1, **friendly), game(9, A, B, **friendly))[1] == pytest.approx(41.362860609227674)


def test_pi_ratings_move_as_the_paper_says():
    # A 2-0 B: error 2, change 0.035 x 3 log10(3) = 0.050098 at home for A and away for B, 0.7 of it on the other ground.
    # B 0-1 A: expected -0.054563, error -0.945437, change -0.030347.
    found = before(Pi(), game(0, A, B, 2), game(7, B, A, -1), game(14, A, B))
    assert found == pytest.approx([0, -1.4 * 0.05009773174556456, 0.1426809871236614], abs=1e-9)


def test_on_neutral_ground_a_pi_rating_is_the_mean_of_both_grounds():
    at_home, neutral = (before(Pi(), game(0, A, B, 2), game(7, A, B, neutral=neutral))[1] for neutral in (False, True))
    assert neutral == pytest.approx(at_home * (1 + 0.7) / 2)


def test_a_draw_between_equals_on_neutral_ground_changes_nothing():
    for rating in (elo(), Pi()):
        assert before(rating, game(0, A, B, 0, neutral=True), game(7, A, B, neutral=True)) == [0, 0]


def test_matches_of_one_day_do_not_see_one_another():
    for one in range(len(ratings())):
        alone = before(ratings()[one], game(0, A, B, 1), game(7, A, C, 3), game(14, B, C))
        crowded = before(ratings()[one], game(0, A, B, 1), game(7, A, C, 3), game(7, B, A, 5), game(14, B, C))
        assert crowded[2] == before(ratings()[one], game(0, A, B, 1), game(7, B, A))[1]
        assert crowded[3] != alone[2]


def test_a_team_that_plays_twice_a_day_learns_from_both_whatever_their_order():
    games = [game(0, A, B, 2), game(0, A, C, -1)]
    found = [before(elo(), *order, game(5, A, B))[2] for order in (games, games[::-1])]
    assert found[0] == pytest.approx(found[1], abs=1e-9)
    assert found[0] != before(elo(), games[0], game(5, A, B))[1]


def test_the_state_goes_on_from_where_it_was_left():
    random = np.random.default_rng(3)
    games = [game(day, *map(int, random.permutation(6)[:2]), int(random.integers(-3, 4))) for day in range(200)]
    whole = list(stream(games, ratings()))
    left = ratings()
    assert whole == [*stream(games[:120], left), *stream(games[120:], left)]


def test_a_new_team_starts_below_the_level_of_its_competition_and_lower_divisions_lower():
    strengths = Strengths(Arrival(1500.0, 150.0, 110.0), Arrival())
    assert strengths.of(A, game(0, A, B)) == 1500
    assert strengths.of(A, game(0, A, B, tier=3)) == 1200
    first = game(0, A, B, 1)
    strengths.move(A, first, 30.0)
    strengths.move(B, first, 10.0)
    strengths.settle([first])
    assert strengths.of(C, game(7, C, A)) == 1500 + 20 - 110
    assert strengths.of(C, game(7, C, A, league=5)) == 1500


def test_all_teams_of_a_competitions_first_day_start_alike():
    found = before(elo(), game(0, A, B, 0, neutral=True), game(0, C, D, 0, neutral=True), game(7, A, C))
    assert found == [0, 0, 0]


def test_a_long_absence_moves_a_rating_back_towards_that_of_a_newcomer():
    strengths = Strengths(Arrival(0.0, 0.0, 0.0, patience=100, memory=500.0), Arrival())
    strengths.move(A, game(0, A, B, 1), 80.0)
    assert strengths.of(A, game(100, A, B)) == 80
    assert strengths.of(A, game(600, A, B)) == pytest.approx(80 / np.e)


def test_an_unplayed_match_moves_nothing():
    for one in range(len(ratings())):
        played = before(ratings()[one], game(0, A, B, 1), game(9, A, B, 1))
        assert before(ratings()[one], game(0, A, B, 1), game(4, A, B), game(9, A, B, 1))[2] == played[1]
