"""What changed in what the models see and say, how much, and does it matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from core.clock import iso
from core.football.evidence import TWO_SIDED, false_discovery
from core.football.scoring import block_interval, log_loss
from core.football.words import FEATURE_WORDS, KNOWN, REST, SEASON, STAKES, group_of
from core.learning.comparison import CHANCES, plain
from core.tables import FEATURES_LEAD

Floats = NDArray[np.float64]

WINDOW_DAYS = 28
WINDOW_MATCHES = 30  # in a quiet month the window reaches back until it holds so many
SEASON_DAYS = 365
WEEKS = 40
FALSE_DISCOVERY_RATE = 0.05
BINS = 12
# What moves with the calendar, each year again: a month against a season would show nothing else.
CALENDAR = frozenset({STAKES, SEASON, KNOWN, REST})
# Features that are kinds rather than amounts, and the names of their values.
KINDS = {"sex": ("men", "women"), "ground": ("neutral ground", "own ground"), "national": ("clubs", "nations")}


@dataclass(frozen=True)
class _Spans:
    """The matches of the window, and those of the season before it, as rows of a features table."""

    window: pd.DataFrame
    reference: pd.DataFrame

    def of(self, rows: pd.DataFrame) -> _Spans:
        """The same matches in another table."""
        return _Spans(*(rows[rows["match_id"].isin(part["match_id"])] for part in (self.window, self.reference)))


def drift_reports(
    features: pd.DataFrame,
    evaluation: pd.DataFrame,
    predictions: pd.DataFrame,
    as_of: datetime,
    importances: Mapping[int | None, Mapping[str, float] | None],
) -> dict[int | None, dict[str, Any]]:
    """The drift report of `as_of` for each model version, ready for JSON: a missing number is null.

    The last 28 days of features, or the last 30 matches, against the season before: Kolmogorov and Smirnov's test for
    amounts, chi-square for kinds, false discovery rate over all of them. What a version says is compared in the same way,
    from forecasts by models that had not seen the match: its own in `evaluation`, then those in `predictions`.
    `importances` has each version's share of every feature in what it says; the version None stands for no model.
    """
    spans = _spans(features, as_of)
    names = [name for name in features.columns if name not in FEATURES_LEAD and group_of(name) not in CALENDAR]
    drifts = _drifts(spans, [*names, "sex"])  # of what all versions are given: tested once
    return {
        version: _report(
            spans, _forecasts(features, _of(evaluation, version), _of(predictions, version)), as_of, version, _weighted(drifts, weights)
        )
        for version, weights in importances.items()
    }


def drift_report(
    features: pd.DataFrame,
    evaluation: pd.DataFrame,
    predictions: pd.DataFrame,
    as_of: datetime,
    *,
    importance: Mapping[str, float] | None = None,
    model_version: int | None = None,
) -> dict[str, Any]:
    """The same of one version."""
    return drift_reports(features, evaluation, predictions, as_of, {model_version: importance})[model_version]


def _report(spans: _Spans, forecasts: pd.DataFrame, as_of: datetime, version: int | None, seen: list[dict[str, Any]]) -> dict[str, Any]:
    judged = forecasts["outcome"].notna()
    realised = _realised(forecasts[judged & forecasts["match_id"].isin(spans.window["match_id"])])
    return {
        "as_of": iso(as_of),
        "model_version": version,
        "window": _span(spans.window),
        "reference": _span(spans.reference),
        "drift_score": float(np.mean([found["drifts"] for found in seen])) if len(spans.reference) else None,
        "sentence": _sentence(seen, realised),
        "features": seen,
        "predictions": _drifts(spans.of(forecasts), CHANCES),
        "performance": _performance(forecasts[judged]),
        "estimated": _estimated(forecasts[~judged & (forecasts["date"] >= pd.Timestamp(as_of.date()))]),
        "realised": realised,
        "hurts": realised["hurts"],
    }


def _weighted(drifts: list[dict[str, Any]], importance: Mapping[str, float] | None) -> list[dict[str, Any]]:
    """What the models are given, each feature with its importance for one of them."""
    return [found | {"importance": plain(importance.get(found["feature"], 0.0)) if importance else None} for found in drifts]


def _spans(features: pd.DataFrame, as_of: datetime) -> _Spans:
    today = pd.Timestamp(as_of.date())
    past = features[features["outcome"].notna() & (features["date"] <= today)].sort_values(["date", "match_id"])
    number = max(int((past["date"] > today - timedelta(days=WINDOW_DAYS)).sum()), min(WINDOW_MATCHES, len(past) // 4))
    window = past.tail(number) if number else past.iloc[:0]
    begin = window["date"].min() if number else today
    before = past[(past["date"] < begin) & (past["date"] >= begin - timedelta(days=SEASON_DAYS))]
    return _Spans(window, before)


def _span(part: pd.DataFrame) -> dict[str, Any]:
    first, last = (f"{part['date'].min():%Y-%m-%d}", f"{part['date'].max():%Y-%m-%d}") if len(part) else (None, None)
    return {"from": first, "to": last, "matches": len(part)}


def _of_version(features: pd.DataFrame, evaluation: pd.DataFrame, predictions: pd.DataFrame, version: int | None) -> pd.DataFrame:
    return _forecasts(features, _of(evaluation, version), _of(predictions, version))


def _of(rows: pd.DataFrame, version: int | None) -> pd.DataFrame:
    """The rows of one model version; none without a version."""
    return rows.iloc[:0] if version is None else rows[(rows["model_version"] == version).fillna(False).astype(bool)]


def _forecasts(features: pd.DataFrame, evaluation: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """match_id, date, the three chances, and the outcome where it is known: one row a match, out of sample where judged."""
    live = predictions[~predictions["in_sample"].fillna(False).astype(bool)]
    said = pd.concat([evaluation[["match_id", *CHANCES]], live[CHANCES].rename_axis("match_id").reset_index()])
    said = said.drop_duplicates("match_id")
    facts = features[["match_id", "date", "outcome"]].assign(outcome=features["outcome"].where(features["label_ok"]))
    return facts.merge(said, on="match_id").sort_values(["date", "match_id"])


def _drifts(spans: _Spans, names: Sequence[str]) -> list[dict[str, Any]]:
    if not len(spans.reference) or not len(spans.window):
        return []
    columns = [(name, spans.reference[name].to_numpy(np.float64), spans.window[name].to_numpy(np.float64)) for name in names]
    found = [{"feature": name, **(_kinds if name in KINDS else _amounts)(name, before, now)} for name, before, now in columns]
    for one, q in zip(found, false_discovery([one["p"] for one in found]), strict=True):
        one |= {"q": q, "drifts": q < FALSE_DISCOVERY_RATE}
    return found


def _amounts(name: str, before: Floats, now: Floats) -> dict[str, Any]:
    """Two samples of an amount: the largest gap between their distributions (Kolmogorov and Smirnov)."""
    missing = float(np.isnan(now).mean())
    before, now = before[~np.isnan(before)], now[~np.isnan(now)]
    if not len(before) or not len(now):
        return {"test": "KS", "statistic": None, "threshold": None, "p": 1.0, "effect": None} | _shares(np.zeros(0), before, now, missing)
    tested = stats.ks_2samp(before, now, method="asymp")
    return {
        "test": "KS",
        "statistic": float(tested.statistic),
        "threshold": float(stats.kstwobign.isf(0.05) * np.sqrt((len(before) + len(now)) / (len(before) * len(now)))),
        "p": float(f"{tested.pvalue:.12g}"),  # its last bits differ from process to process, and the same data are the same file
        "effect": _effect(before, now),
    } | _shares(_edges(before, now), before, now, missing)


def _kinds(name: str, before: Floats, now: Floats) -> dict[str, Any]:
    """Two samples of a kind: chi-square over the table of counts, without the kinds that never came."""
    words = KINDS[name]
    counts = np.array([[(part == value).sum() for value in range(len(words))] for part in (before, now)])
    there = counts[:, counts.sum(axis=0) > 0]
    freedom = there.shape[1] - 1
    statistic, p = (stats.chi2_contingency(there, correction=False)[:2]) if freedom else (0.0, 1.0)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return {
        "test": "chi2",
        "statistic": float(statistic),
        "threshold": float(stats.chi2.isf(0.05, max(freedom, 1))),
        "p": float(p),
        "effect": _effect(before, now),
        "missing": float(np.isnan(now).mean()),
        "bins": list(words),
        "reference_share": shares[0].tolist(),
        "window_share": shares[1].tolist(),
    }


def _effect(before: Floats, now: Floats) -> float | None:
    """The difference of the means in standard deviations, both samples pooled (Cohen 1988); 0 where nothing varies."""
    spread = float(np.sqrt((np.var(before) + np.var(now)) / 2))
    return plain((now.mean() - before.mean()) / spread) if spread else (0.0 if before.mean() == now.mean() else None)


def _edges(before: Floats, now: Floats) -> Floats:
    both = np.concatenate([before, now])
    low, high = float(both.min()), float(both.max())
    return np.linspace(low, high, BINS + 1) if high > low else np.array([low - 0.5, low + 0.5])


def _shares(edges: Floats, before: Floats, now: Floats, missing: float) -> dict[str, Any]:
    before_share, now_share = ((np.histogram(part, edges)[0] / len(part)).tolist() if len(edges) else [] for part in (before, now))
    return {"missing": missing, "bins": edges.tolist(), "reference_share": before_share, "window_share": now_share}


def _expected(chances: Floats) -> tuple[float, float]:
    """The mean log loss that forecasts expect of themselves, and its standard error if they are right."""
    logs = np.log(chances)
    surprise = -(chances * logs).sum(axis=1)
    spread = (chances * logs**2).sum(axis=1) - surprise**2
    return float(surprise.mean()), float(np.sqrt(spread.sum()) / len(chances))


def _realised(recent: pd.DataFrame) -> dict[str, Any]:
    """Log loss of the window's forecasts; it hurts when it is above what right forecasts would reach once in forty."""
    if recent.empty:
        return {"log_loss": None, "low": None, "high": None, "n": 0, "expected": None, "most": None, "hurts": False}
    chances, outcomes = recent[CHANCES].to_numpy(np.float64), recent["outcome"].to_numpy(np.int64)
    losses = log_loss(chances, outcomes)
    interval = block_interval(losses, recent["date"].to_numpy().astype("datetime64[D]").astype(np.int64))
    expected, error = _expected(chances)
    most = expected + TWO_SIDED * error
    return {
        "log_loss": interval.point,
        "low": interval.low,
        "high": interval.high,
        "n": len(recent),
        "expected": expected,
        "most": most,
        "hurts": interval.point > most,
    }


