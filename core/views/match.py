"""Match: one match in full. What was said of it and by whom, the numbers that follow, and how it did."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from core.clock import from_iso
from core.football.outcomes import TYPICAL_TOTAL, Outcome, Probabilities, ScoreGrid, score_grid
from core.football.scoring import log_loss, rps
from core.views.charted import Verdict
from core.views.words import number, percent, sentence
from core.vocabulary import BASELINE, CHALLENGER, CHAMPION, FORMER_CHAMPION

LARGEST = 2**53
STAGES = ((CHAMPION, "Champion"), (CHALLENGER, "Challenger"), (FORMER_CHAMPION, "Former champion"), (BASELINE, "Baseline"))
A_GUESS = math.log(3)  # log loss of saying a third each
WIDE = (
    "Little is known of this match: a side plays its first one in the data, or the model has hardly seen this kind of football. "
    "So its three numbers lie closer together than they would."
)
PLAYED, TO_COME = "finished", "scheduled"
# Numbered rounds as the sources spell them: of a league's course, and those that may be of a cup.
_MATCHDAY = re.compile(r"(?:Matchday|Jornada) (\d+)|(\d+)(?:\. Spieltag|\^ Giornata)")
_ROUND = re.compile(r"(\d+)\. (?:Runde|Round)")

SEALED, HELD_OUT, WALKED = "sealed", "held out", "walked"
_SOURCES = {
    SEALED: "",
    HELD_OUT: "Worked out after the match, from earlier matches only, by a model that had not learned from it; not sealed in time.",
    WALKED: "From the test walked forward through time: a model fitted on the months before said this. It was not sealed.",
}
Row = Mapping[str, Any]


class Said(NamedTuple):
    """What one model says, or said, of the match. `source` is one of the three above."""

    stage: str
    name: str
    version: int | None
    probabilities: Probabilities
    source: str


@dataclass(frozen=True)
class MatchView:
    """`said` holds the champion first, where it spoke; `grid` and `facts` follow from the champion's three numbers.

    `kickoff` is in the visitor's zone, None where only the day is known; `outcome` is None until played.
    """

    match_id: int
    home: str
    away: str
    competition: str
    day: date
    kickoff: datetime | None
    where: str
    said: tuple[Said, ...]
    grid: ScoreGrid | None
    facts: tuple[tuple[str, str, str], ...]
    outcome: Outcome | None
    verdict: Verdict | None
    note: str
    wide: str

    @property
    def title(self) -> str:
        return f"{self.home} v {self.away}"

    @property
    def champion(self) -> Said | None:
        return next((said for said in self.said if said.stage == CHAMPION), None)


def wanted(text: str) -> int | None:
    """The id in an address: a whole number from 1 to below 2^53, else None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 16 and 0 < int(text) < LARGEST else None


def unknown(text: str) -> str:
    """Why there is no such match, and what to do."""
    if not text:
        return "This page shows one match. Choose it from the list of matches."
    if wanted(text) is None:
        shown = text if len(text) <= 24 else text[:24] + "…"
        return f"“{shown}” is not the number of a match. Choose a match from the list."
    return f"There is no match with the number {text} in the data. It may have been moved or taken out; choose it from the list."


def match_view(
    match: Row, predictions: Sequence[Row], walked: Sequence[Row], sealed: Sequence[Row], zone: tzinfo, said_then: Row | None = None
) -> MatchView:
    """The view of a match of the history, with its rows in the batch, the walk-forward and the chain; all may be empty.

    `predictions` and `walked` have a row for each stage, as `model_stage` says; `sealed` are entries in their order, each under the
    stage that its version has now: see `by_role`. `said_then` is the last entry that was sealed as the champion's: of a match that was
    played this is what we said, whichever version is the champion now.
    """
    kickoff = from_iso(match["kickoff_utc"]).astimezone(zone) if match["kickoff_utc"] else None
    day = kickoff.date() if kickoff else date.fromisoformat(match["date"])
    outcome = Outcome.of(match["home_score"], match["away_score"]) if _has_score(match) else None
    said = tuple(_all_said(predictions, walked, sealed, outcome is not None))
    if outcome is not None and said_then is not None:
        said = _with_then(said, said_then)
    champion = said[0] if said and said[0].stage == CHAMPION else None
    grid = score_grid(champion.probabilities, _total(predictions)) if champion else None
    note = _note(match, champion, bool(predictions))
    return MatchView(
        match_id=match["match_id"],
        home=match["home_team"],
        away=match["away_team"],
        competition=match["competition"],
        day=day,
        kickoff=kickoff,
        where=_where(match, day, kickoff),
        said=said,
        grid=grid,
        facts=tuple(_facts(grid, said)) if grid else (),
        outcome=outcome,
        verdict=_verdict(match, champion, outcome, note),
        note=note,
        wide=WIDE if outcome is None and _is_wide(predictions) else "",
    )


