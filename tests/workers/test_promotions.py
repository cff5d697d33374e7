"""The champion changes under a lease, with a row in the audit: EP-15 and EP-16 where they are carried out."""

from __future__ import annotations

import json
import shutil
import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy.exc import IntegrityError

from core.errors import AliasMissing, DatabaseUnavailable, PromotionRefused, RegistryUnavailable, TaskRevoked, TaskStateError
from core.football.promotion import NOTHING_DECIDED, before
from core.serving import stage_file
from core.serving.stage_file import LEASE
from core.storage import audit_log, leases, logbook, pipeline_log
from core.storage.database import Database
from core.storage.registry import Registry
from tests.serving.models import register
from tests.workers.house import eventually
from workers import progress, promotions
from workers.promotions import Promotions


@pytest.fixture(scope="module")
def registered(migrated, tmp_path_factory):
    """A registry with three versions, of which the first is the champion."""
    folder = tmp_path_factory.mktemp("registered")
    shutil.copy(migrated, folder / "mlflow.db")
    registry = Registry(f"sqlite:///{folder / 'mlflow.db'}", "soccer-match-outcome", folder / "artifacts")
    for number in (1, 2, 3):
        assert register(registry, folder / f"model{number}", lean=number / 10) == number
    registry.set_alias("champion", 1)
    return folder / "mlflow.db"


@pytest.fixture
def place(registered, tmp_path):
    """Who decides: each with clients of his own."""
    shutil.copy(registered, tmp_path / "mlflow.db")
    databases = []

    def decider() -> Promotions:
        databases.append(Database(f"sqlite:///{tmp_path / 'soccer.db'}"))
        databases[-1].create()
        return Promotions(databases[-1], Registry(f"sqlite:///{tmp_path / 'mlflow.db'}", "soccer-match-outcome"))

    yield SimpleNamespace(decider=decider)
    for database in databases:
        database.close()


@pytest.fixture
def decider(place):
    return place.decider()


def champion(decider) -> int:
    return decider.registry.aliases()["champion"]


def test_EP_15_the_alias_moves_and_the_audit_says_who_what_from_where_and_why(decider):
    said = decider.promote(2, "better by 0.01", 1, who="API, key 2", request="r1")
    assert champion(decider) == 2
    (row,) = logbook.decisions(decider.database)
    assert (row["who"], row["action"], row["from_version"], row["to_version"]) == ("API, key 2", "promote", 1, 2)
    assert (row["reason"], row["at"][-1]) == ("better by 0.01", "Z")
    assert row["metrics"]["from"] == {"log_loss": 0.9} and row["metrics"]["to"] == {"log_loss": 0.8}
    assert said == {name: row[name] for name in ("action", "from_version", "to_version", "reason", "who", "at")}
    json.dumps(said, allow_nan=False)


