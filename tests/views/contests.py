"""Small contests to judge: forecasts drawn around what is true, so that the better forecaster is known beforehand."""

import numpy as np
import pandas as pd

LEAGUES = {"eng.1": "Premier League", "ger.1": "Bundesliga (Germany)"}


def evaluation(n=1200, champion_noise=0.5, challenger_noise=0.5, seed=3):
    """An EVALUATION table: the truth is a softmax of random strengths; each recipe sees it through its own noise."""
    random = np.random.default_rng(seed)
    strengths = random.normal(loc=(0.4, 0.0, 0.1), scale=0.7, size=(n, 3))
    truth = softmax(strengths)
    outcomes = (random.random((n, 1)) > np.cumsum(truth, axis=1)[:, :2]).sum(axis=1)
    dates = pd.Timestamp("2023-08-05") + pd.to_timedelta(np.sort(random.integers(0, 1000, n)), unit="D")
    noises = {"champion": champion_noise, "challenger": challenger_noise, "baseline": 2.0}
    parts = []
    for recipe, noise in noises.items():
        chances = softmax(strengths + random.normal(scale=noise, size=(n, 3)))
        parts.append(
            pd.DataFrame(chances, columns=["proba_home", "proba_draw", "proba_away"]).assign(recipe=recipe, match_id=np.arange(1, n + 1))
        )
    facts = pd.DataFrame({"match_id": np.arange(1, n + 1), "date": dates.astype("datetime64[us]"), "outcome": outcomes, "sex": 0})
    facts["season"] = np.where(dates < pd.Timestamp("2025-01-01"), "2023-24", "2024-25")
    facts["competition_code"] = np.where(np.arange(n) % 3 == 0, "eng.1", "ger.1")
    return pd.concat(parts).merge(facts, on="match_id")


def softmax(scores):
    powers = np.exp(scores)
    return powers / powers.sum(axis=1, keepdims=True)
