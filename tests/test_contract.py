"""The serving contract is held: each of its rows, and each of its statements without a number, has a test that is named here.

Rows are found by their id in a test's name, such as `test_LK_1_fifty_threads_cause_one_read`.
"""

import ast
import re
from itertools import chain
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
LAST = {"AUTH": 6, "EP": 21, "LK": 10, "PS": 6, "TK": 7}
ROWS = [f"{kind}-{number}" for kind, last in LAST.items() for number in range(1, last + 1)]
NOT_YET = {"EP-20"}  # the calendar's own route
STATEMENTS = {
    # value encoding, and the traps below the routes
    "classes, labels": "test_outcomes_are_numbered_and_labelled_as_other_systems_know_them",
    "a match id is a positive integer below 2^53": "test_an_id_is_a_positive_integer_below_two_to_the_53rd",
    "/predict/matches/ and /predict/model/info are no match": "test_traps_a_name_is_not_swallowed_by_a_matchs_id",
    "both spellings; odd ids are 404 or 422": "test_traps_an_id_that_is_none_is_404_or_422_and_never_500",
    "the same through the whole app": "test_traps_an_id_that_is_none_is_404_or_422_through_the_whole_app",
    "bodies over 64 KiB are 413": "test_traps_a_large_body_is_413_before_it_is_read",
    "an OpenAPI document describes all of it": "test_the_document_names_every_route_once_with_its_errors",
    "and is true": "test_the_document_holds",
    # 4. Schemas
    "fields": "test_a_schema_has_exactly_the_fields_of_the_contract",
    "unknown top-level fields are refused": "test_a_body_with_a_field_that_is_not_known_is_refused",
    "the baseline takes differences over five matches, and sex": "test_the_signatures_are_what_callers_were_told",
    # 6. Metrics
    "names and labels": "test_every_metric_of_the_contract_is_there_with_its_labels",
    "survive a reload": "test_a_reload_finds_the_same_metrics_and_their_counts",
    "counters": "test_a_counter_grows_by_one_with_each_thing_that_happens",
    "gauges": "test_a_gauge_shows_how_it_is",
    "pages": "test_the_sessions_that_are_open_are_counted_and_those_that_ended_are_not",
    "path templates": "test_EP_1_metrics_count_requests_by_template_and_never_by_id",
    # 7. Pipeline
    "stages": "test_a_run_from_nothing_runs_every_stage_once_and_says_one_line_for_each",
    "batch_inference scores all matches with every alias": "test_what_is_served_has_its_tables",
    "monitor_drift": "test_there_is_a_drift_report_and_its_row_of_history",
    "the pointer last": "test_the_pointer_moves_last",
    "effects can be repeated": "test_stages_with_effects_can_be_repeated_without_harm",
    "receipts, and the instance": "test_every_stage_with_effects_has_a_receipt_that_persists_and_depends_on_the_instance",
    "a deleted SOCCER_HOME": "test_a_home_that_was_deleted_is_made_again_by_the_next_run",
    "aliases": "test_a_new_version_becomes_challenger_and_the_champion_stays",
    "logs of requests": "test_each_request_is_one_structured_line_without_its_query",
    "logs of tasks": "test_one_line_is_logged_for_a_task_with_its_ids_and_never_a_key",
    "never a key": "test_no_key_is_ever_written_down",
    # 8. Defaults
    "defaults": "test_the_defaults_are_those_of_the_contract",
    "a folder for metrics must be writable": "test_EP_1_a_folder_for_metrics_that_cannot_be_written_fails_the_start_with_a_sentence",
    "timelines": "test_once_a_source_was_fetched_the_app_is_about_today",
    "chains of their own": "test_each_timeline_has_a_chain_of_its_own",
    "masked results": "test_a_result_is_known_two_hours_after_kick_off",
    "a replay is labelled": "test_a_replayed_seal_is_labelled_with_the_real_time_of_writing",
    "in the API too": "test_each_answer_says_that_it_is_of_a_replay",
}


def names() -> list[str]:
    """Every test of the project."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in TESTS.rglob("test_*.py"))
    nodes = chain.from_iterable(ast.walk(tree) for tree in trees)
    return [node.name for node in nodes if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]


NAMES = names()
CARRIED = {f"{kind}-{number}" for name in NAMES for kind, number in re.findall(rf"({'|'.join(LAST)})_(\d+)", name)}


@pytest.mark.parametrize("row", [row for row in ROWS if row not in NOT_YET])
def test_a_row_of_the_contract_has_a_test_that_carries_its_id(row):
    assert row in CARRIED


def test_no_test_carries_an_id_that_the_contract_does_not_have():
    assert set(ROWS) >= CARRIED


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_statement_without_an_id_has_its_test(statement):
    assert STATEMENTS[statement] in NAMES
