"""Promotion and rollback as the Arena offers them: what would change, what speaks against it, and what was decided before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from core.clock import from_iso
from core.errors import PromotionRefused
from core.football.judging import Judged
from core.football.promotion import NOTHING_DECIDED, before
from core.views.words import clock_time, listed
from core.vocabulary import CHALLENGER, CHAMPION

Row = Mapping[str, Any]

OVER = ("FAILURE", "REVOKED", "EXPIRED")
SOON = timedelta(seconds=30)  # until then a promotion is noticed by every process


@dataclass(frozen=True)
class Offer:
    """A decision that somebody may take: what it would do, and what speaks against it. Without a `version` it cannot be taken, and
    `means` says why; `against` is then empty."""

    label: str
    version: int | None
    means: str
    against: str = ""


def promotion(versions: Mapping[str, int], judged: Judged) -> Offer:
    """To make the challenger the champion; `judged` on all matches."""
    champion, challenger = versions.get(CHAMPION), versions.get(CHALLENGER)
    if challenger is None or challenger == champion:
        return Offer("Promote", None, "There is no challenger to promote. The next fit brings one.")
    label = f"Promote version {challenger}"
    if judged.rival.version not in (None, challenger):
        return Offer(
            label, None, f"Version {challenger} became the challenger a moment ago. Load the page again to see what the gate says."
        )
    if judged.checks["no_leak"] is False:
        return Offer(label, None, f"Version {challenger} failed the leak test and cannot be promoted. Mend the feature, and fit anew.")
    means = f"Version {challenger} would take the place of version {champion} on every page and in the API, within seconds."
    return Offer(label, challenger, means, _against(judged))


def _against(judged: Judged) -> str:
    return f"The gate advises against it. Not passed: {listed(judged.failing)}." if judged.failing else ""


def rollback(champion: int | None, decided: Sequence[Row]) -> Offer:
    """To return to the champion before; `decided` are the decisions so far, the latest first."""
    if not decided:
        return Offer("Roll back", None, NOTHING_DECIDED)
    try:
        version = before(champion, decided)
    except PromotionRefused as refused:
        return Offer("Roll back", None, str(refused))
    return Offer(
        f"Roll back to version {version}", version, f"Version {version} would serve again in place of version {champion}, within seconds."
    )


@dataclass(frozen=True)
class Decided:
    """A decision of the audit: `2 in place of 1`, when, by whom, and why."""

    what: str
    when: str
    who: str
    reason: str


def decided(rows: Sequence[Row], now: datetime, zone: tzinfo) -> list[Decided]:
    """The decisions, the latest first."""
    return [Decided(_what(row), clock_time(from_iso(row["at"]), zone, now), str(row["who"]), str(row["reason"])) for row in rows]


def _what(row: Row) -> str:
    verb = "Promoted" if row["action"] == "promote" else "Rolled back to"
    instead = f", in place of {row['from_version']}" if row["from_version"] is not None else ""
    against = ", against the gate" if (row.get("metrics") or {}).get("against_the_gate") else ""
    return f"{verb} version {row['to_version']}{instead}{against}"


def arrived(task: Row, versions: Mapping[str, int], now: datetime) -> bool:
    """Whether a decision's task is over, and what it decided serves here, or did: an old decision may have been followed by another."""
    if task["status"] == "SUCCESS":
        serves = versions.get(CHAMPION) == (task.get("result") or {}).get("to_version")
        return serves or now - from_iso(task["finished_at"]) > SOON
    return task["status"] in OVER


def outcome(task: Row, has_arrived: bool = True) -> tuple[bool, str]:
    """Whether it went well, and how a decision's task ended, or that it goes on, as a sentence. `has_arrived`: see `arrived`."""
    result, error = task.get("result") or {}, task.get("error") or {}
    if task["status"] == "SUCCESS" and not has_arrived:
        return True, f"Version {result['to_version']} is the champion now; the pages follow within seconds."
    if task["status"] == "SUCCESS":
        return True, f"Done: version {result['to_version']} became the champion."
    if task["status"] in OVER:
        return False, f"The champion stays. {error.get('message') or 'It was not carried out; ask again.'}"
    return True, "A worker is about to change the champion."
