"""The receipt of a sealed forecast, and how the forecast moved since it was first sealed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

import pandas as pd

from core.clock import from_iso
from core.football.outcomes import Probabilities
from core.views.words import count, day, duration, percent
from core.vocabulary import CHAMPION

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Receipt:
    """`lines` are (word, what is written); `code` names the words whose values are digests."""

    lines: tuple[tuple[str, str], ...]
    moved: str
    moves: pd.DataFrame
    code: frozenset[str] = frozenset({"Digest", "Before it"})


def receipt(sealed: Sequence[Row], titles: Mapping[int, str], zone: tzinfo) -> Receipt | None:
    """The last entry of the champion in the chain, and all its entries as moves; None when nothing was sealed.

    `sealed` are the entries of one match in their order; `titles` says in words what a model version is.
    """
    own = [row for row in sealed if row["stage"] == CHAMPION]
    return None if not own else Receipt(tuple(_lines(own[-1], titles, zone)), _moved(own), _moves(own, zone))


def not_sealed(played: bool, away: bool) -> str:
    """Why there is no receipt."""
    if away:
        return "The database does not answer, so the receipt cannot be shown now. It is tried again by itself."
    if played:
        return "None: nothing was sealed before its kick-off."
    return "None yet. The pipeline seals the forecasts of matches to come each time it runs."


def _lines(row: Row, titles: Mapping[int, str], zone: tzinfo) -> list[tuple[str, str]]:
    home, draw, away = _chances(row).percentages()
    title = titles.get(row["model_version"])
    return [
        ("Says", f"{home} · {draw} · {away}"),
        ("As of", _as_of(row, zone)),
        ("Model", f"champion v{row['model_version']}" + (f", {title}" if title else "")),
        ("Sealed", _moment(from_iso(row["sealed_at"]), zone)),
        ("Digest", _grouped(row["digest"])),
        ("Before it", _grouped(row["previous_digest"][:16]) + " …"),
        ("Chain", f"entry {row['entry']:,}" + (", of the replay" if row["timeline"] == "replay" else "")),
    ]


def _as_of(row: Row, zone: tzinfo) -> str:
    """The moment that the forecast speaks from, and how long that is before the match."""
    moment = from_iso(row["as_of"])
    kickoff = from_iso(row["kickoff_utc"]) if row["kickoff_utc"] else None
    before = f", {duration((kickoff - moment).total_seconds())} before kick-off" if kickoff else ""
    replay = " on the replay’s clock" if row["timeline"] == "replay" else ""
    return _moment(moment, zone) + replay + before


def _moved(own: Sequence[Row]) -> str:
    first, last = _chances(own[0]), _chances(own[-1])
    if len(own) == 1:
        return "It has not moved since it was first sealed."
    before, now = first.percentages()[0], last.percentages()[0]
    steps, others = f"Sealed {count(len(own), 'time')}", _other_champions(own)
    if first.percentages() == last.percentages():
        return f"{steps}; it stands where it was first sealed.{others}"
    if before == now:
        return f"{steps}; the home win stayed at {now}%.{others}"
    return f"{steps}. A home win went {'up' if now > before else 'down'} from {before}% to {now}%.{others}"


def _other_champions(own: Sequence[Row]) -> str:
    """That the numbers are of different versions, as a sentence; empty where one version sealed all of them."""
    first, last = own[0]["model_version"], own[-1]["model_version"]
    if len({row["model_version"] for row in own}) == 1:
        return ""
    return (
        f" The champion changed meanwhile, from version {first} to {last}."
        if first != last
        else " The champion changed meanwhile, and back."
    )


def _moves(own: Sequence[Row], zone: tzinfo) -> pd.DataFrame:
    return pd.DataFrame(
        [
            (
                f"{row['entry']:,}",
                _moment(from_iso(row["as_of"]), zone),
                f"v{row['model_version']}",
                *(percent(chance, 1) for chance in _chances(row).as_tuple()),
            )
            for row in own
        ],
        columns=["Entry", "As of", "Champion", "Home win", "Draw", "Away win"],
    )


def _chances(row: Row) -> Probabilities:
    return Probabilities(row["proba_home"], row["proba_draw"], row["proba_away"])


def _moment(moment: datetime, zone: tzinfo) -> str:
    local = moment.astimezone(zone)
    return f"{day(local)}, {local:%H:%M}"


def _grouped(digest: str) -> str:
    """A digest in groups of eight, as people compare them."""
    return " ".join(digest[i : i + 8] for i in range(0, len(digest), 8))
