"""What may be decided about the champion is said beforehand, with what speaks against it."""

from datetime import UTC, datetime

import pytest

from core.football.promotion import NOTHING_DECIDED
from core.views.decisions import Decided, arrived, decided, outcome, promotion, rollback
from tests.views.test_gate import judged

VERSIONS = {"champion": 1, "challenger": 2, "baseline": 3}
ROW = {"action": "promote", "from_version": 1, "to_version": 2, "at": "2026-03-13T12:00:00Z", "who": "somebody", "reason": "better"}


def test_a_promotion_names_both_versions_and_every_check_that_has_not_passed():
    offer = promotion(VERSIONS, judged(n=1417, ece=0.03))
    assert (offer.label, offer.version) == ("Promote version 2", 2) and "in the API" in offer.means and "version 1" in offer.means
    assert offer.against == "The gate advises against it. Not passed: number of matches and calibration."
    assert promotion(VERSIONS, judged()).against == ""


@pytest.mark.parametrize(
    ("versions", "no_leak", "why"),
    [
        (VERSIONS, False, "Version 2 failed the leak test and cannot be promoted."),
        ({"champion": 2, "challenger": 2}, True, "There is no challenger to promote."),
        ({"champion": 1}, True, "There is no challenger to promote."),
    ],
)
def test_what_cannot_be_promoted_says_why(versions, no_leak, why):
    offer = promotion(versions, judged(no_leak=no_leak))
    assert offer.version is None and offer.means.startswith(why)


def test_what_the_gate_said_of_one_version_is_never_held_against_another():
    offer = promotion(VERSIONS | {"challenger": 4}, judged(version=2))
    assert offer.version is None and offer.means.startswith("Version 4 became the challenger a moment ago.")


def test_a_rollback_names_the_version_that_it_leads_to():
    assert rollback(2, [ROW]).label == "Roll back to version 1"
    assert rollback(1, []).means == NOTHING_DECIDED
    assert rollback(9, [ROW]).version is None and "does not know" in rollback(9, [ROW]).means


def test_decisions_are_told_with_who_when_and_why():
    now = datetime(2026, 3, 13, 15, tzinfo=UTC)
    assert decided([ROW, ROW | {"action": "rollback", "from_version": 2, "to_version": 1}], now, UTC) == [
        Decided("Promoted version 2, in place of 1", "12:00:00", "somebody", "better"),
        Decided("Rolled back to version 1, in place of 2", "12:00:00", "somebody", "better"),
    ]


ENDED = "2026-03-13T12:00:00Z"


@pytest.mark.parametrize(
    ("task", "over", "good", "words"),
    [
        ({"status": "PENDING"}, False, True, "A worker is about to"),
        ({"status": "SUCCESS", "result": {"to_version": 2}, "finished_at": ENDED}, False, True, "Done: version 2 became the champion."),
        ({"status": "SUCCESS", "result": {"to_version": 1}, "finished_at": ENDED}, True, True, "Done: version 1 became the champion."),
        ({"status": "FAILURE", "error": {"message": "Version 3 is the champion."}}, True, False, "The champion stays. Version 3"),
        ({"status": "REVOKED"}, True, False, "The champion stays. It was not carried out"),
    ],
)
def test_a_decision_is_over_when_it_failed_or_when_this_page_serves_by_it(task, over, good, words):
    assert arrived(task, VERSIONS, datetime(2026, 3, 13, 12, 0, 2, tzinfo=UTC)) is over
    found, sentence = outcome(task)
    assert found is good and sentence.startswith(words)


def test_an_old_decision_that_another_followed_is_over_too():
    old = {"status": "SUCCESS", "result": {"to_version": 2}, "finished_at": ENDED}
    assert arrived(old, VERSIONS, datetime(2026, 3, 13, 12, 1, tzinfo=UTC))
