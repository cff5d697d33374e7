"""Drift: has what the models see and say changed, how much, and does it hurt?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Any

import pandas as pd

from core.views.charted import Chart, Verdict
from core.views.words import count, number, percent, sentence, short_p, span

Report = Mapping[str, Any]

TESTS = {"KS": "KS", "chi2": "χ²"}
PREDICTED = {"home": "Chance of a home win", "draw": "Chance of a draw", "away": "Chance of an away win"}


@dataclass(frozen=True)
class FeatureRow:
    """One feature's test, every number as it is shown."""

    feature: str
    words: str
    drifts: bool
    test: str
    statistic: str
    threshold: str
    p: str
    q: str
    effect: str
    importance: str

    @property
    def folded(self) -> str:
        """What stands under the name where there is no room for columns."""
        return f"{self.test} {self.statistic}, limit {self.threshold}, p {self.p}, effect {self.effect}"


@dataclass(frozen=True)
class DriftView:
    question: str
    verdict: Verdict
    weeks: Chart
    features: list[FeatureRow]
    features_table: pd.DataFrame
    distributions: dict[str, Chart]
    predictions: list[FeatureRow]
    predictions_table: pd.DataFrame

    @property
    def named(self) -> dict[str, str]:
        """The words of everything that has a distribution, by its name; the first is the one to look at first."""
        return {row.feature: row.words for row in (*self.features, *self.predictions)}


def drift_view(report: Report | None, words: Mapping[str, str]) -> DriftView | None:
    """The view of a drift report (reports/drift/latest.json); None before there is one. `words` names features for people."""
    if not report or not report.get("features"):
        return None
    features = sorted(report["features"], key=lambda found: (not found["drifts"], _last(found["q"]), -(found.get("importance") or 0)))
    said = _predictions(report)
    rows = [feature_row(found, words.get(found["feature"], plain_name(found["feature"]))) for found in features]
    predicted = [feature_row(found, PREDICTED.get(found["feature"], plain_name(found["feature"]))) for found in said]
    named = {row.feature: row.words for row in (*rows, *predicted)}
    return DriftView(
        question=question(report),
        verdict=verdict(report),
        weeks=weeks_chart(report),
        features=rows,
        features_table=feature_table(rows),
        distributions={found["feature"]: distribution(found, named[found["feature"]]) for found in (*features, *said)},
        predictions=predicted,
        predictions_table=feature_table(predicted).drop(columns="Importance"),
    )


def _predictions(report: Report) -> list[dict[str, Any]]:
    given = report.get("predictions") or []
    found = [{"feature": name, **rest} for name, rest in given.items()] if isinstance(given, Mapping) else [dict(item) for item in given]
    return [item | {"feature": str(item.get("feature", item.get("outcome"))).removeprefix("proba_")} for item in found]


def plain_name(feature: str) -> str:
    """A feature's name as words, for one that nobody has named yet."""
    return sentence(feature.replace("_", " ")).removesuffix(".")


def _last(value: float | None) -> float:
    return 2.0 if value is None else value


def question(report: Report) -> str:
    window, reference = report["window"], report["reference"]
    now = f"{count(window['matches'], 'match', 'matches')}, {span(_date(window['from']), _date(window['to']))}"
    return f"What the models see and say: {now}, against {reference['matches']:,} of the season before."


def whose(report: Report, champion: int | None, former: int | None, until: str) -> str:
    """Of which version the figures are: `version 2`, and what it was where it is not the champion. `until` is when a former champion
    ceased to be it, as it is shown; empty where that is not known.
    """
    version = report.get("model_version")
    if version is None:
        return "the champion"
    if version == champion or champion is None:
        return f"version {version}, the champion"
    was = f", champion until {until}" if version == former and until else ", not the champion now"
    return f"version {version}{was}; version {champion} has no report yet"


def _date(text: str) -> date:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).date()


def verdict(report: Report) -> Verdict:
    """What moved, and whether it hurts, in the report's own sentence; below it the numbers it rests on."""
    features = report["features"]
    moved = sum(bool(found["drifts"]) for found in features)
    parts = [f"{moved} of {count(len(features), 'feature')} {'drifts' if moved == 1 else 'drift'} at a false discovery rate of 5%."]
    realised = report.get("realised") or {}
    estimated = [week for week in report.get("estimated") or [] if week.get("n")]
    if estimated:
        total = sum(week["n"] for week in estimated)
        guess = sum(week["log_loss"] * week["n"] for week in estimated) / total
        parts.append(f"Estimated log loss of {count(total, 'match', 'matches')} without a result yet: {number(guess, 3)}.")
    if realised.get("n"):
        band = f"95% interval {number(realised['low'], 3)} to {number(realised['high'], 3)}"
        parts.append(
            f"Realised {number(realised['log_loss'], 3)} on {count(realised['n'], 'finished match', 'finished matches')} ({band})."
        )
    return Verdict(not report.get("hurts"), sentence(report["sentence"]), " ".join(parts))