def test_EP_15_of_two_at_once_one_wins_and_the_other_is_told_who_won(place):
    deciders = {2: place.decider(), 3: place.decider()}
    together, ends = threading.Barrier(2), {}

    def decide(version):
        together.wait()
        try:
            ends[version] = deciders[version].promote(version, f"reason {version}", 1, who=f"person {version}")
        except PromotionRefused as refused:
            ends[version] = refused

    threads = [threading.Thread(target=decide, args=(version,)) for version in deciders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = champion(deciders[2])
    lost = 5 - won
    assert ends[won]["to_version"] == won
    assert isinstance(ends[lost], PromotionRefused)
    for word in (f"Version {won} is the champion", "not version 1", f"person {won}", f"reason {won}"):
        assert word in str(ends[lost])
    assert [row["to_version"] for row in logbook.decisions(deciders[2].database)] == [won]


@pytest.mark.parametrize("expected", [2, None])
def test_EP_15_another_champion_than_expected_is_refused_and_nothing_changes(decider, expected):
    with pytest.raises(PromotionRefused, match="Version 1 is the champion"):
        decider.promote(3, "better", expected)
    assert champion(decider) == 1
    assert logbook.decisions(decider.database) == []


def test_EP_15_the_champion_itself_or_a_version_that_is_not_there_is_refused(decider):
    with pytest.raises(PromotionRefused, match="already"):
        decider.promote(1, "again", 1)
    with pytest.raises(AliasMissing):
        decider.promote(99, "never trained", 1)
    assert (champion(decider), logbook.decisions(decider.database)) == (1, [])


def test_EP_15_what_failed_the_leak_test_is_refused_and_any_other_check_is_for_people_to_weigh(decider, monkeypatch):
    real, gate = decider.registry.card, {"checks": {"no_leak": False, "better": True}}
    monkeypatch.setattr(decider.registry, "card", lambda version: real(version) | {"gate": gate})
    with pytest.raises(PromotionRefused, match="Version 2 failed the leak test"):
        decider.promote(2, "better", 1)
    assert (champion(decider), logbook.decisions(decider.database)) == (1, [])
    gate["checks"] = {"no_leak": True, "better": False}
    assert decider.promote(2, "all the same", 1)["to_version"] == 2
    gate["checks"] = {"no_leak": False}
    assert decider.rollback("back, whatever its test said")["to_version"] == 1


def test_EP_15_a_task_that_was_killed_before_it_could_write_is_finished_by_its_next_run(decider):
    killed = audit_log.Decision("a person", "promote", 1, 2, "better", {"request": "r7"})
    audit_log.intend(decider.database, killed)
    decider.registry.set_alias("champion", 2)
    said = decider.promote(2, "better", 1, who="a person", request="r7")
    assert (said["from_version"], said["to_version"], champion(decider)) == (1, 2, 2)
    assert len(logbook.decisions(decider.database)) == 1
    assert decider.promote(2, "better", 1, who="a person", request="r7") == said
    with pytest.raises(PromotionRefused, match="a person made it so"):
        decider.promote(2, "better", 1, who="a person", request="r8")


def test_EP_15_when_the_row_cannot_be_written_the_next_run_of_the_task_writes_it(decider, monkeypatch):
    def away(database, decision):
        raise DatabaseUnavailable("The database does not answer.")

    with monkeypatch.context() as patched:
        patched.setattr(promotions.audit_log, "settle", away)
        with pytest.raises(DatabaseUnavailable):
            decider.promote(2, "better", 1, request="r1")
    assert (champion(decider), logbook.decisions(decider.database)) == (2, [])
    decider.promote(2, "better", 1, request="r1")
    assert [(row["from_version"], row["to_version"]) for row in logbook.decisions(decider.database)] == [(1, 2)]


def test_EP_15_a_registry_that_is_away_leaves_no_row(decider, monkeypatch):
    def away(name, version):
        raise RegistryUnavailable("The registry does not answer.")

    with monkeypatch.context() as patched:
        patched.setattr(decider.registry, "set_alias", away)
        with pytest.raises(RegistryUnavailable):
            decider.promote(2, "better", 1, request="r1")
    assert (champion(decider), logbook.decisions(decider.database)) == (1, [])
    assert decider.promote(2, "better", 1, request="r1")["to_version"] == 2
    assert len(logbook.decisions(decider.database)) == 1


def test_EP_15_a_task_that_was_killed_before_the_alias_moved_starts_again_and_leaves_no_false_row(decider):
    audit_log.intend(decider.database, audit_log.Decision("a person", "promote", 1, 2, "better", {"request": "r7"}))
    decider.promote(3, "best", 1, who="another", request="r9")
    assert [(row["who"], row["to_version"]) for row in logbook.decisions(decider.database)] == [("another", 3)]
    with pytest.raises(PromotionRefused, match="another made it so"):
        decider.promote(2, "better", 1, who="a person", request="r7")


@pytest.mark.parametrize("turn", ["while it waits", "at once"])
def test_TK_7_a_promotion_tells_how_far_it_is_and_can_be_cancelled_until_the_alias_moves(decider, turn):
    heard = []

    def tell(share, note):
        heard.append((share, note))
        leases.take(decider.database, LEASE, "somebody else", 0)
        return turn == "while it waits" and share < 0.5

    if turn == "while it waits":
        leases.take(decider.database, LEASE, "somebody else", 30)
    with progress.told(tell), pytest.raises(TaskRevoked):
        decider.promote(2, "better", 1, request="r1")
    assert heard[-1] == (0.5, "changes the champion")
    assert ((0.1, "waits for another decision") in heard) is (turn == "while it waits")
    assert (champion(decider), logbook.decisions(decider.database), audit_log.intended(decider.database)) == (1, [], None)
    assert decider.promote(2, "better", 1, request="r2")["to_version"] == 2


def test_EP_15_while_somebody_else_decides_it_waits_and_then_is_tried_again(decider, monkeypatch):
    monkeypatch.setattr(promotions, "PATIENCE", 0.2)
    assert leases.take(decider.database, LEASE, "somebody else", 30)
    with pytest.raises(TaskStateError, match="tried again"):
        decider.promote(2, "better", 1)
    assert champion(decider) == 1
    leases.take(decider.database, LEASE, "somebody else", 0)
    assert decider.promote(2, "better", 1)["to_version"] == 2


def test_EP_16_returns_to_the_champion_before_step_by_step(decider):
    decider.promote(2, "better", 1)
    decider.promote(3, "better still", 2)
    assert decider.rollback("it was not", who="a person")["to_version"] == 2
    assert decider.rollback("neither was that")["to_version"] == 1
    assert champion(decider) == 1
    with pytest.raises(PromotionRefused, match="no champion before version 1"):
        decider.rollback("once more")
    rows = logbook.decisions(decider.database)
    assert [(row["action"], row["from_version"], row["to_version"]) for row in rows] == [
        ("rollback", 2, 1),
        ("rollback", 3, 2),
        ("promote", 2, 3),
        ("promote", 1, 2),
    ]


def test_EP_16_without_a_decision_there_is_nothing_to_return_to(decider):
    with pytest.raises(PromotionRefused) as refused:
        decider.rollback("why not")
    assert str(refused.value) == NOTHING_DECIDED, "the very sentence of the page"


def test_EP_16_a_rollback_that_runs_twice_goes_back_once(decider):
    decider.promote(2, "better", 1)
    decider.promote(3, "better still", 2)
    assert decider.rollback("worse", request="r1") == decider.rollback("worse", request="r1")
    assert champion(decider) == 2


def slowly(decider, monkeypatch, meanwhile) -> None:
    """His registry tells of a version only after the lease has run out, and `meanwhile` is done."""
    card = decider.registry.card

    def slow(version):
        found = card(version)
        monkeypatch.undo()
        meanwhile()
        return found

    monkeypatch.setattr(stage_file, "LEASE_SECONDS", 0.0)
    monkeypatch.setattr(decider.registry, "card", slow)


def test_EP_15_of_two_that_expect_the_same_champion_one_wins_however_slow_the_registry_is(place, monkeypatch):
    slow, quick = place.decider(), place.decider()
    slowly(slow, monkeypatch, lambda: quick.promote(2, "better", 1))
    with pytest.raises(TaskStateError, match="tried again"):
        slow.promote(3, "best", 1)
    assert champion(slow) == 2
    with pytest.raises(PromotionRefused, match="Version 2 is the champion"):
        slow.promote(3, "best", 1)
    assert [row["to_version"] for row in logbook.decisions(slow.database)] == [2]


def test_EP_15_who_lost_the_lease_to_somebody_who_still_decides_changes_nothing(place, monkeypatch):
    slow = place.decider()
    slowly(slow, monkeypatch, lambda: leases.take(slow.database, LEASE, "somebody else", 30))
    with pytest.raises(TaskStateError, match="tried again"):
        slow.promote(3, "best", 1)
    assert (champion(slow), logbook.decisions(slow.database)) == (1, [])


def stands_still(decider, monkeypatch, meanwhile) -> None:
    """His process stands still in the middle of moving the alias, until the lease has run out, and `meanwhile` is done."""
    set_alias = decider.registry.set_alias

    def late(name, version):
        monkeypatch.undo()
        meanwhile()
        set_alias(name, version)

    monkeypatch.setattr(stage_file, "LEASE_SECONDS", 0.0)
    monkeypatch.setattr(decider.registry, "set_alias", late)


def test_EP_15_an_alias_that_moves_after_somebody_else_decided_is_put_back_and_its_task_is_told_who_won(place, monkeypatch):
    late, quick = place.decider(), place.decider()
    stands_still(late, monkeypatch, lambda: quick.promote(2, "better", 1, who="person 2"))
    with pytest.raises(PromotionRefused, match=r"Version 2 is the champion, not version 1 as expected\. person 2 made it so"):
        late.promote(3, "best", 1)
    assert champion(late) == 2
    assert [row["to_version"] for row in logbook.decisions(late.database)] == [2]
    assert late.rollback("worse")["to_version"] == 1


def test_EP_15_an_alias_that_moves_while_somebody_else_has_only_begun_is_put_back(place, monkeypatch):
    late, other = place.decider(), audit_log.Decision("person 2", "promote", 1, 2, "better", {})
    stands_still(late, monkeypatch, lambda: audit_log.intend(late.database, other))
    with pytest.raises(PromotionRefused, match="Version 1 is the champion"):
        late.promote(3, "best", 1)
    assert (champion(late), logbook.decisions(late.database)) == (1, [])
    assert audit_log.intended(late.database) == other, "what somebody else intends is not settled by this one"


def test_EP_15_the_lease_is_held_for_as_long_as_the_registry_takes(decider, monkeypatch):
    """`set_alias` goes on until the lease would have run out several times, by the database's clock."""
    set_alias, take, renewed, moment = decider.registry.set_alias, leases.take, [], [decider.database.now()]

    def noting(*given):
        taken = take(*given)
        renewed.append(taken)
        return taken

    def slow(name, version):
        for _ in range(5):
            moment[0] += timedelta(seconds=stage_file.LEASE_SECONDS * 2 / 3)
            before = len(renewed)
            eventually(lambda before=before: len(renewed) > before + 1)  # the first of them may have looked at the clock before
            assert not take(decider.database, LEASE, "somebody else", 30)
        set_alias(name, version)

    monkeypatch.setattr(leases, "take", noting)
    monkeypatch.setattr(decider.database, "now", lambda: moment[0])
    monkeypatch.setattr(promotions, "RENEW_EVERY", 0.05)
    monkeypatch.setattr(decider.registry, "set_alias", slow)
    assert decider.promote(2, "better", 1)["to_version"] == 2
    assert all(renewed)


def test_EP_15_a_row_that_cannot_be_written_keeps_the_champion_and_stands_in_nobodys_way(decider):
    """It is written before the alias moves: what moved can always be settled."""
    with pytest.raises(IntegrityError):
        decider.promote(2, "better", 1, who=None)
    assert (champion(decider), logbook.decisions(decider.database)) == (1, [])
    assert decider.promote(3, "best", 1)["to_version"] == 3


def test_EP_15_what_is_only_intended_is_no_decision(decider):
    audit_log.intend(decider.database, audit_log.Decision("a person", "promote", 1, 2, "better", {"request": "r7"}))
    assert logbook.decisions(decider.database) == []
    assert pipeline_log.promotions(decider.database) == 0


def decided(*steps):
    rows = [{"action": action, "from_version": old, "to_version": new} for action, old, new in steps]
    return rows[::-1]


@pytest.mark.parametrize(
    ("now", "steps", "expected"),
    [
        (2, [("promote", 1, 2)], 1),
        (4, [("promote", 1, 2), ("rollback", 2, 1), ("promote", 1, 4)], 1),
        (4, [("promote", 1, 2), ("promote", 2, 3), ("rollback", 3, 2), ("promote", 2, 4)], 2),
        (2, [("promote", 1, 2), ("promote", 2, 3), ("rollback", 3, 2)], 1),
        (5, [("promote", 1, 2), ("promote", 4, 5)], 4),  # somebody moved the alias from 2 to 4 by hand
    ],
)
def test_EP_16_the_champion_before_is_found_in_the_audit(now, steps, expected):
    assert before(now, decided(*steps)) == expected


def test_EP_16_a_champion_that_came_by_another_hand_is_left_alone():
    with pytest.raises(PromotionRefused, match="does not know"):
        before(9, decided(("promote", 1, 2)))
