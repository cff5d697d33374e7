"""Arena from the front door."""

from core.serving.predictor import PredictionService
from core.storage import audit_log
from pages.shared import keyed
from tests.pages.ops_fixtures import STAGES, house, said  # noqa: F401
from tests.serving.batches import card, parquet
from tests.views.contests import evaluation


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


def test_after_a_promotion_the_page_says_that_there_is_no_challenger(house):  # noqa: F811
    house.publish({stage: card(stage, 2) | {"params": {"recipe": "challenger"}} for stage in ("champion", "challenger")})
    page = house.open("arena")
    assert not page.exception and not page.error
    assert "There is no challenger: version 2 serves as both." in said(page) and "What a promotion needs" not in said(page)
    assert not any(button.key.startswith("go_promote") for button in page.button)


def test_a_refit_of_the_champions_recipe_can_be_promoted_though_nothing_tells_the_two_apart(house):  # noqa: F811
    cards = {stage: card(stage, version) | {"params": {"recipe": "champion"}} for stage, version in (("champion", 1), ("challenger", 2))}
    house.publish(cards)
    page = house.open("arena")
    assert not page.exception and "Nothing to tell apart" in said(page)
    assert any("Whether it is better cannot be judged" in element.value for element in page.warning)
    assert page.button(key="go_promote_2_1").label == "Promote version 2"


def test_who_confirmed_one_version_has_not_confirmed_the_one_that_came_meanwhile(house, monkeypatch):  # noqa: F811
    at_home(monkeypatch)
    page = house.open("arena")
    page.text_input(key="why_promote").set_value("better").run()
    page.checkbox(key="sure_promote_2_1").check().run()
    monkeypatch.setattr(PredictionService, "versions", lambda self: {"champion": 1, "challenger": 3, "baseline": 3})
    page.button(key="go_promote_2_1").click().run()
    assert not page.exception and house.ledger.recent(1) == []
    assert page.button(key="go_promote_3_1").label == "Promote version 3" and not page.checkbox(key="sure_promote_3_1").value


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
    house.publish(evaluation__parquet=parquet(table[table["recipe"] != "challenger"]))
    assert "share no match here" in said(house.open("arena"))


def test_before_the_first_pipeline_run_the_page_has_its_head_and_says_what_to_do(house):  # noqa: F811
    house.unpublish()
    page = house.open("arena")
    assert not page.exception and not page.error
    assert "Is the challenger better" in said(page) and "make pipeline" in said(page)