def until(sealed: Sequence[Row], now: datetime) -> list[Row]:
    """The sealed entries that speak of a moment up to `now`: a replay that went back to its start must not show what it sealed later.

    An entry whose numbers are no probabilities was changed afterwards, which the check of the chain says; it is left out.
    """
    return [row for row in sealed if from_iso(row["as_of"]) <= now and _is_sound(row)]


def _is_sound(row: Row) -> bool:
    chances = [row["proba_home"], row["proba_draw"], row["proba_away"]]
    return all(isinstance(chance, float) and 0 <= chance <= 1 for chance in chances) and abs(sum(chances) - 1) < 1e-6


def champion_then(sealed: Sequence[Row]) -> Row | None:
    """The last entry that was sealed as the champion's; None when there is none."""
    return next((row for row in reversed(sealed) if row["stage"] == CHAMPION), None)


def _with_then(said: Sequence[Said], entry: Row) -> tuple[Said, ...]:
    """What we said then comes first; the champion of today keeps its own row where it is another version."""
    version = entry["model_version"]
    is_still = any(one.stage == CHAMPION and one.version == version for one in said)
    name = f"Champion v{version}" if is_still else f"Champion then, v{version}"
    then = Said(CHAMPION, name, version, Probabilities(entry["proba_home"], entry["proba_draw"], entry["proba_away"]), SEALED)
    others = [one._replace(name=one.name.replace("Champion v", "Champion now, v")) for one in said if one.version != version]
    return then, *others


def by_role(sealed: Sequence[Row], roles: Mapping[str, int | None]) -> list[dict[str, Any]]:
    """Sealed entries under the role that their version has now, whatever stage it had when they were sealed; others are left out.

    Where no version is known, as in a file of forecasts that names none, entries keep their stage.
    """
    if None in roles.values():
        return [dict(row) for row in sealed]
    role_of = {version: role for role, version in roles.items()}
    return [{**row, "stage": role_of[row["model_version"]]} for row in sealed if row["model_version"] in role_of]


def _total(predictions: Sequence[Row]) -> float:
    """The goals that the ratings expect of both sides, which shape the grid of scores."""
    known = (row.get("expected_total") for row in predictions)
    return next((float(total) for total in known if total is not None), TYPICAL_TOTAL)


def _is_wide(predictions: Sequence[Row]) -> bool:
    return any(row["model_stage"] == CHAMPION and row.get("wide") for row in predictions)


def chances_table(said: Iterable[Said]) -> pd.DataFrame:
    """Each model's three numbers in per cent to one decimal, with columns named for people."""
    rows = [(one.name, *(percent(chance, 1) for chance in one.probabilities.as_tuple())) for one in said]
    return pd.DataFrame(rows, columns=["Model", "Home win", "Draw", "Away win"])


def _has_score(match: Row) -> bool:
    return match["status"] == PLAYED and match["home_score"] is not None and match["away_score"] is not None


def _all_said(predictions: Sequence[Row], walked: Sequence[Row], sealed: Sequence[Row], played: bool) -> Iterable[Said]:
    for stage, words in STAGES:
        found = _said(
            next((row for row in predictions if row["model_stage"] == stage), None),
            next((row for row in walked if row["model_stage"] == stage), None),
            next((row for row in reversed(sealed) if row["stage"] == stage), None),
            played,
        )
        if found is not None:
            row, source = found
            version = row.get("model_version")
            name = words if version is None else f"{words} v{version}"
            yield Said(stage, name, version, Probabilities(row["proba_home"], row["proba_draw"], row["proba_away"]), source)


def _said(predicted: Row | None, walked: Row | None, sealed: Row | None, played: bool) -> tuple[Row, str] | None:
    """What a stage says, and how we know. Of a match that was played only what no model had learned from it counts."""
    if not played:
        return None if predicted is None else (predicted, SEALED)
    if sealed is not None:
        return sealed, SEALED
    if predicted is not None and predicted["in_sample"] is False:
        return predicted, HELD_OUT
    return None if walked is None else (walked, WALKED)


