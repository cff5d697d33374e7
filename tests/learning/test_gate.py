"""The gate opens when every check holds, and says in one sentence what stands in the way."""

import json

import numpy as np
import pandas as pd
import pytest

from core.learning import leaks
from core.learning.comparison import scores
from core.learning.gate import ENOUGH, FAST, latency, verdict
from core.learning.leaks import leak_test
from core.tables import EVALUATION
from tests.learning.league import league
from tests.learning.test_comparison import draws, said
from tests.serving.models import model

SOUND = {"ok": True, "matches": 500, "day": "2024-01-01", "moved": []}
TRUE, OUTCOMES = draws(3600)


def gate(candidate, champion, leak=SOUND, taken=0.1, outcomes=OUTCOMES, **changes):
    both = pd.concat([said("challenger", candidate, outcomes), said("champion", champion, outcomes)])
    return verdict(both, "challenger", "champion", leak, taken)


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
    both = pd.concat([said("challenger", one, OUTCOMES), said("champion", other, OUTCOMES)])
    better, worse = sorted(("challenger", "champion"), key=lambda name: scores(both)[name]["log_loss"]["point"])
    found = verdict(both, better, worse, SOUND, 0.1)
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
    refit = verdict(said("champion", TRUE, OUTCOMES), "champion", "champion", SOUND, 0.1)
    assert (refit["n"], refit["log_loss"], refit["promote"]) == (3600, None, False) and "own recipe" in refit["reason"]
    nobody = verdict(EVALUATION.empty(), "oracle", "champion", SOUND, 0.1)
    assert (nobody["n"], nobody["promote"]) == (0, False) and nobody["reason"].startswith("Too few: 0")
    json.dumps([refit, nobody], allow_nan=False)


def test_latency_is_in_milliseconds():
    assert 0.001 < latency(model()) < FAST


def test_the_leak_test_passes_on_features_of_earlier_days():
    found = leak_test(pd.concat([league(), league(seed=2, country="International", competition_code="friendly")], ignore_index=True))
    assert found == {"ok": True, "matches": 336, "day": found["day"], "moved": []}
    assert leak_test(league().head(0)) == {"ok": False, "matches": 0, "day": None, "moved": []}


def test_the_leak_test_finds_a_feature_that_knows_the_day_itself(monkeypatch):
    real = leaks.build_features

    def knowing(matches):
        found = real(matches)
        return found.assign(elo=found["elo"] + found["outcome"].fillna(0))

    monkeypatch.setattr(leaks, "build_features", knowing)
    found = leak_test(league())
    assert not found["ok"] and found["moved"] == ["elo"]
