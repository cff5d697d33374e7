"""One version of a match in play: which of two is newer, and when it is stale."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from core.football.live import LiveRow

NOW = datetime(2026, 3, 14, 15, 40, tzinfo=UTC)
ROW = LiveRow("openligadb", "1", NOW, "ger.1", 0, "Köln", "Mainz", "first_half", home_score=1, away_score=0, sequence=5)


def test_an_older_or_equal_version_replaces_nothing_and_a_score_may_fall():
    assert not ROW.newer_than(ROW)
    assert not replace(ROW, sequence=4, observed_at=NOW + timedelta(minutes=1)).newer_than(ROW)
    assert replace(ROW, sequence=6, home_score=0).newer_than(ROW)
    assert replace(ROW, observed_at=NOW + timedelta(seconds=30)).newer_than(ROW)


def test_a_match_in_play_is_stale_after_five_minutes_of_silence_and_a_finished_one_never():
    later = NOW + timedelta(minutes=6)
    assert not ROW.at(NOW + timedelta(minutes=4)).is_stale
    assert ROW.at(later).is_stale
    assert not replace(ROW, phase="finished").at(later).is_stale


def test_a_phase_that_the_source_does_not_tell_is_called_estimated():
    assert ROW.phase_estimated
    assert not replace(ROW, phase="finished").phase_estimated
    assert not replace(ROW, source="other").phase_estimated
