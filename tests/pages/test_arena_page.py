"""Arena from the front door."""

import re

import pandas as pd
import pytest
import streamlit as st

from core.clock import from_iso, real_now
from core.football.contest import contest
from core.serving import stage_file
from core.serving.predictor import PredictionService
from core.serving.stage_file import StageFile
from core.storage import audit_log, logbook
from core.storage.forecast_chain import Forecast, seal
from pages.shared import keyed
from tests.pages.ops_fixtures import STAGES, house, said  # noqa: F401
from tests.serving.batches import card, ids, parquet
from tests.views.contests import entrants, evaluation


def test_arena_answers_in_one_sentence_and_names_the_versions(house):  # noqa: F811
    page = house.open("arena")
    assert not page.exception and not page.error
    text = said(page)
    assert "Judged on the same 400 matches" in text
    assert 'class="verdict' in text and "Log loss differs by" in text
    assert "Champion v1" in text and "Challenger v2" in text and "Baseline v3" in text and "Base rate" in text


BETTER = evaluation(n=4000, champion_noise=1.2, challenger_noise=0.0)
CHECKS = {"enough": True, "better": True, "calibrated": True, "no_leak": True, "fast": True}


def gated(**changes):
    """The cards of a batch whose challenger has this verdict."""
    gate = {"checks": CHECKS | changes, "latency_ms": 0.1, "leak": {"matches": 1500}, "reason": "It is better.", "n": 3200}
    against = {"champion_version": 1, "from": "2023-08-05", "to": "2025-12-31"}
    cards = {stage: card(stage, version) for stage, version in STAGES.items()}
    return cards | {"challenger": cards["challenger"] | {"gate": gate | against}}


def test_a_better_challenger_on_enough_matches_gets_its_yes_and_each_check_is_shown(house):  # noqa: F811
    house.publish(gated(), evaluation__parquet=parquet(BETTER))
    text = said(house.open("arena"))
    assert "Yes: the challenger is better" in text and "All five checks hold." in text
    assert "When version 2 was registered and judged against version 1 on 3,200 matches" in text
    assert "That is out of date, since matches up to" in text


def test_a_better_challenger_that_failed_the_leak_test_gets_a_no_and_cannot_be_promoted(house):  # noqa: F811
    house.publish(gated(no_leak=False), evaluation__parquet=parquet(BETTER))
    page = house.open("arena")
    assert "No: the challenger knew the future." in said(page) and "Not passed: leak test." in said(page)
    assert any("cannot be promoted" in element.value for element in page.markdown)
    assert not any(button.key.startswith("go_promote") for button in page.button)


def at_home(monkeypatch):
    """As a visitor at this machine, who is asked for no key."""
    monkeypatch.setattr(keyed, "of_this_machine", lambda host, headers: True)


def test_a_promotion_wants_a_reason_and_a_confirmation_and_is_found_again_by_its_address(house, monkeypatch):  # noqa: F811
    at_home(monkeypatch)
    page = house.open("arena")
    assert any("The gate advises against it. Not passed: leak test, number of matches" in element.value for element in page.warning)
    page.button(key="go_promote_2_1").click().run()
    assert [element.value for element in page.error] == ["Give the reason first."] and house.ledger.counts()["PENDING"] == 0
    page.text_input(key="why_promote").set_value("better in March").run()
    page.button(key="go_promote_2_1").click().run()
    assert [element.value for element in page.error] == ["Tick the box first."]
    page.checkbox(key="sure_promote_2_1").check().run()
    page.button(key="go_promote_2_1").click().run()
    assert not page.exception and "A worker is about to change the champion." in said(page)
    (task,) = house.ledger.recent(1, name="promote")
    asked = house.ledger.arguments(task["task_id"])
    assert (asked["version"], asked["expected_champion"], asked["reason"]) == (2, 1, "better in March")
    again = house.open("arena", decision=task["task_id"])
    assert "A worker is about to change the champion." in said(again)


