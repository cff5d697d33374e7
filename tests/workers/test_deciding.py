"""Promotion and rollback from the request to the pages: a real registry, database, store and queue, and the body of the worker's task."""

from __future__ import annotations

import json
import shutil
import time
from types import SimpleNamespace

import pytest

from core.errors import AliasMissing, GateNotPassed, PromotionRefused, StoreUnavailable
from core.football.promotion import NOTHING_DECIDED
from core.metrics import FORECAST_LOG_LOSS
from core.serving.stage_file import LEASE, StageFile
from core.storage import audit_log, forecast_chain, leases, logbook
from core.storage.registry import Registry
from core.vocabulary import FORMER_CHAMPION
from tests.pages.ops_fixtures import STAGES
from tests.serving import models
from tests.serving.batches import MOMENT, card, match_features, parquet, predictions, publish
from tests.views.contests import evaluation
from tests.views.reports import drift_report
from tests.workers.served import Served, publish_small
from workers import promotions, scoring, tasks
from workers.tasks import Tasks

SOUND = {"checks": {"no_leak": True}, "leak": {"matches": 1500}, "latency_ms": 0.1}
LEAKS = {"checks": {"no_leak": False}, "leak": {"matches": 1500}, "latency_ms": 0.1}
BETTER = evaluation(n=4000, champion_noise=1.2, challenger_noise=0.0)  # version 2 passes each check against version 1
WEAKER = ["number of matches", "difference", "calibration"]


@pytest.fixture(scope="module")
def registered(migrated, tmp_path_factory):
    """A registry in which version 2 is sound, version 3 failed the leak test, and version 1 is the champion."""
    folder = tmp_path_factory.mktemp("deciding")
    shutil.copy(migrated, folder / "mlflow.db")
    registry = Registry(f"sqlite:///{folder / 'mlflow.db'}", "soccer-match-outcome", folder / "artifacts")
    for number, (recipe, gate) in enumerate({"joint_boosted": SOUND, "six_ratings": SOUND, "form5": LEAKS}.items(), 1):
        given = {"metrics": {"log_loss": 1.0}, "params": {"recipe": recipe}, "tags": {}, "features": models.signature(), "gate": gate}
        registry.log_version(models.folder(folder / f"model{number}", lean=number / 4), given, f"Model {number}")
    for stage, version in STAGES.items():
        registry.set_alias(stage, version)
    return folder / "mlflow.db"


class Place(Served):
    """The API, and the bodies of the worker's tasks over the same database, registry, store and queue."""

    def __init__(self, home, mlflow, **files):
        super().__init__(home, published=False, start=False, tracking_uri=f"sqlite:///{mlflow}")
        made = {"evaluation.parquet": parquet(evaluation(n=400))} | files
        gates = {"champion": SOUND, "challenger": SOUND, "baseline": LEAKS}
        cards = {stage: card(stage, version) | {"features": models.signature(), "gate": gates[stage]} for stage, version in STAGES.items()}
        publish(self.store, models=cards, model_files={version: models.files(version / 4) for version in STAGES.values()}, files=made)
        self.tasks = Tasks.open(self.settings, self.services.database)
        self.services.models.refresh()

    @property
    def champion(self):
        return self.tasks.registry.aliases()["champion"]

    def post(self, action, key=None, **body):
        return self.client.post(f"/predict/model/{action}", json=body, headers={"Idempotency-Key": key} if key else {})

    def promote(self, version=2, reason="better", expected=1, key=None, **more):
        return self.post("promote", key, version=version, reason=reason, expected_champion=expected, **more)

    def carry_out(self, answer):
        """Do the work of the task that an answer names, as a worker would."""
        assert answer.status_code == 202, answer.text
        task_id = answer.json()["task_id"]
        name, _ = self.jobs.ledger.kind(task_id)
        return self.tasks.bodies()[name](**self.jobs.ledger.arguments(task_id))

    def decide(self, version, expected):
        self.carry_out(self.promote(version, expected=expected, against_the_gate=True))
        self.services.models.refresh()

    def last_sealed(self, match_id):
        with self.services.database.read() as connection:
            rows = forecast_chain.sealed(connection, match_id)
        return [row["model_version"] for row in rows if row["stage"] == "champion"]

    def close(self):
        self.tasks.models.close()
        super().close()


@pytest.fixture
def place(registered, tmp_path):
    made = []

    def make(**files):
        shutil.copy(registered, tmp_path / "mlflow.db")
        made.append(Place(tmp_path / "home", tmp_path / "mlflow.db", **files))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_EP_15_a_version_that_does_not_pass_the_gate_is_409_with_the_checks_that_fail(place):
    place = place()
    answer = place.promote()
    assert answer.status_code == 409 and answer.json()["failing"] == WEAKER
    assert "Version 2 does not pass the gate (number of matches, difference and calibration)" in answer.json()["detail"]
    assert place.jobs.ledger.recent(5) == []


