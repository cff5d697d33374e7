from dataclasses import dataclass, replace
from datetime import UTC, datetime

from core.views.fresh import chip


@dataclass(frozen=True)
class Told:
    as_of: datetime | None = datetime(2026, 4, 18, 12, tzinfo=UTC)
    age_seconds: float | None = 720.0
    champion: int | None = 14
    challenger: int | None = 15
    replaying: bool = False
    stale: bool = False
    moment: datetime | None = None


def test_the_chip_says_how_old_the_data_are_who_speaks_and_in_which_time():
    assert chip(Told(), "London").facts == (("Data", "12 min old"), ("Champion", "v14"), ("Challenger", "v15"), ("Times in", "London"))


def test_a_replay_names_its_moment_instead_of_an_age():
    assert chip(replace(Told(), replaying=True), "London").facts[0] == ("Replaying", "18 April 2026, 12:00 UTC")
    moved = replace(Told(), replaying=True, moment=datetime(2026, 4, 19, 15, 37, tzinfo=UTC))
    assert chip(moved, "London").facts[0] == ("Replaying", "19 April 2026, 15:37 UTC"), "the clock runs on while its batch is older"


def test_what_is_not_there_is_left_out_or_said():
    found = chip(Told(None, None, None, None), "UTC")
    assert found.facts == (("Data", "none yet"), ("Times in", "UTC"))
    assert chip(replace(Told(), stale=True), "UTC").stale
