"""Arena: is the challenger better than the champion, judged on the same matches? (core.football.contest makes them)"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.clock import from_iso
from core.football.competitions import titled
from core.football.contest import Contest
from core.football.evidence import false_discovery, p_value, perfect_calibration, reliability
from core.football.judging import Evidence, Judged, judge
from core.football.outcomes import Outcome, whole_percentages
from core.football.scoring import Interval, expected_calibration_error
from core.views.charted import Chart, Verdict
from core.views.gate import CHALLENGER_NOUN, FORMER_NOUN, reach, verdict
from core.views.matches import FAVOURITE, TOSS_UP
from core.views.words import MISSING, clock_time, count, day, number, percent, short_p, signed, span
from core.vocabulary import BASE_RATE, BASELINE, CHALLENGER, CHAMPION

FEW = 10  # forecasts below which a bin is in the table only
NO_EVIDENCE = Evidence()
LEAST = 50  # matches below which a slice is not shown
MEASURE_WORDS = {"log_loss": "Log loss", "rps": "RPS", "brier": "Brier", "accuracy": "Accuracy"}
OUTCOME_WORDS = {Outcome.HOME: "Home win", Outcome.DRAW: "Draw", Outcome.AWAY: "Away win"}


def league_names(matches: pd.DataFrame) -> dict[str, str]:
    """The name to show of each competition code in a MATCHES table."""
    known = matches[["competition_code", "competition", "country"]].drop_duplicates("competition_code")
    return {code: titled(name, country) for code, name, country in known.itertuples(index=False)}


@dataclass(frozen=True)
class Slice:
    """Some of the matches: their name, where they need telling apart a word more, and the paired difference on them."""

    label: str
    place: str
    n: int
    difference: Interval
    q: float | None = None

    @property
    def note(self) -> str:
        found = f", q {short_p(self.q)}" if self.q is not None else ""
        return f"{self.place + ', ' if self.place else ''}n {self.n:,}{found}"


def slices(some: Contest, names: Mapping[str, str]) -> list[Slice]:
    """All of the matches, then parts of them, each with its q: many looks find something by luck."""
    whole = Slice("All matches", "", len(some), some.difference(CHALLENGER, CHAMPION))
    parts = []
    for label, place, wanted in _parts(some, names):
        part = some.where(wanted)
        if LEAST <= len(part) < len(some):
            parts.append(Slice(label, place, len(part), part.difference(CHALLENGER, CHAMPION)))
    found = false_discovery([p_value(part.difference) for part in parts])
    return [whole, *(Slice(part.label, part.place, part.n, part.difference, q) for part, q in zip(parts, found, strict=True))]


def _parts(some: Contest, names: Mapping[str, str]) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    facts = some.facts
    boldest = np.array([max(whole_percentages(chances)) for chances in some.chances[CHAMPION].tolist()])  # as the cards show them
    for league in facts["competition_code"].value_counts().index[:6]:
        label, _, place = names.get(league, league).partition(" (")
        yield label, place.rstrip(")"), (facts["competition_code"] == league).to_numpy()
    for season in sorted(facts["season"].unique())[-3:]:
        yield str(season), "", (facts["season"] == season).to_numpy()
    for sex, label in ((0, "Men"), (1, "Women")):
        yield label, "", (facts["sex"] == sex).to_numpy()
    yield "Toss-ups", "", boldest < TOSS_UP
    yield "Favourites", "", boldest >= FAVOURITE
    yield "Early season", "", facts["date"].dt.month.isin([8, 9]).to_numpy()


def forest_frame(found: list[Slice]) -> pd.DataFrame:
    """For the chart: label, note, point, low, high."""
    return pd.DataFrame(
        [(part.label, part.note, part.difference.point, part.difference.low, part.difference.high) for part in found],
        columns=["label", "note", "point", "low", "high"],
    )


def forest_table(found: list[Slice]) -> pd.DataFrame:
    """The same for reading and for a file."""
    rows = [(f"{part.label} ({part.place})" if part.place else part.label, part) for part in found]
    return pd.DataFrame(
        {
            "Matches of": [label for label, _ in rows],
            "Number": [part.n for _, part in rows],
            "Difference": [round(part.difference.point, 5) for _, part in rows],
            "Low": [round(part.difference.low, 5) for _, part in rows],
            "High": [round(part.difference.high, 5) for _, part in rows],
            "q": [None if part.q is None else round(part.q, 3) for _, part in rows],
        }
    )


def forest_words(found: list[Slice], noun: str = CHALLENGER_NOUN) -> str:
    """One line that says what the forest shows."""
    clear = [part for part in found[1:] if part.q is not None and part.q < 0.05]
    whole = found[0].difference
    said = f"Over all {found[0].n:,} matches {noun} minus champion is {reach(whole)}."
    if not clear:
        return f"{said} No slice stands out after the correction for {count(len(found) - 1, 'look')}."
    return f"{said} Different after the correction: " + ", ".join(f"{part.label} {signed(part.difference.point)}" for part in clear) + "."


@dataclass(frozen=True)
class Pair:
    """The two versions that are compared. `sealed`: on sealed forecasts, since both are fits of one recipe. `until` is when a former
    champion ceased to be it, as it is shown."""

    champion: int | None
    rival: int | None
    is_former: bool = False
    sealed: bool = False
    until: str = ""

    @property
    def noun(self) -> str:
        return FORMER_NOUN if self.is_former else CHALLENGER_NOUN

    @property
    def sides(self) -> tuple[str, str]:
        """What it means to lie on either side of zero; short enough to stand side by side on a phone."""
        return (f"v{self.rival} better", f"v{self.champion} better") if self.is_former else ("challenger better", "champion better")

    def titles(self, baseline: int | None = None) -> dict[str, str]:
        """The name to show of each entrant of the contest."""
        return {
            CHAMPION: _versioned("Champion", self.champion),
            CHALLENGER: _versioned(self.noun.capitalize(), self.rival),
            BASELINE: _versioned("Baseline", baseline),
        }

    @property
    def question(self) -> str:
        if self.is_former:
            return f"Was the decision right? Version {self.champion} is the champion; version {self.rival} was until {self.until}."
        return "Is the challenger better than the champion?"


def pair(
    champion: int | None, rival: int | None, is_former: bool, sealed: bool, until: datetime | None, now: datetime, zone: tzinfo
) -> Pair:
    """Champion and rival as they are named on the page; `until` in real time, `now` the real time."""
    return Pair(champion, rival, is_former, sealed, clock_time(until, zone, now, seconds=False) if until else "the last decision")


def _versioned(words: str, version: int | None) -> str:
    return words if version is None else f"{words} v{version}"


@dataclass(frozen=True)
class Contestant:
    """Who is judged here: `title` says what the model is."""

    name: str
    title: str
    features: int
    registered: str


def contestants(cards: Mapping[str, Mapping[str, Any]], zone: tzinfo) -> list[Contestant]:
    """The versions that are compared, by their cards in the registry; each under the name to show of its role."""
    return [
        Contestant(
            _versioned(role.capitalize(), card["model_version"]),
            str(card.get("title") or card.get("model_name") or ""),
            len(card.get("features") or []),
            day(from_iso(str(card["registered_at"])).astimezone(zone)) if card.get("registered_at") else MISSING,
        )
        for role, card in cards.items()
        if card
    ]


class Cell(NamedTuple):
    number: str
    interval: str


@dataclass(frozen=True)
class ScoreRow:
    """One contestant: its name, and a cell for each measure in the order of MEASURE_WORDS, then ECE."""

    name: str
    cells: tuple[Cell, ...]

    @property
    def folded(self) -> str:
        """What stands under the name where there is room for log loss and accuracy only."""
        _, rps, brier, _, ece = self.cells
        return f"RPS {rps.number}, Brier {brier.number}" + (f", ECE {ece.number}" if ece.interval else "")


def score_rows(some: Contest, titles: Mapping[str, str]) -> list[ScoreRow]:
    """Every contestant on these matches."""
    return [
        ScoreRow(title(name, titles), (*(_cell(some, name, measure) for measure in MEASURE_WORDS), _ece(some, name)))
        for name in some.chances
    ]


def title(name: str, titles: Mapping[str, str]) -> str:
    """The name to show of an entrant; references have none of their own."""
    return titles.get(name) or name.replace("_", " ").capitalize()


def _cell(some: Contest, name: str, measure: str) -> Cell:
    found = some.interval(name, measure)
    if measure == "accuracy":
        return Cell(percent(found.point, 1), f"{100 * found.low:.1f}–{100 * found.high:.1f}")
    return Cell(number(found.point), f"{found.low:.3f}–{found.high:.3f}")


def _ece(some: Contest, name: str) -> Cell:
    if name == BASE_RATE:
        return Cell("–", "")
    chances = some.chances[name]
    return Cell(number(expected_calibration_error(chances, some.outcomes), 3), f"luck ≤ {perfect_calibration(chances):.3f}")


def score_table(rows: list[ScoreRow]) -> pd.DataFrame:
    columns: dict[str, list[str]] = {"Forecaster": [row.name for row in rows]}
    for place, words in enumerate([*MEASURE_WORDS.values(), "ECE"]):
        columns[words] = [row.cells[place].number for row in rows]
        columns[f"{words}, 95%" if words != "ECE" else "ECE, luck"] = [row.cells[place].interval for row in rows]
    return pd.DataFrame(columns)


def reliability_frame(some: Contest, outcome: Outcome, titles: Mapping[str, str]) -> pd.DataFrame:
    """For the chart: series, said, happened, low, high, n; the champion first. The table has the near-empty bins too."""
    rows = [
        (title(name, titles), bin_.said, bin_.happened.point, bin_.happened.low, bin_.happened.high, bin_.n)
        for name in (CHAMPION, CHALLENGER)
        if name in some.chances
        for bin_ in reliability(some.chances[name], some.outcomes, outcome)
    ]
    return pd.DataFrame(rows, columns=["series", "said", "happened", "low", "high", "n"])


def reliability_table(bins: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Forecaster": bins["series"],
            "Said": [percent(value, 1) for value in bins["said"]],
            "Happened": [percent(value, 1) for value in bins["happened"]],
            "95% interval": [f"{100 * low:.1f}–{100 * high:.1f}%" for low, high in zip(bins["low"], bins["high"], strict=True)],
            "Forecasts": bins["n"],
        }
    )


def reliability_words(some: Contest, outcome: Outcome, noun: str = CHALLENGER_NOUN) -> str:
    """One line: how often it was said on average, how often it happened, and how many bins contain the truth."""
    found = reliability(some.chances[CHALLENGER], some.outcomes, outcome)
    inside = sum(bin_.happened.low <= bin_.said <= bin_.happened.high for bin_ in found)
    said, happened = float(some.chances[CHALLENGER][:, outcome].mean()), float((some.outcomes == outcome).mean())
    return (
        f"{OUTCOME_WORDS[outcome]}: the {noun} said {percent(said, 1)} on average, {percent(happened, 1)} happened; "
        f"in {inside} of {count(len(found), 'bin')} the forecast lies inside the interval."
    )


@dataclass(frozen=True)
class ArenaView:
    """Everything the page shows of the chosen matches; `reliability` holds a chart for each outcome."""

    question: str
    verdict: Verdict
    judged: Judged
    scores: list[ScoreRow]
    scores_table: pd.DataFrame
    forest: Chart
    looks: int
    reliability: dict[Outcome, Chart]


def arena_view(
    some: Contest, versions: Pair, names: Mapping[str, str], rival: Evidence = NO_EVIDENCE, baseline: int | None = None
) -> ArenaView | None:
    """The view of these matches, with what is known of the rival beside its forecasts; None when the champion or the rival has no
    forecast among them."""
    if not len(some) or not {CHAMPION, CHALLENGER} <= set(some.chances):
        return None
    titles = versions.titles(baseline)
    found, rows = slices(some, names), score_rows(some, titles)
    dates, judged = some.facts["date"], judge(some, rival)
    on = "sealed forecasts of the same" if versions.sealed else "the same"
    return ArenaView(
        question=f"{versions.question} Judged on {on} {count(len(some), 'match', 'matches')}, {span(dates.min(), dates.max())}.",
        verdict=verdict(judged, versions.noun),
        judged=judged,
        scores=rows,
        scores_table=score_table(rows),
        forest=Chart(forest_frame(found), forest_words(found, versions.noun), forest_table(found)),
        looks=len(found) - 1,
        reliability={outcome: _reliability(some, outcome, titles, versions.noun) for outcome in Outcome},
    )


def nothing_to_judge(versions: Pair, all_matches: bool) -> str:
    """Why there is no view, and what to do. `all_matches`: no league and no season was chosen."""
    if versions.rival is None:
        return "There is no challenger yet. The next fit of the models brings one."
    if versions.sealed:
        return (
            f"Versions {versions.champion} and {versions.rival} are two fits of one recipe. Walking forward cannot tell them apart, so "
            "they are compared on forecasts sealed of both before kick-off, and no such match has been played here yet."
        )
    if all_matches:
        return f"The champion and the {versions.noun} share no match of the walk-forward. The next run of the pipeline walks both again."
    return f"The champion and the {versions.noun} share no match here. Choose another league or season."


def sealed_words(versions: Pair) -> str:
    """Why sealed forecasts decide; empty where the walk-forward does."""
    if not versions.sealed:
        return ""
    return (
        "Both versions are fits of one recipe, which walking forward cannot tell apart. They are compared on what was sealed of each "
        "before kick-off, in service or in shadow."
    )


def _reliability(some: Contest, outcome: Outcome, titles: Mapping[str, str], noun: str) -> Chart:
    bins = reliability_frame(some, outcome, titles)
    return Chart(bins[bins["n"] >= FEW].reset_index(drop=True), reliability_words(some, outcome, noun), reliability_table(bins))