def test_EP_15_one_that_passes_the_gate_is_promoted_and_the_audit_keeps_the_difference_and_the_checks(place):
    place = place(**{"evaluation.parquet": parquet(BETTER)})
    place.carry_out(place.promote())
    (row,) = logbook.decisions(place.services.database)
    kept = row["metrics"]
    assert kept["against_the_gate"] is False and kept["gate"]["matches"] == 4000 and all(kept["gate"]["checks"].values())
    assert kept["gate"]["difference"]["low"] < kept["gate"]["difference"]["point"] < kept["gate"]["difference"]["high"] < 0
    assert (row["who"], place.champion) == ("API, key 1", 2)


def test_EP_15_against_the_gate_is_promoted_and_the_audit_keeps_that_and_who_asked(place):
    place = place()
    place.carry_out(place.promote(against_the_gate=True, who="Kim"))
    (row,) = logbook.decisions(place.services.database)
    assert row["metrics"]["against_the_gate"] is True and row["metrics"]["gate"]["checks"]["enough"] is False
    assert (row["who"], place.champion) == ("Kim (API, key 1)", 2)


def test_EP_15_nobody_overrides_the_leak_test(place):
    place = place()
    answer = place.promote(3, against_the_gate=True)
    assert answer.status_code == 409 and "Version 3 failed the leak test" in answer.json()["detail"]
    with pytest.raises(PromotionRefused, match="Version 3 failed the leak test"):
        place.tasks.promotions.promote(3, "better", 1, against_the_gate=True)
    assert place.champion == 1


def test_EP_15_an_unknown_version_is_404_at_once_by_its_number(place):
    place = place()
    answer = place.promote(99, against_the_gate=True)
    assert answer.status_code == 404 and "no version 99" in answer.json()["detail"]
    assert place.jobs.ledger.recent(5) == []
    with pytest.raises(AliasMissing, match="99"):
        place.tasks.promotions.promote(99, "better", 1, against_the_gate=True)


def test_EP_15_the_worker_checks_the_gate_again(place):
    place = place()
    with pytest.raises(GateNotPassed) as refused:
        place.tasks.promotions.promote(2, "better", 1)
    assert refused.value.failing == WEAKER and place.champion == 1
    assert (logbook.decisions(place.services.database), audit_log.intended(place.services.database)) == ([], None)


def test_EP_15_a_key_that_comes_again_gives_the_same_task_and_is_not_judged_again(place):
    place = place()
    first = place.promote(key="once", against_the_gate=True)
    place.carry_out(first)
    place.services.models.refresh()
    again = place.promote(key="once", against_the_gate=True)
    assert again.status_code == 202 and again.json()["task_id"] == first.json()["task_id"], "version 2 is the champion already"


def test_EP_15_the_api_and_the_worker_judge_alike_before_there_is_an_evaluation(place):
    place = place()
    place.store.remove("batch")
    place.services.reports.lookups()["evaluation.parquet"].refresh()
    answer = place.promote()
    with pytest.raises(GateNotPassed) as refused:
        place.tasks.promotions.promote(2, "better", 1)
    assert (answer.status_code, answer.json()["failing"]) == (409, refused.value.failing)


def test_EP_15_a_decision_of_a_moment_ago_is_known_to_the_next_request(place):
    place = place()
    place.carry_out(place.promote(against_the_gate=True))
    assert place.services.models.assigned()["champion"] == 1, "this process has not looked at the registry since"
    assert place.promote(1, expected=2, against_the_gate=True).status_code == 202


def test_EP_16_without_a_decision_the_api_and_the_worker_say_the_pages_sentence(place):
    place = place()
    answer = place.post("rollback", reason="worse")
    assert (answer.status_code, answer.json()["detail"]) == (409, NOTHING_DECIDED)
    with pytest.raises(PromotionRefused) as refused:
        place.tasks.promotions.rollback("worse")
    assert str(refused.value) == NOTHING_DECIDED


def test_EP_16_a_promotion_of_a_moment_ago_can_be_rolled_back_at_once(place):
    place = place()
    place.carry_out(place.promote(against_the_gate=True))
    assert place.services.models.assigned()["champion"] == 1, "this process has not looked at the registry since"
    assert place.carry_out(place.post("rollback", reason="worse"))["to_version"] == 1


def test_EP_15_the_stage_file_and_the_chain_name_the_version_that_serves_after_promotion_and_rollback(place):
    place = place()
    match_id = place.ids()[0]
    place.decide(2, expected=1)
    file = StageFile.read(place.store)
    assert (file.stages["champion"], file.former_champion) == (2, 1)
    assert place.last_sealed(match_id) == [2]
    place.carry_out(place.post("rollback", reason="worse"))
    file = StageFile.read(place.store)
    assert (file.stages["champion"], file.former_champion) == (1, 2)
    assert place.last_sealed(match_id) == [2, 1]
    assert place.jobs.refreshing() is None