def _where(match: Row, day: date, kickoff: datetime | None) -> str:
    """`Premier League, matchday 31. Sunday 19 April 2026, 16:30.`"""
    round_name = _round(match["round"]) if match["round"] and match["round"] != match["competition"] else ""
    league = ", ".join(part for part in (match["competition"], round_name[:1].lower() + round_name[1:]) if part)
    at = f"{kickoff:%H:%M}" if kickoff else "time not known"
    ground = " On neutral ground." if match["neutral"] else ""
    return f"{league}. {day:%A} {day.day} {day:%B %Y}, {at}.{ground}"


def _round(told: str) -> str:
    """`Matchday 30` of `30^ Giornata`, `Round 7` of `7. Runde`; a round with a name as the source tells it."""
    for kind, spelt in (("Matchday", _MATCHDAY), ("Round", _ROUND)):
        if found := spelt.fullmatch(told):
            return f"{kind} {next(filter(None, found.groups()))}"
    return told


def _facts(grid: ScoreGrid, said: Sequence[Said]) -> Iterable[tuple[str, str, str]]:
    """(word, number, a smaller word behind it): all but the last follow from the one grid."""
    home, draw, away = said[0].probabilities.percentages()
    home_goals, away_goals = grid.likeliest
    yield "Likeliest score", f"{home_goals}–{away_goals}", percent(float(grid.chances[home_goals, away_goals]))
    yield "Expected goals", "–".join(number(goals, 2) for goals in grid.expected_goals), ""
    yield "Over 2.5 goals", percent(grid.over(2.5)), ""
    yield "Both teams score", percent(grid.both_score), ""
    # From the bar's own whole numbers, so that they can be added up by eye.
    yield "Home or draw", f"{home + draw}%", ""
    yield "Away or draw", f"{draw + away}%", ""
    yield "No draw", f"{home + away}%", ""
    for one in said[1:]:
        if one.stage in (CHALLENGER, FORMER_CHAMPION):
            yield one.name, " · ".join(str(whole) for whole in one.probabilities.percentages()), ""


def _verdict(match: Row, champion: Said | None, outcome: Outcome | None, note: str) -> Verdict | None:
    """How it did, once played; `note` says why there is no forecast."""
    if outcome is None:
        return None
    score = f"{match['home_score']:.0f}–{match['away_score']:.0f}"
    happened = (f"{match['home_team']} won", "a draw", f"{match['away_team']} won")[outcome]
    if champion is None:
        return Verdict(True, f"Full time {score}: {happened}.", note)
    given = champion.probabilities.percentages()[outcome]
    called = champion.probabilities.likeliest is outcome
    lead = "as the forecast had it" if called else "not what the forecast thought likeliest"
    chances, classes = np.array([champion.probabilities.as_tuple()]), np.array([int(outcome)])
    loss, ranked = float(log_loss(chances, classes)[0]), float(rps(chances, classes)[0])
    against = f"{'better' if loss < A_GUESS else 'worse'} than a blind guess, {number(A_GUESS, 3)}"
    detail = f"{champion.name} gave it {given}%. Log loss {number(loss, 3)} ({against}); RPS {number(ranked, 3)}."
    return Verdict(called, f"Full time {score}: {happened}, {lead}.", f"{detail} {_SOURCES[champion.source]}".strip())


def _note(match: Row, champion: Said | None, in_batch: bool) -> str:
    """Why there is no forecast, or nothing."""
    if champion is not None:
        return ""
    if in_batch:
        return "The model has learned from this match, so what it says of it now is no forecast and is not shown."
    if match["status"] == TO_COME:
        return "There is no forecast of this match yet. `make pipeline` makes those of all matches to come."
    if match["status"] != PLAYED:
        return sentence(f"this match was {match['status']}, so there is no forecast of it")
    return "There is no forecast of this match: they are kept for about the last year, and for all matches to come."


def downloaded(view: MatchView, spoken: str = "") -> list[dict[str, Any]]:
    """What the download holds: a row a model; `spoken` says from which moment the forecasts of a match to come are."""
    return [
        {
            "Match id": view.match_id,
            "Date": view.day.isoformat(),
            "Home": view.home,
            "Away": view.away,
            "Model": one.name,
            **dict(zip(("Home win", "Draw", "Away win"), (round(chance, 6) for chance in one.probabilities.as_tuple()), strict=True)),
            "How we know": one.source if view.outcome is not None else f"To come. {spoken}".strip(),
        }
        for one in view.said
    ]
