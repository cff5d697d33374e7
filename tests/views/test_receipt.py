from zoneinfo import ZoneInfo

import pytest

from core.views.receipt import not_sealed, receipt

LONDON = ZoneInfo("Europe/London")
ENTRY = {
    "entry": 48213, "match_id": 7, "stage": "champion", "model_version": 1, "proba_home": 0.381, "proba_draw": 0.27, "proba_away": 0.349,
    "kickoff_utc": "2026-04-19T15:30:00Z", "as_of": "2026-04-17T15:30:00Z", "sealed_at": "2026-04-17T15:30:04.25Z", "timeline": "real",
    "previous_digest": "ab" * 32, "digest": "9f2c7d41" * 8,
}  # fmt: skip


def entry(chances=(0.381, 0.27, 0.349), **changes):
    return {**ENTRY, **dict(zip(("proba_home", "proba_draw", "proba_away"), chances, strict=True)), **changes}


def test_a_receipt_says_what_was_sealed_when_and_by_whom():
    lines = dict(receipt([entry()], {1: "Elo, ordered logit"}, LONDON).lines)
    assert lines["Says"] == "38 · 27 · 35"
    assert lines["As of"] == "17 April 2026, 16:30, 2 days before kick-off"
    assert lines["Model"] == "champion v1, Elo, ordered logit"
    assert lines["Sealed"] == "17 April 2026, 16:30"
    assert lines["Digest"] == " ".join(["9f2c7d41"] * 8)
    assert lines["Before it"] == "abababab abababab …"
    assert lines["Chain"] == "entry 48,213"


def test_a_replayed_seal_is_labelled_with_the_real_time_of_writing():
    lines = dict(receipt([entry(timeline="replay", sealed_at="2026-11-23T13:08:05Z")], {}, LONDON).lines)
    assert "on the replay’s clock" in lines["As of"]
    assert lines["Sealed"] == "23 November 2026, 13:08"
    assert lines["Chain"] == "entry 48,213, of the replay"
    assert lines["Model"] == "champion v1"


def test_the_last_entry_of_the_champion_is_the_receipt():
    found = receipt([entry(), entry((0.5, 0.3, 0.2), entry=48300), entry((0.9, 0.05, 0.05), stage="baseline", entry=48400)], {}, LONDON)
    assert dict(found.lines)["Chain"] == "entry 48,300"
    assert list(found.moves["Home win"]) == ["38.1%", "50.0%"]


@pytest.mark.parametrize(
    ("chances", "words"),
    [
        ([], "It has not moved since it was first sealed."),
        ([(0.381, 0.27, 0.349)], "Sealed 2 times; it stands where it was first sealed."),
        ([(0.50, 0.25, 0.25)], "Sealed 2 times. A home win went up from 38% to 50%."),
        ([(0.50, 0.25, 0.25), (0.30, 0.30, 0.40)], "Sealed 3 times. A home win went down from 38% to 30%."),
        ([(0.381, 0.29, 0.329)], "Sealed 2 times; the home win stayed at 38%."),
    ],
)
def test_how_it_moved_is_one_sentence(chances, words):
    assert receipt([entry(), *map(entry, chances)], {}, LONDON).moved == words


def test_without_an_entry_of_the_champion_there_is_no_receipt_and_a_reason():
    assert receipt([entry(stage="challenger")], {}, LONDON) is None
    assert len({not_sealed(played, away) for played, away in ((True, False), (False, False), (False, True))}) == 3


def test_a_move_that_came_with_another_champion_says_so():
    other = (0.50, 0.25, 0.25)
    moved = receipt([entry(), entry(other, model_version=2)], {}, LONDON).moved
    assert moved == "Sealed 2 times. A home win went up from 38% to 50%. The champion changed meanwhile, from version 1 to 2."
    assert receipt([entry(), entry(other, model_version=2), entry()], {}, LONDON).moved.endswith(
        "The champion changed meanwhile, and back."
    )
