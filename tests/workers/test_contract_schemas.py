"""The schemas have exactly the fields of the contract: other systems already use their names."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from core.football.outcomes import Outcome
from core.storage.schema import raw_matches
from workers import schemas

FIELDS = {
    "PredictRequest": "features match_id",
    "PredictResponse": (
        "match_id predicted_class predicted_label proba_home proba_draw proba_away model_name model_version model_run_id model_stage "
        "features_computed_at predicted_at"
    ),
    "AsyncPredictRequest": "match_id stage",
    "AsyncPredictResponse": "task_id status status_url",
    "ModelInfoResponse": "model_name model_version model_stage model_run_id metrics params features loaded registered_at",
    "PrecomputedPredictResponse": (
        "match_id proba_home proba_draw proba_away predicted_class predicted_label home_team_name away_team_name start_time_utc is_future "
        "model_stage model_run_id model_version predictions_computed_at stale"
    ),
    "MatchRawLive": (
        "match_id source observed_at competition sex kickoff_utc home_team away_team status minute home_score away_score is_stale"
    ),
    "MatchRaw": " ".join(raw_matches.columns.keys()),
    "TaskStatus": "task_id status progress result error created_at started_at finished_at",
    "FeatureInfo": "name type",
}


@pytest.mark.parametrize("schema", FIELDS)
def test_a_schema_has_exactly_the_fields_of_the_contract(schema):
    assert list(getattr(schemas, schema).model_fields) == FIELDS[schema].split()


@pytest.mark.parametrize("schema", ["PredictRequest", "AsyncPredictRequest", "PromoteRequest", "RollbackRequest"])
def test_a_body_with_a_field_that_is_not_known_is_refused(schema):
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        getattr(schemas, schema).model_validate({"surprise": 1})


def test_an_id_is_a_positive_integer_below_two_to_the_53rd():
    taken = schemas.AsyncPredictRequest.model_validate
    assert taken({"match_id": 2**53 - 1}).match_id == 2**53 - 1
    for odd in (0, -1, 2**53, 1.5, "7", True, None):
        with pytest.raises(ValidationError):
            taken({"match_id": odd})


def test_outcomes_are_numbered_and_labelled_as_other_systems_know_them():
    assert [(outcome.value, outcome.label) for outcome in Outcome] == [(0, "home_win"), (1, "draw"), (2, "away_win")]
