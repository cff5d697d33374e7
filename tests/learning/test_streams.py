"""Ratings against numbers worked out by hand, from the formulas of their authors."""

from dataclasses import replace

import numpy as np
import pytest

from core.learning.joint import GoalsAndShots, JointFilter, _mode
from core.learning.recipe import CLUB_DRIFT, CLUB_SHOTS, CLUB_SIGHT, WHERE, ratings
from core.learning.streams import Elo, EloPace, Games, Pi, PiPace, Rest, stream
from core.learning.windows import Circumstance, Form

A, B, C = range(3)
CLUBS, MEN, WOMEN = EloPace(18, 65), EloPace(40, 90, 1.15, 0.7), EloPace(90, 90, 1.3, 0.7)


def game(day, home, away, score=(np.nan, np.nan), league=0, neutral=False, weight=1.0):
    return day, home, away, league, score, neutral, weight


def table(*rows):
    day, home, away, league, score, neutral, weight = (np.array(column) for column in zip(*rows, strict=True))
    ones = np.ones(len(day), np.int64)
    blank = np.full((len(day), 2), np.nan)
    return Games(day, home, away, league, ones, 0 * ones, 1.0 - neutral, weight, score.astype(float), blank)


def before(rating, *rows):
    return stream(table(*rows), [rating])[:, 0].tolist()


def test_elo_moves_as_the_formula_says():
    # A 2-0 B: expected 1 / (1 + 10^(-65/400)) = 0.592466, change 18 x 3/2 x 0.407534 = 11.003412 for A, against B.
    # B 1-1 A: gap -22.006824, expected 0.561558, change 18 x 1/2 x (0.5 - 0.561558) = -0.554024 for B.
    found = before(Elo("elo", CLUBS), game(0, A, B, (2, 0)), game(7, B, A, (1, 1)), game(14, A, B))
    assert found == pytest.approx([0, -22.006823548446082, 23.11487237186975], abs=1e-9)


def test_elo_of_nations_counts_the_tournament_and_the_neutral_ground():
    # 40 x 1.5^0.7 x 1.5^1.15 x 1/2 = 42.344677 a side after a neutral 3-1 at a World Cup.
    cup = {"neutral": True, "weight": 1.5}
    assert before(Elo("elo", MEN), game(0, A, B, (3, 1), **cup), game(9, A, B, **cup))[1] == pytest.approx(84.68935408712245)
    # 90 x 0.5^0.7 x (1 - 1 / (1 + 10^(-90/400))) = 20.681430 a side after a women's friendly won 1-0 at home.
    friendly = {"weight": 0.5}
    assert before(Elo("elo", WOMEN), game(0, A, B, (1, 0), **friendly), game(9, A, B))[1] == pytest.approx(41.362860609227674)


def test_pi_ratings_move_as_the_paper_says():
    # A 2-0 B: error 2, step 0.035 x 3 log10(3) = 0.050098 at home for A and away for B, 0.7 of it on the other ground.
    # Then at B's ground: b x (10^(|r|/3) - 1) with r = -0.7 x 0.050098 each.
    step = 0.035 * 3 * np.log10(3)
    goals = 10 ** (0.7 * step / 3) - 1
    assert before(Pi("pi", PiPace(0.035)), game(0, A, B, (2, 0)), game(7, B, A)) == pytest.approx([0, -2 * goals], abs=1e-12)


def test_on_neutral_ground_a_pi_rating_is_the_mean_of_both_grounds():
    step = 0.035 * 3 * np.log10(3)
    found = before(Pi("pi", PiPace(0.035)), game(0, A, B, (2, 0)), game(7, A, B, neutral=True))[1]
    assert found == pytest.approx(2 * (10 ** (0.85 * step / 3) - 1), abs=1e-12)


def test_a_draw_between_equals_on_neutral_ground_changes_nothing():
    for rating in (Elo("elo", CLUBS), Pi("pi", PiPace(0.035))):
        assert before(rating, game(0, A, B, (0, 0), neutral=True), game(7, A, B, neutral=True)) == [0, 0]


def test_a_team_that_plays_twice_a_day_learns_from_both_whatever_their_order():
    both = [game(0, A, B, (2, 0)), game(0, A, C, (0, 1))]
    found = [before(Elo("elo", CLUBS), *order, game(5, A, B))[2] for order in (both, both[::-1])]
    assert found[0] == pytest.approx(found[1], abs=1e-9)
    assert found[0] != before(Elo("elo", CLUBS), both[0], game(5, A, B))[1]


