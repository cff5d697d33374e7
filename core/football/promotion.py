"""What a challenger must show before it takes over: five checks that hold, fail, or could not be made. And whom a rollback leads to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any

from core.errors import PromotionRefused
from core.football.scoring import Interval

ENOUGH = 3000  # common matches below which nothing is promoted
FAST = 0.5  # milliseconds that one forecast may take
# The checks by name, as people call them, the gravest first.
CHECKS = {"no_leak": "leak test", "enough": "number of matches", "better": "difference", "calibrated": "calibration", "fast": "speed"}

NOTHING_DECIDED = "Nothing was decided yet: there is no champion to return to."

Checks = Mapping[str, bool | None]


def checks(
    difference: Interval | None, n: int, ece: float | None, luck: float | None, no_leak: bool | None, latency: float | None
) -> dict[str, bool | None]:
    """By name whether each check holds; None where it could not be made, which is not enough.

    `difference` is the candidate's log loss less the champion's on `n` matches, decided on the whole interval; `ece` and `luck` its
    calibration error and what an exactly right forecaster stays below; `latency` the milliseconds of one forecast.
    """
    return {
        "enough": n >= ENOUGH,
        "better": None if difference is None or isnan(difference.high) else difference.high < 0,
        "calibrated": None if ece is None or luck is None else ece <= luck,
        "no_leak": no_leak,
        "fast": None if latency is None else latency <= FAST,
    }


def passes(found: Checks) -> bool:
    """Whether every check holds."""
    return all(found.get(name) is True for name in CHECKS)


def hindrances(found: Checks) -> list[str]:
    """What stands in the way of one that is better on enough matches, as the ends of a sentence."""
    said = {
        "no_leak": ("it knew the future", "the leak test was not made"),
        "calibrated": ("its calibration is worse than luck explains", "its calibration could not be judged"),
        "fast": ("it is too slow", "its speed was not measured"),
    }
    return [failed if found[name] is False else unknown for name, (failed, unknown) in said.items() if found[name] is not True]


def refuse_leak(version: int, card: Mapping[str, Any]) -> None:
    """PromotionRefused for a version that failed the leak test: its figures mean nothing, so nobody may insist. The rest is for people
    to weigh."""
    if ((card.get("gate") or {}).get("checks") or {}).get("no_leak") is False:
        raise PromotionRefused(
            f"Version {version} failed the leak test: a later result moved one of its features, so its figures mean nothing. "
            "Mend the feature, run `make pipeline`, and promote the version that it registers."
        )


def former_champion(champion: int | None, rows: Sequence[Mapping[str, Any]]) -> int | None:
    """The version that was champion until the last decision; None when nothing was decided, or the alias was moved by another hand.

    `rows` of the audit are the latest first. After a rollback it is the version that was rolled back.
    """
    last = rows[0] if rows else None
    if last is None or last["to_version"] != champion or last["from_version"] == champion:
        return None
    former: int | None = last["from_version"]
    return former


def before(champion: int | None, rows: Sequence[Mapping[str, Any]]) -> int:
    """The champion before this one: each promotion goes one step on, each rollback one back. `rows` of the audit are the latest first.

    PromotionRefused when there was none.
    """
    if not rows:
        raise PromotionRefused(NOTHING_DECIDED)
    reigns: list[int] = []
    for row in reversed(rows):
        if row["action"] == "rollback":
            del reigns[-1:]
        elif row["from_version"] is not None and reigns[-1:] != [row["from_version"]]:
            reigns = [row["from_version"]]  # the first of all, or the alias was moved by another hand
        if reigns[-1:] != [row["to_version"]]:
            reigns.append(row["to_version"])
    if reigns[-1:] != [champion]:
        raise PromotionRefused(f"The audit does not know how version {champion} became the champion. Promote the version you want instead.")
    if len(reigns) < 2:
        raise PromotionRefused(f"There was no champion before version {champion}. Promote the version you want instead.")
    return reigns[-2]
