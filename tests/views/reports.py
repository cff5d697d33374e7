"""A drift report as the pipeline writes it, small enough to check by hand."""

import copy

_REPORT = {
    "as_of": "2026-03-13T12:00:00Z",
    "model_version": 1,
    "window": {"from": "2026-02-13", "to": "2026-03-12", "matches": 140},
    "reference": {"from": "2025-02-13", "to": "2026-02-12", "matches": 1800},
    "drift_score": 1 / 3,
    "sentence": "goals scored in the last five moved, and it has not hurt: the score stays inside its band",
    "hurts": False,
    "features": [
        {
            "feature": "elo", "test": "KS", "statistic": 0.05, "threshold": 0.11, "p": 0.44, "q": 0.5, "effect": 0.04,
            "importance": 0.61, "drifts": False, "missing": 0.0, "bins": [-400, -100, 0, 100, 400],
            "reference_share": [0.2, 0.3, 0.3, 0.2], "window_share": [0.2, 0.25, 0.35, 0.2],
        },
        {
            "feature": "sex", "test": "chi2", "statistic": 4.1, "threshold": 9.5, "p": 0.0004, "q": 0.06, "effect": 0.02,
            "importance": 0.02, "drifts": False, "missing": 0.0, "bins": ["men", "women"],
            "reference_share": [1.0, 0.0], "window_share": [1.0, 0.0],
        },
        {
            "feature": "diff_goals_for_w5", "test": "KS", "statistic": 0.31, "threshold": 0.2, "p": 0.001, "q": 0.014, "effect": 0.52,
            "importance": 0.06, "drifts": True, "missing": 0.013, "bins": [-2, -1, 0, 1, 2],
            "reference_share": [0.1, 0.4, 0.4, 0.1], "window_share": [0.1, 0.2, 0.4, 0.3],
        },
    ],
    "predictions": [
        {
            "feature": "proba_home", "test": "KS", "statistic": 0.04, "threshold": 0.1, "p": 0.6, "q": 0.6, "effect": 0.01,
            "drifts": False, "missing": 0.0, "bins": [0.0, 0.5, 1.0], "reference_share": [0.6, 0.4], "window_share": [0.58, 0.42],
        }
    ],
    "performance": [
        {"week": "2026-02-23", "n": 38, "log_loss": 0.98, "low": 0.93, "high": 1.05},
        {"week": "2026-03-02", "n": 40, "log_loss": 1.07, "low": 0.93, "high": 1.05},
    ],
    "estimated": [{"week": "2026-03-09", "n": 30, "log_loss": 0.99}, {"week": "2026-03-16", "n": 10, "log_loss": 0.95}],
    "realised": {"log_loss": 0.985, "low": 0.95, "high": 1.02, "n": 140},
}  # fmt: skip


def drift_report(**changes):
    return copy.deepcopy(_REPORT) | changes