def test_a_team_that_plays_twice_a_day_at_home_has_two_more_matches_of_form():
    form, circumstance = Form(), Circumstance()
    stream(table(game(0, A, B, (2, 0)), game(0, A, C, (0, 1)), game(0, C, A, (5, 0))), [form, circumstance])
    assert form.number[[A, B, C]].tolist() == [3, 1, 2] and form.near_number[A].tolist() == [2, 1]
    assert form.kept[A, :3, 2].tolist() == [2, -1, -5] and form.near[A, 0, :2].tolist() == [2, -1]
    assert circumstance.played[[A, B, C]].tolist() == [3, 1, 2] and circumstance.here[A] == 3
    assert circumstance.season[A].tolist() == [3, 3, 2 - 1 - 5]


def test_a_new_team_starts_below_the_level_of_its_league_and_a_long_pause_moves_towards_it():
    pace = EloPace(18, 65, rest=Rest(gap=45, kept=0.5, below=60))
    first = before(Elo("elo", pace), game(0, A, B, (1, 1), neutral=True), game(7, A, C, neutral=True))
    assert first == [0, 60]
    # A 3-0 B: 18 x 2 x 0.5 = 18 up and down; after a summer half of the distance is left.
    rested = before(Elo("elo", pace), game(0, A, B, (3, 0), neutral=True), game(100, A, B, neutral=True))
    assert rested[1] == pytest.approx(18.0)


@pytest.mark.parametrize("kind", WHERE)
def test_an_unplayed_match_moves_nothing_and_matches_of_a_day_do_not_see_one_another(kind):
    played = [game(0, A, B, (1, 0)), game(9, A, B, (1, 0)), game(14, B, C)]
    plain = stream(table(*played), ratings(kind))
    with_fixture = stream(table(played[0], game(4, A, B), *played[1:]), ratings(kind))
    assert np.array_equal(plain[1:], with_fixture[2:], equal_nan=True)
    crowded = stream(table(*played[:2], game(9, B, C, (5, 0)), played[2]), ratings(kind))
    alone = stream(table(played[0], game(9, B, C)), ratings(kind))
    assert np.array_equal(crowded[2], alone[1], equal_nan=True) and np.array_equal(crowded[1], plain[1], equal_nan=True)
    assert not np.array_equal(crowded[3], plain[2], equal_nan=True)


def test_a_filter_of_shots_that_begins_with_the_first_ones_counted_is_as_if_it_had_always_been_there():
    random = np.random.default_rng(4)
    rows = [game(day, *map(int, random.permutation(6)[:2]), tuple(random.poisson(1.4, 2).tolist())) for day in range(0, 240, 2)]
    without = table(*rows)
    counted = np.where((without.day >= 120)[:, None], random.uniform(0.3, 2.5, (len(rows), 2)), np.nan)
    games = without._replace(chances=counted)
    both, alone = stream(games, [GoalsAndShots(CLUB_DRIFT, CLUB_SIGHT, CLUB_SHOTS)]), JointFilter("shots", CLUB_DRIFT, CLUB_SHOTS)
    assert np.array_equal(both[:, 4:], stream(games, [alone]))
    assert np.array_equal(both[:61, :4], both[:61, 4:]) and not np.array_equal(both[70:, :4], both[70:, 4:])


def test_who_scores_more_than_expected_is_thought_to_defend_better_too():
    rows = table(game(0, A, B, (6, 1)), game(7, A, C))
    alone, together = (stream(rows, [JointFilter("joint", replace(CLUB_DRIFT, together=share), CLUB_SIGHT)])[1] for share in (0.0, 0.5))
    assert together[1] < alone[1] - 0.02, "fewer goals are expected of its next opponent"


def test_matches_before_1970_are_learnt_from_like_any():
    rows = [(0, A, B, (3, 0)), (7, B, C, (1, 1)), (400, C, A, (0, 2)), (410, A, B)]
    late, early = ([game(day + shift, *rest) for day, *rest in rows] for shift in (18_000, -4_000))
    for kind in WHERE:
        for one, other in zip(ratings(kind), ratings(kind), strict=True):
            assert np.array_equal(stream(table(*late), [one]), stream(table(*early), [other]), equal_nan=True)


def test_a_crushing_win_moves_a_log_rate_no_further_than_its_goals():
    moved, certain = _mode(0.0, 4.0, 14.0, 1.0)
    at = 4.0 * moved
    assert np.exp(at) - 14 + at / 4 == pytest.approx(0, abs=0.2), "the posterior mode solves this"
    assert 0 < certain < 1 / 4.0 + 1e-9
