"""The champion changes here and nowhere else: under a lease, with a row in the audit."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Never

from core.errors import AliasMissing, GateNotPassed, PromotionRefused, SoccerPredictError, TaskStateError
from core.football.judging import Judged
from core.football.promotion import before, refuse_leak
from core.serving import stage_file
from core.storage import audit_log, leases, logbook
from core.storage.database import Database
from core.storage.registry import Registry
from core.vocabulary import CHAMPION
from workers.log import line
from workers.progress import report
from workers.repeat import Repeat

RENEW_EVERY = 10.0
PATIENCE = 45.0

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Turn:
    """To decide is `holder`'s turn: the champion, and all decisions, the latest first."""

    holder: str
    champion: int | None
    rows: list[dict[str, Any]]


class Promotions:
    """What is about to be done is noted before it is done: if this process is killed in the middle, the next one finds the note.

    `request` marks one request, so that a task which runs a second time knows what it has done already.
    """

    def __init__(
        self,
        database: Database,
        registry: Registry,
        judge: Callable[[int | None, int], Judged] | None = None,
        moved: Callable[[int], None] | None = None,
    ) -> None:
        self.database = database
        self.registry = registry
        self._judge, self._moved = judge, moved

    def promote(
        self,
        version: int,
        reason: str,
        expected_champion: int | None,
        who: str = "the app",
        request: str | None = None,
        against_the_gate: bool = False,
    ) -> dict[str, Any]:
        """Make a version the champion: {action, from_version, to_version, reason, who, at}.

        PromotionRefused when the champion is not the expected one by now: it says who won; when the gate is not passed, unless
        `against_the_gate`; and for a version that failed the leak test, which nobody may override. AliasMissing for no such version.
        """
        with self._alone() as turn:
            if _is_mine(turn.rows, request):
                return self._made(turn)
            if turn.champion != expected_champion:
                raise PromotionRefused(_who_won(turn.champion, expected_champion, turn.rows))
            if turn.champion == version:
                raise PromotionRefused(f"Version {version} is the champion already.")
            return self._move(turn, "promote", version, reason, who, request, self._gate(turn.champion, version, against_the_gate))

    def rollback(self, reason: str, who: str = "the app", request: str | None = None) -> dict[str, Any]:
        """Return to the champion before this one, as the audit has it; PromotionRefused when it has none."""
        with self._alone() as turn:
            if _is_mine(turn.rows, request):
                return self._made(turn)
            return self._move(turn, "rollback", before(turn.champion, turn.rows), reason, who, request)

    def _made(self, turn: Turn) -> dict[str, Any]:
        """Repeat what follows from a decision that this very request has made: its worker may have been killed before."""
        if turn.rows[0]["to_version"] == turn.champion:
            self._follow_up(turn.rows[0]["to_version"])
        return _told(turn.rows[0])

    def _gate(self, champion: int | None, version: int, against: bool) -> dict[str, Any]:
        """What the audit keeps of the gate; PromotionRefused when it is not passed. A test without a judge has no gate."""
        if not self.registry.has(version):
            raise AliasMissing(f"The registry holds no version {version}. /predict/model/info names those that serve.")
        refuse_leak(version, self.registry.card(version))
        if self._judge is None:
            return {}
        judged = self._judge(champion, version)
        if judged.failing and not against:
            raise GateNotPassed(version, judged.failing)
        return {"gate": judged.to_json(), "against_the_gate": bool(judged.failing)}

    def _move(
        self, turn: Turn, action: str, version: int, reason: str, who: str, request: str | None, gate: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        old = turn.champion
        mark = request or str(uuid.uuid4())
        card = self.registry.card(version)
        metrics = {"to": card["metrics"], "from": None if old is None else self._metrics(old), "request": mark, **(gate or {})}
        decision = audit_log.Decision(who, action, old, version, reason, metrics)
        report(0.5, "changes the champion")  # the last moment to stop it
        self._check_still_mine(turn)
        audit_log.intend(self.database, decision)
        self.registry.set_alias(CHAMPION, version)
        audit_log.settle(self.database, decision)
        mine = next((row for row in logbook.decisions(self.database, logbook.ALL) if _is_of(row, mark)), None)
        if mine is None:
            self._give_way(turn, version)
        self._follow_up(version)
        return _told(mine)

    def _give_way(self, turn: Turn, version: int) -> Never:
        """This process stood still until its lease had run out, and somebody else decided: his champion is put back."""
        self._wait(turn.holder)
        rows = logbook.decisions(self.database, logbook.ALL)
        theirs = turn.champion if rows[:1] == turn.rows[:1] else rows[0]["to_version"]
        if self.registry.aliases().get(CHAMPION) == version and theirs is not None:
            self.registry.set_alias(CHAMPION, theirs)
        raise PromotionRefused(_who_won(theirs, turn.champion, rows))

    def _check_still_mine(self, turn: Turn) -> None:
        """TaskStateError if this process stood still until its lease ran out, and somebody else decided or is about to."""
        decided = logbook.decisions(self.database, 1)
        if not self._hold(turn.holder) or self.registry.aliases().get(CHAMPION) != turn.champion or decided != turn.rows[:1]:
            raise TaskStateError("Somebody else decided while the registry was asked. This one is tried again by itself.")

    def _hold(self, holder: str) -> bool:
        return leases.take(self.database, stage_file.LEASE, holder, stage_file.LEASE_SECONDS)

    def _settle(self, champion: int | None) -> None:
        """Settle what a killed process did and could not settle any more."""
        left = audit_log.intended(self.database)
        if left is not None and left.to_version == champion:
            audit_log.settle(self.database, left)
            self._follow_up(left.to_version)

    def _follow_up(self, version: int) -> None:
        """What follows from a new champion. The decision is made: where the store is away, a later look or batch makes up for it."""
        if self._moved is None:
            return
        try:
            self._moved(version)
        except SoccerPredictError as error:
            line("the new champion is not yet in the store", logging.WARNING, version=version, problem=str(error))

    def _metrics(self, version: int) -> dict[str, float]:
        metrics: dict[str, float] = self.registry.card(version)["metrics"]
        return metrics

    def _wait(self, holder: str) -> None:
        """Until the lease is his."""
        until = time.monotonic() + PATIENCE
        while not self._hold(holder):
            if time.monotonic() > until:
                raise TaskStateError("Another promotion or rollback is under way. This one is tried again by itself.")
            report(0.1, "waits for another decision")
            time.sleep(0.1)

    @contextmanager
    def _alone(self) -> Iterator[Turn]:
        """Hold the lease for as long as this lasts, however slow the registry and the judge are.

        TaskStateError, and the task is tried again, when somebody else holds it for too long.
        """
        self.registry.aliases()  # the import of MLflow takes seconds: before the lease, not within
        holder = stage_file.holder()
        self._wait(holder)
        holding = Repeat("promotion", RENEW_EVERY, lambda: self._hold(holder))
        holding.start()
        try:
            champion = self.registry.aliases().get(CHAMPION)
            self._settle(champion)
            yield Turn(holder, champion, logbook.decisions(self.database, logbook.ALL))
        finally:
            holding.stop()
            holding.join()
            leases.take(self.database, stage_file.LEASE, holder, 0.0)


def _told(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("action", "from_version", "to_version", "reason", "who", "at")}


def _is_mine(rows: list[dict[str, Any]], request: str | None) -> bool:
    """Whether the latest decision is this very request, carried out by a worker that was then killed."""
    return bool(request and rows and _is_of(rows[0], request))


def _is_of(row: Row, request: str) -> bool:
    return bool((row["metrics"] or {}).get("request") == request)


def _who_won(champion: int | None, expected: int | None, rows: list[dict[str, Any]]) -> str:
    now = "There is no champion" if champion is None else f"Version {champion} is the champion"
    was = "none was expected" if expected is None else f"not version {expected} as expected"
    row = next((row for row in rows if row["to_version"] == champion), None)
    by = f" {row['who']} made it so at {row['at']}: {row['reason'][:200]}" if row else ""
    return f"{now}, {was}.{by} Look at it, then ask again."