def test_EP_15_a_version_without_forecasts_in_the_batch_queues_a_refresh(place):
    place = place()
    publish_small(place.store, {"champion": 1, "baseline": 3}, version="v2")
    place.tasks.promotions.promote(2, "better", 1, against_the_gate=True)
    assert place.jobs.refreshing() is not None and StageFile.read(place.store).stages["champion"] == 2


@pytest.mark.parametrize("killed_at", ["write", "seal_champion"])
def test_EP_15_a_worker_killed_before_the_stage_file_or_before_the_seal_leaves_both_to_the_next_run_of_its_task(
    place, killed_at, monkeypatch
):
    place = place()

    def killed(*given):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(tasks.stage_file if killed_at == "write" else tasks, killed_at, killed)
        with pytest.raises(KeyboardInterrupt):
            place.tasks.promotions.promote(2, "better", 1, request="r1", against_the_gate=True)
    assert (place.champion, place.last_sealed(place.ids()[0])) == (2, [])
    place.tasks.promotions.promote(2, "better", 1, request="r1", against_the_gate=True)
    assert StageFile.read(place.store).stages["champion"] == 2 and place.last_sealed(place.ids()[0]) == [2]
    assert len(logbook.decisions(place.services.database)) == 1


def test_EP_15_where_the_store_is_away_the_decision_stands_and_a_refresh_makes_up_for_it(place, monkeypatch):
    place = place()

    def away(*given):
        raise StoreUnavailable("The store does not answer.")

    monkeypatch.setattr(tasks.stage_file, "write", away)
    assert place.tasks.promotions.promote(2, "better", 1, against_the_gate=True)["to_version"] == 2
    assert place.champion == 2 and place.jobs.refreshing() is not None


def test_EP_15_the_lease_is_renewed_for_as_long_as_the_judge_takes(place, monkeypatch):
    """Somebody else tries to take it while the judge works, after it would have run out."""
    place = place()
    judge, others = place.tasks.promotions._judge, []
    monkeypatch.setattr(promotions, "RENEW_EVERY", 0.05)
    monkeypatch.setattr(promotions.stage_file, "LEASE_SECONDS", 0.6)

    def slow(champion, version):
        for _ in range(8):
            time.sleep(0.2)
            others.append(leases.take(place.services.database, LEASE, "somebody else", 30))
        return judge(champion, version)

    monkeypatch.setattr(place.tasks.promotions, "_judge", slow)
    assert place.tasks.promotions.promote(2, "better", 1, against_the_gate=True)["to_version"] == 2
    assert others == [False] * 8


def drifts():
    """A batch's drift file: the report of version 1, and one of version 2."""
    other = drift_report(model_version=2, drift_score=0.75)
    return json.dumps(drift_report() | {"versions": {"2": other}}).encode()


def losses():
    made = {str(number): {"n": 400, "log_loss": {"point": 0.9 + number / 100, "low": 0.9, "high": 1.1}} for number in (1, 2, 3)}
    return json.dumps({"versions": made, "recipes": {}, "matches": 400}).encode()


def shown(place):
    """The metric by stage, the table of the Matches page, and the drift report."""
    metric = {stage: FORECAST_LOG_LOSS.labels(stage)._value.get() for stage in ("champion", "challenger")}
    table = [(words, version, scores["log_loss"]["point"]) for words, version, scores in place.services.scored() if scores]
    return metric, table, place.client.get("/monitoring/drift").json()


def test_every_figure_follows_the_version_that_has_the_stage_now_and_no_version_is_shown_twice(place):
    place = place(**{"scores.json": losses(), "drift.json": drifts()})
    place.services.start()
    assert shown(place)[1] == [("Champion", 1, 0.91), ("Challenger", 2, 0.92), ("Baseline", 3, 0.93)]
    place.decide(2, expected=1)
    metric, table, drift = shown(place)
    assert metric == {"champion": 0.92, "challenger": 0.92}
    assert table == [("Champion", 2, 0.92), ("Former champion", 1, 0.91), ("Baseline", 3, 0.93)]
    assert (drift["model_version"], drift["drift_score"]) == (2, 0.75)
    assert place.services.roles() == {"champion": 2, FORMER_CHAMPION: 1, "baseline": 3}
    place.carry_out(place.post("rollback", reason="worse"))
    place.services.models.refresh()
    assert shown(place)[0] == {"champion": 0.91, "challenger": 0.92} and shown(place)[2]["model_version"] == 1


def test_a_batch_that_was_begun_before_a_decision_seals_each_version_under_the_stage_that_it_has_now(place):
    place = place()
    begun = scoring.Roles(dict(STAGES), None, frozenset())
    place.decide(2, expected=1)
    at_work = SimpleNamespace(database=place.services.database, settings=place.settings, now=MOMENT)
    scoring._seal(at_work, place.tasks.registry, begun, match_features(40), predictions(40))
    assert place.last_sealed(place.ids()[0]) == [2], "the champion's last entry is of the version that serves"