def published_cards(**versions):
    return {stage: card(stage, version) for stage, version in versions.items()}


def promoted(house, version, over, action="promote"):  # noqa: F811
    """The audit, the batch and the stage file as they are after a decision: champion and challenger are one version."""
    decision = audit_log.Decision("somebody", action, over, version, "better", {"request": f"r{version}"})
    audit_log.intend(house.database, decision)
    audit_log.settle(house.database, decision)
    cards = {1: card("champion", 1), 2: card("challenger", 2), 3: card("baseline", 3)}
    stages = {"champion": version, "challenger": 2, "baseline": 3}
    house.publish(published_cards(champion=1, challenger=2, baseline=3))
    at = from_iso(logbook.decisions(house.database, 1)[0]["at"])
    house.store.write(stage_file.KEY, StageFile(stages, real_now(), over, at, cards).to_json())


def test_after_a_promotion_the_champion_is_compared_with_the_former_one_under_its_own_name(house):  # noqa: F811
    promoted(house, 2, over=1)
    page = house.open("arena")
    assert not page.exception and not page.error
    text = said(page)
    assert re.search(r"Was the decision right\? Version 2 is the champion; version 1 was until \d\d:\d\d\. Judged on the same 400", text)
    assert "Champion v2" in text and "Former champion v1" in text and "challenger" not in re.sub(r"(?s)<style.*?</style>", "", text).lower()
    table = contest(entrants(evaluation(n=400), ("champion", "challenger")))  # versions 1 and 2
    scores, forest, bins = (element.value for element in page.table)
    assert list(scores["Forecaster"])[:2] == ["Champion v2", "Former champion v1"]
    assert list(scores["Log loss"])[:2] == [f"{table.interval(name, 'log_loss').point:.4f}" for name in ("challenger", "champion")]
    assert forest["Difference"][0] == pytest.approx(table.difference("champion", "challenger").point, abs=1e-5)
    assert set(bins["Forecaster"]) == {"Champion v2", "Former champion v1"}
    charts = " ".join(chart.proto.spec + chart.proto.alt for chart in page.get("plotly_chart"))
    assert "v1 better" in charts and "v2 better" in charts and "Former champion v1" in charts and "hallenger" not in charts
    assert not any(button.key.startswith("go_promote") for button in page.button)
    assert page.button(key="go_rollback_1_2").label == "Roll back to version 1"


def test_after_a_rollback_the_version_that_was_taken_back_is_the_challenger_again(house):  # noqa: F811
    promoted(house, 2, over=1)
    promoted(house, 1, over=2, action="rollback")
    page = house.open("arena")
    assert "Is the challenger better than the champion?" in said(page) and "Former champion" not in said(page)
    assert list(page.table[0].value["Forecaster"])[:2] == ["Champion v1", "Challenger v2"]
    assert page.button(key="go_promote_2_1").label == "Promote version 2"


def test_the_next_challenger_takes_the_former_champions_place(house):  # noqa: F811
    promoted(house, 2, over=1)
    cards = {1: card("champion", 1), 2: card("challenger", 2), 3: card("baseline", 3)}
    stages = {"champion": 2, "challenger": 3}
    house.store.write(stage_file.KEY, StageFile(stages, real_now(), 1, real_now(), cards).to_json())
    page = house.open("arena")
    assert "Is the challenger better than the champion?" in said(page)
    assert list(page.table[0].value["Forecaster"])[:2] == ["Champion v2", "Challenger v3"]


def refits(house, forecasts=()):  # noqa: F811
    """Versions 1 and 2 are two fits of one recipe, with one walk; `forecasts` were sealed of them."""
    cards = published_cards(champion=1, challenger=2)
    cards["challenger"]["params"] = cards["champion"]["params"]
    table = evaluation(n=400)
    both = table[table["model_version"] == 1]
    house.publish(cards, evaluation__parquet=parquet(pd.concat([both, both.assign(model_version=2)])))
    with house.database.write() as connection:
        seal(connection, forecasts)


