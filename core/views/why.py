"""Why a forecast is what it is: what moved it away from an average match, in football words."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from core.football.outcomes import Probabilities
from core.football.words import GROUP_WORDS
from core.views.words import percent, signed

LINE = 18  # characters of a label in one line


@dataclass(frozen=True)
class Why:
    """`parts` are (label, log-odds of a home win to two decimals), the largest first; they sum to `total` exactly.

    Labels break their lines with `<br>`; they are our own words, nothing from outside.
    """

    parts: tuple[tuple[str, float], ...]
    total: float
    words: str
    table: pd.DataFrame


def why(parts: Mapping[str, float], led_to: Probabilities) -> Why:
    """From a model's contributions by group of features and the forecast that they lead to."""
    total = sum(parts.values())
    rounded = rounded_to_sum(parts)
    # A bar without a length says nothing; the table has it all.
    order = sorted([label for label in rounded if rounded[label]] or rounded, key=lambda label: -abs(rounded[label]))
    started = _chance(math.log(led_to.home / (1 - led_to.home)) - total)
    words = (
        f"What moved the home side’s chance from {percent(started)} in an average match of this competition to {led_to.percentages()[0]}% "
        f"here. The bar{'s are' if len(order) > 1 else ' is'} in log-odds{' and add up to' if len(order) > 1 else ':'} "
        f"{signed(sum(rounded.values()), 2)}."
    )
    largest = sorted(parts, key=lambda name: -abs(parts[name]))
    table = pd.DataFrame(
        [(group, GROUP_WORDS.get(group, ""), signed(parts[group], 3)) for group in largest],
        columns=["What", "In words", "Log-odds of a home win"],
    )
    labelled = tuple(("<br>".join(textwrap.wrap(label, LINE)), rounded[label]) for label in order)
    return Why(labelled, round(sum(rounded.values()), 2), words, table)


def rounded_to_sum(values: Mapping[str, float], digits: int = 2) -> dict[str, float]:
    """Each value rounded so that all together are the rounded sum (largest remainder)."""
    scale = 10**digits
    exact = {name: value * scale for name, value in values.items()}
    whole = {name: math.floor(value) for name, value in exact.items()}
    missing = round(sum(exact.values())) - sum(whole.values())
    for name in sorted(exact, key=lambda name: whole[name] - exact[name])[:missing]:
        whole[name] += 1
    return {name: value / scale for name, value in whole.items()}


def _chance(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))
