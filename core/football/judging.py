"""One version judged against the champion on the same matches: the figures, and the checks of the gate that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite, nan
from typing import Any

from core.football.contest import Contest
from core.football.evidence import perfect_calibration
from core.football.promotion import CHECKS, Checks, checks
from core.football.scoring import Interval, expected_calibration_error
from core.vocabulary import CHALLENGER, CHAMPION


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
    """A version against the champion on some matches: the figures, and the checks that follow from them."""

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

    def to_json(self) -> dict[str, Any]:
        """What an audit keeps: the paired difference in log loss with its 95% interval, the number of matches, and each check."""
        difference = {edge: value if isfinite(value) else None for edge, value in asdict(self.difference).items()}
        return {"difference": difference, "matches": self.n, "checks": dict(self.checks)}

    @property
    def failing(self) -> list[str]:
        """The checks that stand in the way, as people call them, the gravest first."""
        return [words for name, words in CHECKS.items() if self.checks[name] is not True]


def judge(some: Contest, rival: Evidence) -> Judged:
    """All five checks of CHALLENGER against CHAMPION, on the matches of a contest; without any, those that need matches are not made."""
    if not (len(some) and {CHAMPION, CHALLENGER} <= set(some.chances)):
        return Judged(Interval(nan, nan, nan), 0, nan, nan, rival, checks(None, 0, None, None, rival.no_leak, rival.latency))
    difference = some.difference(CHALLENGER, CHAMPION)
    chances = some.chances[CHALLENGER]
    ece, luck = expected_calibration_error(chances, some.outcomes), perfect_calibration(chances)
    made = checks(difference, len(some), ece, luck, rival.no_leak, rival.latency)
    return Judged(difference, len(some), ece, luck, rival, made)
