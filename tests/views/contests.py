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
    noises = {"joint_boosted": champion_noise, "six_ratings": challenger_noise, "form5": 2.0}
    parts = []
    for version, (recipe, noise) in enumerate(noises.items(), 1):
        chances = softmax(strengths + random.normal(scale=noise, size=(n, 3)))
        named = pd.DataFrame(chances, columns=["proba_home", "proba_draw", "proba_away"])
        parts.append(named.assign(recipe=recipe, model_version=version, walk=f"{recipe}-code-data", match_id=np.arange(1, n + 1)))
    facts = pd.DataFrame({"match_id": np.arange(1, n + 1), "date": dates.astype("datetime64[us]"), "outcome": outcomes, "sex": 0})
    facts["season"] = np.where(dates < pd.Timestamp("2025-01-01"), "2023-24", "2024-25")
    facts["competition_code"] = np.where(np.arange(n) % 3 == 0, "eng.1", "ger.1")
    return pd.concat(parts).merge(facts, on="match_id")


def entrants(table, stages=("champion", "challenger", "baseline")):
    """The rows of each entrant of a contest: the stages have versions 1, 2 and 3."""
    versions = {"champion": 1, "challenger": 2, "baseline": 3}
    references = {name: table[table["recipe"] == name] for name in ("elo", "base_rate")}
    return {stage: table[table["model_version"] == versions[stage]] for stage in stages} | references


def softmax(scores):
    powers = np.exp(scores)
    return powers / powers.sum(axis=1, keepdims=True)
