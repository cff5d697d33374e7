"""Attack and defence of all teams of a league, estimated together: a Kalman filter that sees goals through Poisson.

A team's strength is the sum of a slow part that wanders and a fast part that fades (form). Because the covariance between the
teams of a league is kept, a result also moves those whom both sides have met, and a newcomer with a doubtful rating
teaches less about its opponents than a well-known side.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from math import exp, log
from typing import NamedTuple

import numpy as np

from core.learning.streams import Floats, Games, Ground, counted_goals


@dataclass(frozen=True)
class Drift:
    """Variances of the parts: `start` of a newcomer's slow part, what it gains a `daily` and over a `summer` (a pause longer
    than `gap` days), and of the fast part, which forgets by 1/e in `memory` days. What happens to attack and to defence is
    correlated by `together`. A newcomer starts `below` its league's level; a league nobody knows starts lower by `step` a division."""

    start: float = 0.06
    daily: float = 5e-6
    summer: float = 0.005
    fast: float = 0.012
    memory: float = 120.0
    gap: int = 45
    below: float = 0.1
    step: float = 0.0
    level_rate: float = 0.02
    carry: float = 1.0
    moved: float = 0.0
    near: float = 0.0
    together: float = 0.0


@dataclass(frozen=True)
class Sight:
    """How goals are seen: expected `goals` a side and log advantage of the ground at the start, how fast both follow a
    league (`ground_rate`), the most goals that count, the power of a match's weight, and the share of the shots."""

    goals: float = 1.35
    home: float = 0.25
    ground_rate: float = 0.002
    cap: float = 10.0
    weight: float = 0.0
    shots: float = 0.0
    spread: float = 1.0
    shots_spread: float = 1.0


