"""What a source said of a match, and what of it can be known before it is played."""

from dataclasses import asdict
from datetime import date

from core.football.raw import RawMatch

FIXTURE = RawMatch(
    "made up", "1", 0, "ned.1", "Eredivisie", "Netherlands", "2024-25", date(2024, 10, 20), "Ajax", "PSV", status_raw="scheduled"
)


def test_a_masked_match_tells_nothing_that_its_fixture_does_not():
    played = RawMatch(
        **asdict(FIXTURE)
        | {
            "ft_home": 0,
            "ft_away": 3,
            "ht_home": 0,
            "ht_away": 1,
            "status_raw": "awarded",
            "score_basis": "awarded",
            "et_home": 0,
            "et_away": 4,
            "pen_home": 1,
            "odds_json": "{}",
        }
    )
    assert played.masked() == FIXTURE
    assert played.masked().payload_hash == FIXTURE.payload_hash


def test_a_field_that_a_source_leaves_empty_does_not_make_a_new_version():
    said = {name: value for name, value in asdict(FIXTURE).items() if value is not None}
    assert RawMatch(**said).payload_hash == FIXTURE.payload_hash
    assert RawMatch(**said | {"round_raw": "3"}).payload_hash != FIXTURE.payload_hash
