"""The gate opens when every check holds, and says in one sentence what stands in the way."""

import json

import numpy as np
import pandas as pd
import pytest

from core.football.promotion import ENOUGH, FAST
from core.learning import gate as gates
from core.learning import leaks
from core.learning.comparison import scores
from core.learning.gate import latency, verdict
from core.learning.leaks import covers, leak_test
from core.learning.models import Feature, Model, Part
from core.tables import EVALUATION
from tests.learning.league import league
from tests.learning.test_comparison import draws, said
from tests.serving.models import model

SOUND = {"ok": True, "matches": 500, "day": "2024-01-01", "moved": []}
TAKEN = {"all football": 0.1}
TRUE, OUTCOMES = draws(3600)


def gate(candidate, champion, leak=SOUND, taken=0.1, outcomes=OUTCOMES, **changes):
    both = pd.concat([said("six_ratings", candidate, outcomes), said("joint_boosted", champion, outcomes)])
    return verdict(both, "six_ratings", "joint_boosted", leak, {"all football": taken})


@pytest.mark.parametrize(("n", "opens"), [(2900, False), (3600, True)])
def test_it_opens_on_the_whole_interval_and_enough_matches_only(n, opens):
    true, outcomes = draws(n)
    found = gate(true, 0.4 * true + 0.2, outcomes=outcomes)
    assert found["log_loss"]["high"] < 0 and found["promote"] is opens and found["checks"]["enough"] is opens
    assert found["reason"].startswith(
        "It is better, and the whole" if opens else f"Too few: 2,900 common matches, and a promotion is decided on at least {ENOUGH:,}"
    )


def test_it_stays_shut_for_a_better_point_whose_interval_reaches_zero():
    random = np.random.default_rng(5)
    noisy = [TRUE * np.exp(random.normal(0, 0.05, TRUE.shape)) for _ in range(2)]
    one, other = (chances / chances.sum(axis=1, keepdims=True) for chances in noisy)
    both = pd.concat([said("six_ratings", one, OUTCOMES), said("joint_boosted", other, OUTCOMES)])
    better, worse = sorted(("six_ratings", "joint_boosted"), key=lambda name: scores(both)[name]["log_loss"]["point"])
    found = verdict(both, better, worse, SOUND, TAKEN)
    assert found["log_loss"]["point"] < 0 < found["log_loss"]["high"] and not found["promote"] and "reaches zero" in found["reason"]


@pytest.mark.parametrize(
    ("leak", "taken", "check", "words"),
    [
        (SOUND | {"ok": False, "moved": ["elo"]}, 0.1, "no_leak", "knew the future"),
        (SOUND | {"ok": False, "matches": 0}, 0.1, "no_leak", "leak test was not made"),
        (SOUND, 2 * FAST, "fast", "too slow"),
    ],
)
def test_a_better_model_that_fails_another_check_stays_out(leak, taken, check, words):
    found = gate(TRUE, 0.4 * TRUE + 0.2, leak, taken)
    assert found["checks"]["better"] and not found["checks"][check] and not found["promote"] and words in found["reason"]


def test_a_better_model_that_is_badly_calibrated_stays_out():
    bold = TRUE**1.25
    found = gate(bold / bold.sum(axis=1, keepdims=True), np.full(TRUE.shape, 1 / 3))
    assert found["checks"] == {"enough": True, "better": True, "calibrated": False, "no_leak": True, "fast": True}
    assert found["ece"] > found["ece_luck"] and "calibration" in found["reason"] and not found["promote"]


def test_it_stays_shut_for_the_same_forecasts_for_a_refit_and_for_nobody():
    assert not gate(TRUE, TRUE)["promote"]
    refit = verdict(said("joint_boosted", TRUE, OUTCOMES), "joint_boosted", "joint_boosted", SOUND, TAKEN)
    assert (refit["n"], refit["log_loss"], refit["promote"]) == (3600, None, False) and "own recipe" in refit["reason"]
    nobody = verdict(EVALUATION.empty(), "oracle", "joint_boosted", SOUND, TAKEN)
    assert (nobody["n"], nobody["promote"]) == (0, False) and nobody["reason"].startswith("Too few: 0")
    json.dumps([refit, nobody], allow_nan=False)


def test_latency_is_in_milliseconds():
    taken = latency(model())
    assert list(taken) == ["all football"] and taken["all football"] > 0.001