def _weeks(forecasts: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The matches by week, named by its Monday."""
    monday = forecasts["date"] - pd.to_timedelta(forecasts["date"].dt.day_of_week, unit="D")
    return [(f"{week:%Y-%m-%d}", part) for week, part in forecasts.groupby(monday)]


def _performance(played: pd.DataFrame) -> list[dict[str, Any]]:
    """By week the log loss, and the band in which right forecasts would stay 19 times in 20."""
    found = []
    for week, part in _weeks(played)[-WEEKS:]:
        chances = part[CHANCES].to_numpy(np.float64)
        expected, error = _expected(chances)
        reached = float(log_loss(chances, part["outcome"].to_numpy(np.int64)).mean())
        band = {"low": max(expected - TWO_SIDED * error, 0.0), "high": expected + TWO_SIDED * error}
        found.append({"week": week, "n": len(part), "log_loss": reached, **band})
    return found


def _estimated(unplayed: pd.DataFrame) -> list[dict[str, Any]]:
    """By week the log loss that the forecasts expect of themselves: there are no results yet."""
    weeks = [(week, part[CHANCES].to_numpy(np.float64)) for week, part in _weeks(unplayed)]
    return [{"week": week, "n": len(chances), "log_loss": _expected(chances)[0]} for week, chances in weeks]


def _sentence(seen: Sequence[Mapping[str, Any]], realised: Mapping[str, Any]) -> str:
    return f"{_what_moved(seen)}, {_whether_it_hurts(realised)}."


def _what_moved(seen: Sequence[Mapping[str, Any]]) -> str:
    if not seen:
        return "There are too few matches yet to say what moved"
    moved = sorted((found for found in seen if found["drifts"]), key=lambda found: (-(found["importance"] or 0), found["q"]))
    if not moved:
        return "Nothing that the models see has moved"
    first = FEATURE_WORDS.get(moved[0]["feature"], ("", moved[0]["feature"]))[1]
    others = f" and {len(moved) - 1} more of {len(seen)} features have" if len(moved) > 1 else " has"
    return f"{first}{others} moved"


def _whether_it_hurts(realised: Mapping[str, Any]) -> str:
    if not realised["n"]:
        return "and whether it hurts is not known before there are results"
    reached, most = f"{realised['log_loss']:.3f}", f"{realised['most']:.3f}"
    if realised["hurts"]:
        return f"and it hurts: the log loss is {reached}, above the {most} that right forecasts would stay below"
    return f"and it does not hurt: the log loss is {reached}, within what right forecasts would reach ({most})"