def shadow(match_id, stage, version, home):
    at = "2026-02-13T12:00:00Z"
    return Forecast(match_id, stage, version, home, 0.3, 0.7 - home, "2026-02-20T12:00:00Z", at, at, "replay")


def test_two_fits_of_one_recipe_without_a_match_sealed_of_both_say_so_and_can_still_be_decided_on(house):  # noqa: F811
    refits(house)
    page = house.open("arena")
    assert not page.exception and not page.error
    assert "Versions 1 and 2 are two fits of one recipe." in said(page) and "no such match has been played here yet" in said(page)
    assert "What a promotion needs" not in said(page)
    assert any("Not passed: leak test, number of matches, difference, calibration and speed" in element.value for element in page.warning)
    assert page.button(key="go_promote_2_1").label == "Promote version 2"


def test_two_fits_of_one_recipe_are_compared_on_what_was_sealed_of_each_and_the_page_says_so(house):  # noqa: F811
    played = ids(40)[:20]
    refits(house, [shadow(int(number), *who) for number in played for who in (("champion", 1, 0.5), ("shadow", 2, 0.4))])
    page = house.open("arena")
    assert not page.exception and not page.error
    assert "Judged on sealed forecasts of the same 20 matches" in said(page) and "They are compared on what was sealed of each" in said(
        page
    )
    assert list(page.table[0].value["Forecaster"])[:2] == ["Champion v1", "Challenger v2"]
    first, second = page.table[0].value["Log loss"][:2]
    assert first != second, "the walk of both is the same, and what was sealed is not"


def test_who_confirmed_one_version_has_not_confirmed_the_one_that_came_meanwhile(house, monkeypatch):  # noqa: F811
    at_home(monkeypatch)
    page = house.open("arena")
    page.text_input(key="why_promote").set_value("better").run()
    page.checkbox(key="sure_promote_2_1").check().run()
    real = PredictionService.card
    monkeypatch.setattr(PredictionService, "assigned", lambda self: {"champion": 1, "challenger": 3, "baseline": 3})
    monkeypatch.setattr(
        PredictionService, "card", lambda self, stage="champion": real(self, "champion" if stage == "champion" else "baseline")
    )
    page.button(key="go_promote_2_1").click().run()
    assert not page.exception and house.ledger.recent(1) == []
    assert not any(button.key.startswith("go_promote") for button in page.button)
    assert any("Version 3 became the challenger a moment ago" in element.value for element in page.markdown)


def test_a_promotion_against_the_gate_says_so_and_who_asked_and_one_with_the_gate_does_not(house, monkeypatch):  # noqa: F811
    at_home(monkeypatch)
    for name, against in ((" Kim ", True), ("", False)):
        if not against:
            house.publish(gated(), evaluation__parquet=parquet(BETTER))
            st.cache_resource.clear()
        page = house.open("arena")
        assert bool([element for element in page.warning if "The gate advises against it" in element.value]) is against
        page.text_input(key="why_promote").set_value(f"reason {against}").run()
        page.text_input(key="who_promote").set_value(name).run()
        page.checkbox(key="sure_promote_2_1").check().run()
        page.button(key="go_promote_2_1").click().run()
        asked = house.ledger.arguments(house.ledger.recent(1, name="promote")[0]["task_id"])
        assert asked["against_the_gate"] is against and asked["reason"] == f"reason {against}"
        assert asked["who"] == ("Kim, on the Arena page" if name else "the Arena page")


def test_a_task_in_the_address_that_is_no_decision_is_told_as_none(house):  # noqa: F811
    task_id = house.ledger.create("refresh", "batch", {})
    house.ledger.claim(task_id, "w", 30)
    house.ledger.succeed(task_id, "w", {"stages": 0})
    page = house.open("arena", decision=task_id)
    assert not page.exception
    assert any("decides nothing about the champion" in warning.value for warning in page.warning)


