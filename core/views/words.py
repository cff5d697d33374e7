"""Numbers, times and lists as people read them. Pages and views say everything through these."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo

MISSING = "–"


def number(value: float | None, digits: int = 4) -> str:
    """A fixed number of decimals, thousands with commas; a dash for what is not known."""
    if value is None or not math.isfinite(value):
        return MISSING
    return f"{round(value, digits) + 0.0:,.{digits}f}".replace("-", "−")  # what rounds to nothing has no sign


def signed(value: float | None, digits: int = 4) -> str:
    """As `number`, always with its sign, the minus as wide as the plus."""
    if value is None or not math.isfinite(value):
        return MISSING
    said = f"{value:+.{digits}f}"
    return said.replace("-", "−") if float(said) else said[1:]


def short_p(value: float | None) -> str:
    """A p or q without its leading zero, two significant digits: `.48`, `.031`, `<.001`."""
    if value is None or not math.isfinite(value):
        return MISSING
    if value < 0.001:
        return "<.001"
    if value >= 0.995:
        return "1"
    return f"{value:.{2 if value >= 0.1 else 3}f}".removeprefix("0")


def percent(share: float | None, digits: int = 0) -> str:
    if share is None or not math.isfinite(share):
        return MISSING
    return f"{100 * share:.{digits}f}%".replace("-", "−")


def count(n: int, one: str, many: str | None = None) -> str:
    """`1 match`, `1,284 matches`."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def listed(items: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1] if items else ""


def duration(seconds: float | None) -> str:
    """How long, in one unit that fits: `8 ms`, `0.8 s`, `12 min`, `26 hours`, `3 days`."""
    if seconds is None:
        return MISSING
    seconds = max(0.0, seconds)
    if seconds < 0.1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.0f} hours"
    return f"{seconds / 86400:.0f} days"


def ago(then: datetime | None, now: datetime) -> str:
    """`just now`, `12 min ago`, or `never`."""
    if then is None:
        return "never"
    seconds = (now - then).total_seconds()
    return "just now" if seconds < 1 else f"{duration(seconds)} ago"


def day(moment: date) -> str:
    """`17 April 2026`."""
    return f"{moment.day} {moment:%B %Y}"


def weekday(moment: date, today: date) -> str:
    """`Saturday 14 March`, with the year where it is not this one's."""
    return f"{moment:%A} {moment.day} {moment:%B}" + (f" {moment.year}" if moment.year != today.year else "")


def span(first: date, last: date) -> str:
    """`1 January to 17 April 2026`; the first year only where it differs."""
    start = f"{first.day} {first:%B}" if first.year == last.year else day(first)
    return f"{start} to {day(last)}"


def clock_time(moment: datetime, zone: tzinfo, now: datetime, seconds: bool = True) -> str:
    """`12:03:10` today (`12:03` without `seconds`), `17 April, 12:03` in the last months, with the year before that; in the given zone."""
    local, today = moment.astimezone(zone), now.astimezone(zone)
    if local.date() == today.date():
        return f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"
    written = f"{local.day} {local:%B}" if today - local < timedelta(days=180) else day(local)
    return f"{written}, {local:%H:%M}"


def sentence(text: str) -> str:
    """The text with a capital first letter and one full stop."""
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".") if text else ""