def weeks_chart(report: Report) -> Chart:
    """The score by week in its band; weeks without results are estimated, and keep the last known band."""
    known = pd.DataFrame(report.get("performance") or [], columns=["week", "n", "log_loss", "low", "high"]).assign(estimated=False)
    guessed = pd.DataFrame(report.get("estimated") or [], columns=["week", "n", "log_loss"]).assign(estimated=True)
    weeks = pd.concat([known, guessed], ignore_index=True) if len(guessed) else known
    weeks = weeks.assign(week=pd.to_datetime(weeks["week"]), **{edge: weeks[edge].astype("float64").ffill() for edge in ("low", "high")})
    data = weeks.rename(columns={"log_loss": "score"})[["week", "score", "low", "high", "n", "estimated"]]
    table = pd.DataFrame(
        {
            "Week from": [str(week.date()) for week in data["week"]],
            "Matches": data["n"],
            "Log loss": [number(score, 3) for score in data["score"]],
            "Band": [f"{number(low, 3)}–{number(high, 3)}" for low, high in zip(data["low"], data["high"], strict=True)],
            "": ["estimated" if estimated else "realised" for estimated in data["estimated"]],
        }
    )
    return Chart(data, weeks_words(data), table)


def weeks_words(weeks: pd.DataFrame) -> str:
    known = weeks[~weeks["estimated"]]
    if known.empty:
        return "No week with results yet."
    outside = int(((known["score"] < known["low"]) | (known["score"] > known["high"])).sum())
    lies = "every week lies in its band" if not outside else f"{outside} of {count(len(known), 'week')} outside the band"
    best, worst = number(known["score"].min(), 2), number(known["score"].max(), 2)
    return f"Log loss by week between {best} and {worst}; {lies}."


def feature_row(found: Mapping[str, Any], words: str) -> FeatureRow:
    digits = 1 if found["test"] == "chi2" else 2
    return FeatureRow(
        feature=found["feature"],
        words=words,
        drifts=bool(found["drifts"]),
        test=TESTS.get(found["test"], found["test"]),
        statistic=number(found["statistic"], digits),
        threshold=number(found["threshold"], digits),
        p=short_p(found["p"]),
        q=short_p(found["q"]),
        effect=number(found["effect"], 2),
        importance=percent(found.get("importance"), 1),
    )


def feature_table(rows: Sequence[FeatureRow]) -> pd.DataFrame:
    columns = ["Feature", "Test", "Statistic", "Threshold", "p", "q", "Effect", "Importance", "Drifts"]
    values = [
        (row.words, row.test, row.statistic, row.threshold, row.p, row.q, row.effect, row.importance, "yes" if row.drifts else "no")
        for row in rows
    ]
    return pd.DataFrame(values, columns=columns)


def distribution(found: Mapping[str, Any], words: str) -> Chart:
    """The values of the window over the outline of those of the reference."""
    window, reference = list(found["window_share"]), list(found["reference_share"])
    data = pd.DataFrame({"bin": bin_labels(found["bins"], len(window)), "window": window, "reference": reference})
    table = pd.DataFrame(
        {
            words: bin_ranges(found["bins"], len(window)),
            "Now": [percent(share, 1) for share in window],
            "Before": [percent(share, 1) for share in reference],
        }
    )
    return Chart(data, f"{words}: {_largest_change(table[words].tolist(), window, reference)}{_missing(found)}", table)


def _largest_change(ranges: Sequence[str], window: Sequence[float], reference: Sequence[float]) -> str:
    if not window:
        return "no values in the window."
    place = max(range(len(window)), key=lambda i: abs(window[i] - reference[i]))
    return f"the largest change is at {ranges[place]}, {percent(window[place])} now against {percent(reference[place])} before."


def _missing(found: Mapping[str, Any]) -> str:
    share = found.get("missing") or 0
    return f" Missing in {percent(share, 1)} of the window." if share else ""


def bin_labels(bins: Sequence[Any], n: int) -> list[str]:
    """A short label for each bar: the middle of its range when `bins` are n + 1 edges, else the bin's own name."""
    if len(bins) != n + 1:
        return [_short(value) for value in bins]
    middles = [(float(low) + float(high)) / 2 for low, high in pairwise(bins)]
    width = min(float(high) - float(low) for low, high in pairwise(bins))
    return [number(middle, 0 if width >= 2 else 1 if width >= 0.2 else 2) for middle in middles]


def bin_ranges(bins: Sequence[Any], n: int) -> list[str]:
    if len(bins) != n + 1:
        return [_short(value) for value in bins]
    return [f"{_short(low)} to {_short(high)}" for low, high in pairwise(bins)]


def _short(value: Any) -> str:
    return f"{value:.4g}".replace("-", "−") if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
