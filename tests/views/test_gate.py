"""The gate's answer names what stands in the way, and an old verdict is said to be one."""

import json
from datetime import date

import numpy as np
import pytest

from core.football.contest import contest
from core.football.judging import Evidence, Judged, evidence, judge
from core.football.promotion import CHECKS, checks
from core.football.scoring import Interval
from core.views.gate import FORMER_NOUN, check_rows, gate_words, verdict
from tests.views.contests import entrants, evaluation

BETTER = Interval(-0.01, -0.02, -0.001)
PASSED = {"enough": True, "better": True, "calibrated": True, "no_leak": True, "fast": True}


def judged(difference=BETTER, n=3000, ece=0.01, no_leak=True, latency=0.1, version=2):
    made = checks(difference, n, ece, 0.02, no_leak, latency)
    return Judged(difference, n, ece, 0.02, Evidence(version, no_leak, 1500, latency), made)


@pytest.mark.parametrize(
    ("interval", "n", "good", "begins"),
    [
        (BETTER, 3000, True, "Yes"),
        (BETTER, 2999, False, "Not yet"),
        (Interval(-0.01, -0.02, 0.001), 5000, False, "Not yet: keep the champion. The challenger looks better"),
        (Interval(0.002, -0.02, 0.02), 5000, False, "No: keep the champion. The challenger looks no better"),
        (Interval(0.01, 0.001, 0.02), 5000, False, "No: keep the champion. It is better"),
    ],
)
def test_the_verdict_is_decided_on_the_interval_and_never_on_the_point(interval, n, good, begins):
    said = verdict(judged(interval, n))
    assert said.good is good
    assert said.sentence.startswith(begins)


@pytest.mark.parametrize(
    ("change", "sentence", "failing"),
    [
        ({"no_leak": False}, "No: the challenger knew the future.", "leak test"),
        ({"no_leak": None}, "Not yet: the challenger is better, but the leak test was not made.", "leak test"),
        ({"ece": 0.03}, "Not yet: the challenger is better, but its calibration is worse than luck explains.", "calibration"),
        ({"latency": 0.6}, "Not yet: the challenger is better, but it is too slow.", "speed"),
        ({"latency": None}, "Not yet: the challenger is better, but its speed was not measured.", "speed"),
        (
            {"ece": 0.03, "latency": 0.6},
            "Not yet: the challenger is better, but its calibration is worse than luck explains and it is too slow.",
            "calibration, speed",
        ),
    ],
)
def test_a_better_challenger_that_fails_another_check_gets_no_yes_and_the_check_is_named(change, sentence, failing):
    said = verdict(judged(**change))
    assert not said.good and said.sentence.startswith(sentence) and said.detail.endswith(f"Not passed: {failing}.")


def test_each_check_is_a_row_with_its_figures_and_what_fails_is_marked():
    rows = {row.name: row for row in check_rows(judged(n=1417, latency=None))}
    assert list(rows) == [title.capitalize() for title in CHECKS.values()]
    assert [name for name, row in rows.items() if not row.holds] == ["Number of matches", "Speed"]
    assert (rows["Number of matches"].found, rows["Number of matches"].state, rows["Speed"].state) == ("1,417", "not passed", "not made")
    assert (rows["Difference"].found, rows["Difference"].interval) == ("−0.0100", "−0.0200 to −0.0010")
    assert "All five checks hold." in verdict(judged()).detail


def test_the_checks_are_made_anew_on_the_matches_that_are_shown():
    some = contest(entrants(evaluation(n=3600, champion_noise=1.2, challenger_noise=0.0), ("champion", "challenger")))
    sound = Evidence(2, True, 1500, 0.1)
    assert judge(some, sound).failing == []
    assert judge(some.where(np.arange(len(some)) < 1000), sound).failing == ["number of matches"]


def test_two_versions_that_share_no_match_pass_no_check_that_needs_matches_and_the_audit_keeps_that():
    sound = Evidence(2, True, 1500, 0.1)
    found = judge(contest({}), sound)
    assert found.failing == ["number of matches", "difference", "calibration"]
    kept = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert kept["difference"] == {"point": None, "low": None, "high": None} and kept["matches"] == 0
    assert kept["checks"] == {"enough": False, "better": None, "calibrated": None, "no_leak": True, "fast": True}


def test_the_verdict_names_a_former_champion_and_never_calls_it_the_challenger():
    for found in (
        judged(),
        judged(no_leak=False),
        judged(n=10),
        judged(Interval(-0.01, -0.02, 0.001)),
        judged(Interval(0.01, -0.02, 0.02)),
    ):
        said = verdict(found, FORMER_NOUN)
        assert "former champion" in said.sentence and "challenger" not in said.sentence + said.detail


def test_a_verdict_of_not_yet_says_how_many_matches_it_would_take():
    # standard error 0.00459 / 2 at 1,284 matches, difference 0.0036: (2.8016 x 0.0022959 / 0.0036)^2 x 1,284 = 4,099
    said = verdict(judged(Interval(-0.0036, -0.0081, 0.0009), 1284))
    assert "about 4,100 matches; these are 1,284" in said.detail
    assert "−0.0036 (95% interval −0.0081 to +0.0009)" in said.detail


def test_an_end_of_the_interval_is_never_rounded_to_zero():
    assert "(95% interval +0.00002 to +0.01240)" in verdict(judged(Interval(0.0063, 0.00002, 0.0124), 1417)).detail


def test_what_nobody_wrote_down_is_not_known():
    assert evidence({}) == Evidence() and evidence({"model_version": 3, "gate": None}) == Evidence(3)
    gate = {"checks": PASSED, "leak": {"ok": True, "matches": 1500}, "latency_ms": 0.2, "latency_of": "men's clubs"}
    assert evidence({"model_version": 3, "gate": gate}) == Evidence(3, True, 1500, 0.2, "men's clubs")


GATE = {
    "reason": "Too few: 12 common matches.",
    "checks": PASSED | {"enough": False, "better": None},
    "champion_version": 1,
    "n": 12,
    "from": "2024-08-01",
    "to": "2025-02-28",
}


def said_of(gate, champion=1, judged_to=date(2025, 2, 28)):
    return gate_words({"model_version": 7, "gate": gate}, champion, judged_to)


def test_what_the_gate_said_of_the_challenger_is_told_with_whom_and_what_it_judged():
    assert said_of(GATE) == (
        "When version 7 was registered and judged against version 1 on 12 matches, 1 August 2024 to 28 February 2025, the gate said: "
        "Too few: 12 common matches. Passed: leak test, calibration, speed. Not passed: number of matches, difference."
    )
    assert said_of(None) == gate_words({}, 1, date(2025, 2, 28)) == ""


@pytest.mark.parametrize(
    ("champion", "judged_to", "why"),
    [
        (7, date(2025, 2, 28), "version 7 is the champion now"),
        (1, date(2025, 3, 1), "matches up to 1 March 2025 are known"),
        (7, date(2025, 3, 1), "version 7 is the champion now and matches up to 1 March 2025 are known"),
    ],
)
def test_after_a_promotion_or_with_more_matches_it_is_said_to_be_out_of_date(champion, judged_to, why):
    assert said_of(GATE, champion, judged_to).endswith(f"That is out of date, since {why}: the checks above are made anew.")


def test_a_verdict_of_before_these_were_kept_is_told_as_it_is():
    old = {name: GATE[name] for name in ("reason", "checks", "n")}
    assert said_of(old, 7, date(2026, 1, 1)).startswith("When version 7 was registered, the gate said: Too few")