def test_a_decision_needs_the_key_from_elsewhere(house):  # noqa: F811
    page = house.open("arena")
    page.text_input(key="why_promote").set_value("better").run()
    page.checkbox(key="sure_promote_2_1").check().run()
    page.button(key="go_promote_2_1").click().run()
    assert "Give the key first." in said(page) and house.ledger.counts()["PENDING"] == 0


def test_what_was_decided_is_listed_and_a_rollback_says_where_it_leads(house, monkeypatch):  # noqa: F811
    at_home(monkeypatch)
    assert "Nothing was decided yet" in said(house.open("arena"))
    decision = audit_log.Decision("somebody", "promote", 7, 1, "better in <b>March</b>", {"request": "r1"})
    audit_log.intend(house.database, decision)
    audit_log.settle(house.database, decision)
    page = house.open("arena")
    assert "Promoted version 1, in place of 7" in said(page) and "better in <b>March</b>" in said(page)
    assert page.button(key="go_rollback_7_1").label == "Roll back to version 7"
    page.text_input(key="why_rollback").set_value("worse").run()
    page.checkbox(key="sure_rollback_7_1").check().run()
    page.button(key="go_rollback_7_1").click().run()
    assert len(house.ledger.recent(1, name="rollback")) == 1


def test_a_league_and_a_season_in_the_address_are_what_is_judged(house):  # noqa: F811
    page = house.open("arena", slice="eng.1", period="2024-25")
    table = evaluation(n=400)
    wanted = table[(table["competition_code"] == "eng.1") & (table["season"] == "2024-25")]["match_id"].nunique()
    assert page.selectbox(key="slice").value == "eng.1"
    assert f"Judged on the same {wanted} matches" in said(page)


def test_what_is_no_league_in_the_address_is_left_aside(house):  # noqa: F811
    page = house.open("arena", slice="<b>none</b>", period="1066", outcome="Penalty")
    assert not page.exception
    assert "Judged on the same 400 matches" in said(page)
    assert "There is no league “<b>none</b>”, season “1066” and outcome “Penalty” here." in said(page)


def test_choosing_an_outcome_shows_its_reliability(house):  # noqa: F811
    page = house.open("arena")
    page.segmented_control(key="outcome").set_value("Draw").run()
    assert not page.exception
    assert any("Draw: the challenger said" in element.value for element in page.caption)


def test_each_chart_has_a_line_a_table_and_a_file(house):  # noqa: F811
    page = house.open("arena")
    assert len(page.get("plotly_chart")) == 2
    assert all(chart.proto.alt for chart in page.get("plotly_chart"))
    assert len(page.table) == 3 and len(page.get("download_button")) == 3
    assert list(page.table[1].value.columns)[:3] == ["Matches of", "Number", "Difference"]


def test_without_a_challenger_the_page_says_so(house):  # noqa: F811
    table = evaluation(n=400)
    house.publish(evaluation__parquet=parquet(table[table["recipe"] != "six_ratings"]))
    page = house.open("arena")
    assert "The champion and the challenger share no match of the walk-forward." in said(page)
    assert page.button(key="go_promote_2_1").label == "Promote version 2"


def test_where_no_version_is_challenger_the_page_says_so_and_decisions_are_still_there(house):  # noqa: F811
    house.publish(published_cards(champion=1, baseline=3))
    page = house.open("arena")
    assert not page.exception and not page.error
    assert "There is no challenger yet." in said(page) and "Nothing was decided yet" in said(page)
    assert any("There is no challenger to promote" in element.value for element in page.markdown)


def test_before_the_first_pipeline_run_the_page_has_its_head_and_says_what_to_do(house):  # noqa: F811
    house.unpublish()
    page = house.open("arena")
    assert not page.exception and not page.error
    assert "Is the challenger better" in said(page) and "make pipeline" in said(page)