class Waiting:
    """A learner whose forecast takes its time, by a clock that it moves itself, and of a typical row only."""

    clock = 0.0

    def __init__(self, milliseconds, mean):
        self.milliseconds, self.mean = milliseconds, mean

    def predict(self, rows):
        assert (rows == self.mean).all(), "a typical match is asked for"
        Waiting.clock += self.milliseconds / 1000
        return np.full((len(rows), 3), 1 / 3)


def test_each_part_is_timed_on_a_typical_match_of_its_own_and_the_slowest_counts(monkeypatch):
    monkeypatch.setattr(gates.time, "perf_counter", lambda: Waiting.clock)
    quick, slow = (
        Part(name, {"sex": sex}, ("elo",), np.array([float(taken)]), Waiting(taken, float(taken)))
        for sex, (name, taken) in enumerate([("men", 0.25), ("women", 8.0)])
    )
    taken = latency(Model("Two", [Feature("elo"), Feature("sex", "integer")], (quick, slow)))
    assert taken == {"men": pytest.approx(0.25), "women": pytest.approx(8.0)}
    both = pd.concat([said("six_ratings", TRUE, OUTCOMES), said("joint_boosted", 0.4 * TRUE + 0.2, OUTCOMES)])
    found = verdict(both, "six_ratings", "joint_boosted", SOUND, taken)
    assert (found["latency_ms"], found["latency_of"], found["checks"]["fast"]) == (8.0, "women", False)


def test_the_verdict_names_the_champion_and_the_matches_that_it_was_judged_on():
    both = pd.concat([said("six_ratings", TRUE, OUTCOMES), said("joint_boosted", TRUE, OUTCOMES)])
    found = verdict(both, "six_ratings", "joint_boosted", SOUND, TAKEN, against=4)
    assert (found["champion_version"], found["n"]) == (4, len(OUTCOMES))
    assert (found["from"], found["to"]) == tuple(f"{day:%Y-%m-%d}" for day in (both["date"].min(), both["date"].max()))


NATIONS = {"country": "nations", "competition_code": "fifa-world-cup", "neutral": True}
KINDS = [
    league(first_year=2016),
    league(first_year=2010, seed=2, sex=1, competition_code="ned.w.1"),
    league(first_year=2004, seed=3, **NATIONS),
]


def test_the_leak_test_takes_a_day_of_its_own_for_each_kind_of_football():
    found = leak_test(pd.concat(KINDS, ignore_index=True))
    assert found["ok"] and found["moved"] == []
    assert {kind: (one["matches"], one["day"][:4]) for kind, one in found["kinds"].items()} == {
        "clubs": (len(KINDS[0]), "2018"), "women_clubs": (len(KINDS[1]), "2012"), "men": (len(KINDS[2]), "2006"),
    }  # fmt: skip
    assert leak_test(league().head(0)) == {"ok": False, "matches": 0, "moved": [], "kinds": {}}


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_the_leak_test_finds_a_feature_that_knows_the_day_itself_in_any_kind(monkeypatch, kind):
    real, knows = leaks.build_features, set(KINDS[kind]["match_id"])

    def knowing(matches):
        found = real(matches)
        return found.assign(elo=found["elo"] + found["outcome"].where(found["match_id"].isin(knows)).fillna(0))

    monkeypatch.setattr(leaks, "build_features", knowing)
    found = leak_test(pd.concat(KINDS, ignore_index=True))
    assert not found["ok"] and found["moved"] == ["elo"]


def test_the_leak_test_finds_a_feature_that_knows_the_shots_of_the_day_itself(monkeypatch):
    real = leaks.build_features

    def knowing(matches):
        return real(matches).assign(elo=matches.sort_values(["date", "match_id"])["home_shots"].fillna(0).to_numpy())

    monkeypatch.setattr(leaks, "build_features", knowing)
    assert leak_test(KINDS[0])["moved"] == ["elo"]


def test_a_leak_test_covers_what_it_saw_and_no_other_kind_nor_many_more_matches():
    men = KINDS[0]
    found = leak_test(men)
    assert covers(found, men) and covers(found, men.iloc[:-5])
    assert not covers(found, pd.concat(KINDS[:2], ignore_index=True)), "women's clubs are new"
    assert not covers(leak_test(men.head(20)), men), "most matches came later"
    assert not covers(leak_test(men.head(0)), men) and not covers(leak_test(men.head(0)), men.head(0)), "nothing was tested"
    assert not covers(found | {"ok": False}, men)
