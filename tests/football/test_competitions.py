"""What is known of competitions by their code."""

from datetime import UTC, date, datetime

import pytest

from core.football.competitions import earliest


@pytest.mark.parametrize(
    ("code", "moment"),
    [("jpn.1", (13, 15)), ("eng.1", (14, 0)), ("bra.1", (14, 3)), ("uefa.cl", (13, 10)), ("friendly", (13, 10))],
)
def test_a_match_of_a_day_begins_no_earlier_than_the_day_does_where_it_is_played(code, moment):
    assert earliest(code, date(2026, 3, 14)) == datetime(2026, 3, *moment, tzinfo=UTC)
