"""The promotion gate as the Arena shows it: the answer, each check with its figures, and what was said at registration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from core.football.contest import Contest
from core.football.evidence import matches_needed, perfect_calibration
from core.football.promotion import CHECKS, ENOUGH, FAST, Checks, checks, hindrances
from core.football.scoring import Interval, expected_calibration_error
from core.views.charted import Verdict
from core.views.words import MISSING, count, day, listed, number, signed, span

REFIT = "the challenger is the champion’s own recipe, fitted anew"
STATES = {True: "passed", False: "not passed", None: "not made"}


@dataclass(frozen=True)
class Evidence:
    """What is known of a version beside its forecasts: its number, how the leak test ended and on how many matches, and the
    milliseconds of one forecast in the slowest part of the model."""

    version: int | None = None
    no_leak: bool | None = None
    leak_matches: int = 0
    latency: float | None = None
    slowest: str = ""


def evidence(card: Mapping[str, Any]) -> Evidence:
    """From a version's card in the registry; what nobody wrote down is not known."""
    gate = card.get("gate") or {}
    return Evidence(
        card.get("model_version"),
        (gate.get("checks") or {}).get("no_leak"),
        int((gate.get("leak") or {}).get("matches") or 0),
        gate.get("latency_ms"),
        str(gate.get("latency_of") or ""),
    )


@dataclass(frozen=True)
class Judged:
    """The challenger against the champion on some matches: the figures, and the checks that follow from them."""

    difference: Interval
    n: int
    ece: float
    luck: float
    rival: Evidence
    checks: Checks

    @property
    def apart(self) -> bool:
        """Whether the two ever said anything different: the same recipe, fitted anew, is judged by the same forecasts."""
        return (self.difference.low, self.difference.point, self.difference.high) != (0, 0, 0)

    @property
    def failing(self) -> list[str]:
        """The checks that stand in the way, as people call them, the gravest first."""
        return [words for name, words in CHECKS.items() if self.checks[name] is not True]


def judge(some: Contest, difference: Interval, rival: Evidence) -> Judged:
    """All five checks, on these matches."""
    chances = some.chances["challenger"]
    ece, luck = expected_calibration_error(chances, some.outcomes), perfect_calibration(chances)
    made = checks(difference, len(some), ece, luck, rival.no_leak, rival.latency)
    return Judged(difference, len(some), ece, luck, rival, made)


def verdict(found: Judged, champion: int | None = None) -> Verdict:
    """The answer, decided on the whole interval and never on the point, and only where every other check holds."""
    if champion is not None and champion == found.rival.version:
        return Verdict(False, f"There is no challenger: version {champion} serves as both.", "The next fit brings a new one.")
    difference = found.difference
    if difference.low == difference.point == difference.high == 0:
        return Verdict(
            False,
            "Nothing to tell apart: the challenger is the champion’s recipe, fitted anew.",
            "Walking forward judges recipes, not fits.",
        )
    measured = f"Log loss differs by {reach(difference)}."
    failing = f"Not passed: {', '.join(found.failing)}." if found.failing else "All five checks hold."
    sentence, more = _answer(found)
    return Verdict(sentence.startswith("Yes"), sentence, " ".join(filter(None, (measured, more, failing))))


def _answer(found: Judged) -> tuple[str, str]:
    """The sentence, and what a person may want to know next."""
    difference, n = found.difference, found.n
    if found.checks["no_leak"] is False:
        return "No: the challenger knew the future. A later result moves one of its features, so it must not serve.", ""
    if difference.high < 0:
        return _better(found)
    if difference.low > 0:
        return "No: keep the champion. It is better, and the whole interval says so.", ""
    if difference.point < 0:
        return "Not yet: keep the champion. The challenger looks better, but the interval still reaches zero.", _needed(difference, n)
    return "No: keep the champion. The challenger looks no better, and the interval reaches zero.", _needed(difference, n)


def _better(found: Judged) -> tuple[str, str]:
    if not found.checks["enough"]:
        wanting = f"A promotion is decided on at least {ENOUGH:,} matches; these are {found.n:,}."
        return "Not yet: the challenger is better on these matches, but they are too few to promote on.", wanting
    stands = hindrances(found.checks)
    if stands:
        return f"Not yet: the challenger is better, but {listed(stands)}.", ""
    return "Yes: the challenger is better, and the whole interval says so.", ""


