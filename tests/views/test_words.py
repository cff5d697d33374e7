from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from core.views import words

NOW = datetime(2026, 3, 13, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.008, "8 ms"),
        (0.8, "0.8 s"),
        (42, "42 s"),
        (720, "12 min"),
        (26 * 3600, "26 hours"),
        (3 * 86400, "3 days"),
        (None, "–"),
        (-3, "0 ms"),
    ],
)
def test_a_duration_is_said_in_one_unit(seconds, said):
    assert words.duration(seconds) == said
    assert words.duration(-3) == "0 ms"


@pytest.mark.parametrize(("value", "said"), [(0.48, ".48"), (0.031, ".031"), (0.0001, "<.001"), (1.0, "1"), (0.999, "1"), (None, "–")])
def test_a_p_has_no_leading_zero(value, said):
    assert words.short_p(value) == said


def test_a_minus_is_a_minus_and_a_missing_number_a_dash():
    assert words.signed(-0.0036) == "−0.0036" and words.signed(0.0009) == "+0.0009"
    assert words.signed(-0.00001) == words.signed(0.0) == "0.0000"
    assert words.number(-1234.5, 1) == "−1,234.5"
    assert (words.number(-0.004, 2), words.number(-0.04, 2)) == ("0.00", "−0.04")
    assert words.number(float("nan")) == words.signed(None) == words.percent(None) == "–"


def test_a_time_is_the_visitors_and_as_long_as_it_must_be():
    tokyo = ZoneInfo("Asia/Tokyo")
    assert words.clock_time(NOW, tokyo, NOW) == "21:00:00"
    assert words.clock_time(NOW, tokyo, NOW, seconds=False) == "21:00"
    assert words.clock_time(datetime(2026, 3, 1, 12, tzinfo=UTC), UTC, NOW) == "1 March, 12:00"
    assert words.clock_time(datetime(2024, 3, 1, 12, tzinfo=UTC), UTC, NOW) == "1 March 2024, 12:00"


def test_lists_counts_and_spans_read_as_english():
    assert words.listed([]) == "" and words.listed(["a"]) == "a" and words.listed(["a", "b", "c"]) == "a, b and c"
    assert words.count(1, "match", "matches") == "1 match" and words.count(1284, "match", "matches") == "1,284 matches"
    assert words.span(date(2026, 1, 1), date(2026, 4, 17)) == "1 January to 17 April 2026"
    assert words.span(date(2025, 9, 1), date(2026, 4, 17)) == "1 September 2025 to 17 April 2026"
    assert words.ago(None, NOW) == "never" and words.ago(NOW, NOW) == "just now"
    assert words.sentence(" it works") == "It works." and words.sentence("Really?") == "Really?" and words.sentence("") == ""
