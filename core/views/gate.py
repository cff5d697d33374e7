"""The promotion gate as the Arena shows it: the answer, each check with its figures, and what was said at registration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from core.football.evidence import matches_needed
from core.football.judging import Judged
from core.football.promotion import CHECKS, ENOUGH, FAST, hindrances
from core.football.scoring import Interval
from core.views.charted import Verdict
from core.views.words import MISSING, count, day, listed, number, signed, span

CHALLENGER_NOUN, FORMER_NOUN = "challenger", "former champion"
STATES = {True: "passed", False: "not passed", None: "not made"}


def verdict(found: Judged, noun: str = CHALLENGER_NOUN) -> Verdict:
    """The answer, decided on the whole interval and never on the point, and only where every other check holds.

    `noun` names the version that is compared with the champion.
    """
    measured = f"Log loss differs by {reach(found.difference)}."
    if noun == FORMER_NOUN:
        return _looking_back(found, measured)
    failing = f"Not passed: {', '.join(found.failing)}." if found.failing else "All five checks hold."
    sentence, more = _answer(found, noun)
    return Verdict(sentence.startswith("Yes"), sentence, " ".join(filter(None, (measured, more, failing))))


def _looking_back(found: Judged, measured: str) -> Verdict:
    """Whether the last decision was right: decided on the interval alone, since a rollback has no gate."""
    difference, n = found.difference, found.n
    if difference.high < 0:
        return Verdict(False, "No: the former champion is better, and the whole interval says so. You can roll back below.", measured)
    if difference.low > 0:
        return Verdict(True, "Yes: the champion is better, and the whole interval says so.", measured)
    looks = "better" if difference.point < 0 else "no better"
    sentence = f"Too early to say: the former champion looks {looks}, and the interval reaches zero."
    return Verdict(True, sentence, " ".join(filter(None, (measured, _needed(difference, n)))))


def _answer(found: Judged, noun: str) -> tuple[str, str]:
    """The sentence, and what a person may want to know next."""
    difference, n = found.difference, found.n
    if found.checks["no_leak"] is False:
        return f"No: the {noun} knew the future. A later result moves one of its features, so it must not serve.", ""
    if difference.high < 0:
        return _better(found, noun)
    if difference.low > 0:
        return "No: keep the champion. It is better, and the whole interval says so.", ""
    if difference.point < 0:
        return f"Not yet: keep the champion. The {noun} looks better, but the interval still reaches zero.", _needed(difference, n)
    return f"No: keep the champion. The {noun} looks no better, and the interval reaches zero.", _needed(difference, n)


def _better(found: Judged, noun: str) -> tuple[str, str]:
    if not found.checks["enough"]:
        wanting = f"A promotion is decided on at least {ENOUGH:,} matches; these are {found.n:,}."
        return f"Not yet: the {noun} is better on these matches, but they are too few to promote on.", wanting
    stands = hindrances(found.checks)
    if stands:
        return f"Not yet: the {noun} is better, but {listed(stands)}.", ""
    return f"Yes: the {noun} is better, and the whole interval says so.", ""


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


def gate_words(card: Mapping[str, Any], champion: int | None, judged_to: date) -> str:
    """What the gate said of a version when it was registered, and whether that is out of date; empty where nothing is kept.

    `champion` is the version that is champion now, `judged_to` the last day of the matches that are judged now.
    """
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