def _needed(difference: Interval, n: int) -> str:
    needed = matches_needed(difference, n)
    if needed is None:
        return ""
    if needed > 1_000_000:
        return "To see so small a difference, more than a million matches would be needed."
    about = round(needed, 2 - len(str(needed))) if needed >= 1000 else needed  # an estimate: two figures of it are all that is known
    return f"To see a difference of this size with 80% power you need about {about:,} matches; these are {n:,}."


def reach(difference: Interval) -> str:
    """`−0.0036 (95% interval −0.0081 to +0.0009)`."""
    point, low, high = _ends(difference)
    return f"{point} (95% interval {low} to {high})"


def _ends(difference: Interval) -> tuple[str, str, str]:
    """Point, low and high, with five decimals where an end would else be rounded to zero."""
    digits = 4 if min(abs(difference.low), abs(difference.high)) >= 0.00005 else 5
    return signed(difference.point, digits), signed(difference.low, digits), signed(difference.high, digits)


@dataclass(frozen=True)
class CheckRow:
    """One check: its name, what a promotion needs, what was found with its interval, how it ended, and whether it passed."""

    name: str
    needed: str
    found: str
    interval: str
    state: str
    holds: bool


def check_rows(found: Judged) -> list[CheckRow]:
    """The five checks, the gravest first."""
    rival, (point, low, high) = found.rival, _ends(found.difference)
    words = {
        "no_leak": ("a changed later result moves no earlier feature", count(rival.leak_matches, "match", "matches"), ""),
        "enough": (f"at least {ENOUGH:,} common matches", f"{found.n:,}", ""),
        "better": ("in log loss, its whole interval below zero", point, f"{low} to {high}"),
        "calibrated": ("an error that luck alone would make", number(found.ece, 3), f"luck ≤ {found.luck:.3f}"),
        "fast": (f"at most {FAST} ms a forecast", MISSING if rival.latency is None else f"{rival.latency:.2f} ms", ""),
    }
    return [
        CheckRow(title.capitalize(), *words[name], STATES[found.checks[name]], found.checks[name] is True) for name, title in CHECKS.items()
    ]


def gate_words(cards: Mapping[str, Mapping[str, Any]], judged_to: date) -> str:
    """What the gate said of the challenger when it was registered, and whether that is out of date; empty where nothing is kept.

    `judged_to` is the last day of the matches that are judged now.
    """
    card, champion = cards.get("challenger") or {}, (cards.get("champion") or {}).get("model_version")
    gate = card.get("gate") or {}
    if not gate.get("reason"):
        return ""
    passed = [words for name, words in CHECKS.items() if gate["checks"].get(name)]
    others = [words for name, words in CHECKS.items() if words not in passed]
    told = [f"{title}: {', '.join(words)}." for title, words in (("Passed", passed), ("Not passed", others)) if words]
    return " ".join(
        [
            f"When version {card['model_version']} was registered{_against(gate)}, the gate said: {gate['reason']}",
            *told,
            *_stale(gate, champion, judged_to),
        ]
    )


def _against(gate: Mapping[str, Any]) -> str:
    """Of which champion and which matches a verdict speaks."""
    champion = f" and judged against version {gate['champion_version']}" if gate.get("champion_version") else ""
    if not (gate.get("from") and gate.get("to")):
        return champion
    return f"{champion} on {count(gate['n'], 'match', 'matches')}, {span(*(date.fromisoformat(gate[end]) for end in ('from', 'to')))}"


def _stale(gate: Mapping[str, Any], champion: int | None, judged_to: date) -> list[str]:
    since = []
    if gate.get("champion_version") and champion is not None and gate["champion_version"] != champion:
        since.append(f"version {champion} is the champion now")
    if gate.get("to") and date.fromisoformat(gate["to"]) < judged_to:
        since.append(f"matches up to {day(judged_to)} are known")
    return [f"That is out of date, since {listed(since)}: the checks above are made anew."] if since else []