class Pool:
    """The teams that share one covariance: their `mean` and `cov`, two or four numbers each, in slots."""

    def __init__(self, parts: int) -> None:
        self.parts = parts
        self.seen: dict[int, int] = {}
        self.teams: dict[int, int] = {}
        self.mean = np.zeros(0)
        self.cov = np.zeros((0, 0))
        self.day: int | None = None

    def noise(self, gap: int, drift: Drift) -> float:
        """Variance gained by a strength in so many days."""
        return drift.daily * min(gap, drift.gap) + drift.summer * (gap > drift.gap) + drift.fast * (1 - exp(-2 * gap / drift.memory))

    def age(self, day: int, drift: Drift) -> None:
        """Let the days pass since the pool last met: doubt grows, form fades."""
        if self.day is None or day <= self.day:
            self.day = day
            return
        gap, fades = day - self.day, exp(-(day - self.day) / drift.memory)
        slow = drift.daily * min(gap, drift.gap) + (drift.summer if gap > drift.gap else 0.0)
        if self.parts == 4:
            fade = np.tile([1.0, 1.0, fades, fades], len(self.teams))
            self.cov *= fade
            self.cov *= fade[:, None]
            self.mean *= fade
        noise = np.tile([slow, drift.fast * (1 - fades * fades)][: self.parts // 2], len(self.teams))
        attack = np.arange(0, len(self.mean), 2)
        for one, other, share in ((0, 0, 1.0), (1, 1, 1.0), (0, 1, drift.together), (1, 0, drift.together)):
            self.cov[attack + one, attack + other] += share * noise
        self.day = day

    def admit(self, team: int, mean: Floats, block: Floats) -> None:
        """Give a team a slot, independent of all others."""
        size = len(self.mean)
        self.teams[team] = size
        self.seen[team] = self.day or 0
        self.mean = np.concatenate([self.mean, mean])
        cov = np.zeros((size + self.parts, size + self.parts))
        cov[:size, :size] = self.cov
        cov[size:, size:] = block
        self.cov = cov

    def strength(self, at: int) -> float:
        """Of the slot `at`: 0 and on for attack, 1 and on for defence."""
        return self.mean.item(at) + (self.mean.item(at + 2) if self.parts == 4 else 0.0)

    def with_all(self, at: int) -> Floats:
        """Covariance of that strength with every number of the pool."""
        row: Floats = self.cov[at].copy()
        if self.parts == 4:
            row += self.cov[at + 2]
        return row

    def release(self, team: int) -> tuple[Floats, Floats]:
        """Take a team's slot away; what was known of it alone."""
        at = self.teams.pop(team)
        del self.seen[team]
        own = slice(at, at + self.parts)
        mean, block = self.mean[own].copy(), self.cov[own, own].copy()
        kept = np.concatenate([np.arange(at), np.arange(at + self.parts, len(self.mean))])
        self.mean, self.cov = self.mean[kept], self.cov[np.ix_(kept, kept)]
        for other, place in self.teams.items():
            if place > at:
                self.teams[other] = place - self.parts
        return mean, block


class Known(NamedTuple):
    """A team on a morning: its strengths, and their variances."""

    attack: float
    defence: float
    attack_doubt: float
    defence_doubt: float


class JointFilter:
    """One `Pool` a league; a team that has played `STREAK` matches in a row in another league moves there with its marginal.

    Durbin and Koopman 2012, "Time Series Analysis by State Space Methods", chapters 10 and 14 (mode-based updates for
    Poisson counts); Koopman and Lit 2015, "A dynamic bivariate Poisson model"; Glickman and Stern 1998 (summers).
    """

    STREAK = 3
    ABSENT = 1000  # days without a match after which a team may lose its slot to a new one

    def __init__(self, name: str, drift: Drift, sight: Sight, single: bool = False, room: int = 64) -> None:
        self.names: tuple[str, ...] = tuple(f"{name}_{part}" for part in ("home", "away", "home_doubt", "away_doubt"))
        self._drift, self._sight, self._single = drift, sight, single
        self._parts = 4 if drift.fast else 2
        self._room = room
        self.pools: dict[tuple[int, int], Pool] = {}
        self.place: dict[int, tuple[int, int]] = {}  # team -> league and which of its pools
        self.visits: dict[int, tuple[int, int]] = {}  # team -> other league, matches in a row there
        self.levels: dict[int, list[float]] = {}
        self.ground = Ground(sight.goals, sight.home, sight.ground_rate)

    def before(self, games: Games) -> Floats:
        self.ground.room(games)
        first, second = self.ground.of(games)
        columns = zip(games.home.tolist(), games.away.tolist(), games.league.tolist(), games.tier.tolist(), games.day.tolist(), strict=True)
        found = np.empty((len(games.day), 4))
        for row, (home, away, league, tier, day) in enumerate(columns):
            one, two = self._known(home, away, league, tier, day), self._known(away, home, league, tier, day)
            found[row, 0] = one.attack - two.defence
            found[row, 1] = two.attack - one.defence
            found[row, 2] = one.attack_doubt + two.defence_doubt
            found[row, 3] = two.attack_doubt + one.defence_doubt
        found[:, 0] += first
        found[:, 1] += second
        return found

    def learn(self, games: Games) -> None:
        first, second = self.ground.of(games)
        counted = counted_goals(games, self._sight.shots, self._sight.cap)
        seen = ~np.isnan(games.chances[:, 0]) & (self._sight.shots > 0)
        trust = games.weight**self._sight.weight / np.where(seen, self._sight.shots_spread, self._sight.spread)
        columns = zip(games.home.tolist(), games.away.tolist(), games.league.tolist(), games.tier.tolist(), games.day.tolist(), strict=True)
        errors = np.empty((len(games.day), 2))
        for row, (home, away, league, tier, day) in enumerate(columns):
            self._enter(home, away, league, tier, day)
            self._enter(away, home, league, tier, day)
            errors[row, 0] = self._see(home, away, float(counted[row, 0]), float(first[row]), float(trust[row]))
            errors[row, 1] = self._see(away, home, float(counted[row, 1]), float(second[row]), float(trust[row]))
            self._settle(home, away, league)
        self.ground.learn(games, errors[:, 0], errors[:, 1])

    def seeing(self, sight: Sight) -> JointFilter:
        """One that knows the same and sees goals otherwise from now on."""
        found = copy.deepcopy(self)
        found._sight = sight
        return found

    def _known(self, team: int, other: int, league: int, tier: int, day: int) -> Known:
        """What is known of a team on a morning; changes nothing."""
        drift = self._drift
        at = self.place.get(team)
        if at is None:
            start = drift.start + drift.fast
            return Known(*self._newcomer(other, league, tier), start, start)
        pool = self.pools[at]
        own = pool.teams[team]
        gap = max(day - (pool.day if pool.day is not None else day), 0)
        fades = exp(-gap / drift.memory)
        noise = pool.noise(gap, drift)
        strengths, doubts = [], []
        for part in (own, own + 1):
            value, doubt = pool.mean.item(part), pool.cov.item(part, part)
            if pool.parts == 4:
                value += fades * pool.mean.item(part + 2)
                doubt += fades * (2 * pool.cov.item(part, part + 2) + fades * pool.cov.item(part + 2, part + 2))
            strengths.append(value)
            doubts.append(doubt + noise)
        return Known(*strengths, *doubts)

    def _newcomer(self, other: int, league: int, tier: int) -> tuple[float, float]:
        """Attack and defence of a team never seen: somewhat below its league's level, or its opponent's strength."""
        drift, level = self._drift, self.levels.get(league)
        if level is None:
            start = -drift.step * (tier - 1)
            return start, start
        at = self.place.get(other)
        met = level
        if drift.near and at is not None:
            pool = self.pools[at]
            met = [pool.mean.item(pool.teams[other] + part) for part in (0, 1)]
        mixed = [drift.near * there + (1 - drift.near) * here - drift.below for there, here in zip(met, level, strict=True)]
        return mixed[0], mixed[1]

    def _fresh(self, other: int, league: int, tier: int) -> tuple[Floats, Floats]:
        drift = self._drift
        mean, variances = [*self._newcomer(other, league, tier), 0.0, 0.0], [drift.start, drift.fast]
        block = np.kron(np.diag(variances[: self._parts // 2]), [[1.0, drift.together], [drift.together, 1.0]])
        return np.array(mean[: self._parts]), block.astype(np.float64)

    def _enter(self, team: int, other: int, league: int, tier: int, day: int) -> None:
        """Give the team a slot in a pool if it has none, let its pool's time pass, move it when it has changed leagues."""
        wanted = 0 if self._single else league
        at = self.place.get(team)
        if at is None:
            self._admit(team, wanted, day, *self._fresh(other, league, tier))
        elif at[0] == wanted:
            self.visits.pop(team, None)
            self._pool(at, day).seen[team] = day
        else:
            there, number = self.visits.get(team, (wanted, 0))
            number = number + 1 if there == wanted else 1
            self.visits[team] = (wanted, number)
            old = self._pool(at, day)
            old.seen[team] = day
            if number >= self.STREAK:
                self._move(team, other, league, tier, old)

    def _move(self, team: int, other: int, league: int, tier: int, old: Pool) -> None:
        """Take a team to the pool of its new league, with what was known of it alone."""
        mean, block = old.release(team)
        carry = self._drift.carry
        mean[:2] = carry * mean[:2] + (1 - carry) * np.array(self._newcomer(other, league, tier))
        block[[0, 1], [0, 1]] += self._drift.moved
        del self.visits[team]
        self._admit(team, league, old.day or 0, mean, block)

    def _admit(self, team: int, league: int, day: int, mean: Floats, block: Floats) -> None:
        """Into the first pool of the league with a free slot, or one that a team long absent can leave."""
        number = 0
        while True:
            pool = self._pool((league, number), day)
            if len(pool.teams) >= self._room:
                absent = min(pool.seen, key=lambda known: (pool.seen[known], known))
                if day - pool.seen[absent] > self.ABSENT:
                    pool.release(absent)
                    del self.place[absent]
            if len(pool.teams) < self._room:
                break
            number += 1
        pool.admit(team, mean, block)
        self.place[team] = (league, number)

    def _pool(self, key: tuple[int, int], day: int) -> Pool:
        pool = self.pools.get(key)
        if pool is None:
            pool = self.pools[key] = Pool(self._parts)
        pool.age(day, self._drift)
        return pool

    def _see(self, scorer: int, other: int, goals: float, base: float, trust: float) -> float:
        """One side's goals: move what explains them. Returns goals minus expected goals."""
        one, two = self.pools[self.place[scorer]], self.pools[self.place[other]]
        i, j = one.teams[scorer], two.teams[other]
        expected = base + one.strength(i) - two.strength(j + 1)
        for_side, against = one.with_all(i), two.with_all(j + 1)
        if one is two:
            for_side -= against
            doubt = self._own(one, for_side, i) - self._own(one, for_side, j + 1)
        else:
            doubt = self._own(one, for_side, i) + self._own(two, against, j + 1)
        shift, certain = _mode(expected, doubt, goals, trust)
        one.mean += shift * for_side
        one.cov -= (certain * for_side)[:, None] * for_side
        if one is not two:
            two.mean -= shift * against
            two.cov -= (certain * against)[:, None] * against
        return goals - exp(expected)

    @staticmethod
    def _own(pool: Pool, row: Floats, at: int) -> float:
        return row.item(at) + (row.item(at + 2) if pool.parts == 4 else 0.0)

    def _settle(self, home: int, away: int, league: int) -> None:
        """Let the level of the league follow the two teams that have just played in it."""
        one, two = self.pools[self.place[home]], self.pools[self.place[away]]
        i, j = one.teams[home], two.teams[away]
        rate, old = self._drift.level_rate, self.levels.get(league)
        means = [(one.mean.item(i + part) + two.mean.item(j + part)) / 2 for part in (0, 1)]
        self.levels[league] = means if old is None else [was + rate * (now - was) for was, now in zip(old, means, strict=True)]


class GoalsAndShots:
    """A filter that sees goals, and beside it one that sees shots too. Until shots were counted once the two are one."""

    def __init__(self, drift: Drift, goals: Sight, shots: Sight) -> None:
        self.goals = JointFilter("joint", drift, goals)
        self.shots: JointFilter | None = None
        self._sight = shots
        self.names = (*self.goals.names, *JointFilter("shots", drift, shots).names)

    def before(self, games: Games) -> Floats:
        found = self.goals.before(games)
        return np.concatenate([found, found if self.shots is None else self.shots.before(games)], axis=1)

    def learn(self, games: Games) -> None:
        if self.shots is None and not np.isnan(games.chances).all():
            self.shots = self.goals.seeing(self._sight)
        self.goals.learn(games)
        if self.shots is not None:
            self.shots.learn(games)


def _mode(mean: float, doubt: float, goals: float, trust: float) -> tuple[float, float]:
    """The posterior mode of a log rate: how far it moves a unit of variance, and the certainty gained a unit of variance."""
    at, most = mean, max(mean, log(goals)) if goals > 0 else mean  # where no step may lead past: it would not come back in four
    for _ in range(4):
        rate = trust * exp(at)
        at = min(at - (rate - trust * goals + (at - mean) / doubt) / (rate + 1 / doubt), most)
    rate = trust * exp(at)
    return (at - mean) / doubt, rate / (1 + rate * doubt)
