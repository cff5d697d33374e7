"""Made-up tables of matches in the form that the backtest takes: clubs in two divisions with shots, and nations."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd

NATIONS = ("Brazil", "France", "Ghana", "Japan", "Norway", "Peru", "Samoa", "Wales", "Kenya", "Malta")


def clubs(seasons=4, teams=10, first_year=2020, seed=1, sex="men", shots=True):
    """Two divisions whose extremes change places each summer; a match day a week from August on."""
    random = np.random.default_rng(seed)
    strength = {f"Club {number:02d}": 0.5 - number / (2 * teams) for number in range(2 * teams)}
    ladder, rows = list(strength), []
    for year in range(first_year, first_year + seasons):
        for tier, members in ((1, ladder[:teams]), (2, ladder[teams:])):
            pairs = list(permutations(members, 2))
            for number, place in enumerate(random.permutation(len(pairs))):
                home, away = pairs[place]
                day = pd.Timestamp(year, 8, 4) + pd.Timedelta(days=7 * (number // (teams // 2)))
                rows.append(_match(random, day, f"xx.{tier}", sex, False, home, away, strength[home] - strength[away], f"{year}"))
        ladder[teams - 1], ladder[teams] = ladder[teams], ladder[teams - 1]
    table = pd.DataFrame(rows).sort_values("date", kind="stable", ignore_index=True)
    return table if shots else table.drop(columns=[name for name in table if "shots" in name])


def nations(number=700, seed=2, sex="women"):
    """Friendlies, qualifiers and a tournament, a third on neutral ground; without seasons and shots."""
    random = np.random.default_rng(seed)
    rows = []
    for place in range(number):
        home, away = random.choice(len(NATIONS), 2, replace=False)
        competition = ("Friendly", "FIFA World Cup qualification", "UEFA Euro")[place % 3]
        day = pd.Timestamp(2020, 1, 6) + pd.Timedelta(days=3 * (place // 2))
        rows.append(_match(random, day, competition, sex, place % 3 == 2, NATIONS[home], NATIONS[away], (away - home) / 6, ""))
    return pd.DataFrame(rows).drop(columns=["season", *(name for name in rows[0] if "shots" in name)])


def scrambled(table, day, seed=3):
    """The same table with other scores and shots from this day on."""
    random, changed = np.random.default_rng(seed), table.copy()
    later = table["date"] >= day
    for name in ("home_score", "away_score", "home_shots", "away_shots", "home_shots_on_target", "away_shots_on_target"):
        if name in table:
            changed.loc[later, name] = random.integers(0, 9, later.sum())
    return changed


def _match(random, day, competition, sex, neutral, home, away, edge, season):
    chances = np.exp([0.3 * (not neutral) + edge, -edge])
    on_target = random.poisson(4 * chances)
    return {
        "date": f"{day:%Y-%m-%d}",
        "season": season,
        "competition": competition,
        "sex": sex,
        "neutral": neutral,
        "home_team": home,
        "away_team": away,
        "home_score": int(random.poisson(1.3 * chances[0])),
        "away_score": int(random.poisson(1.3 * chances[1])),
        "home_shots": int(on_target[0] + random.poisson(6)),
        "away_shots": int(on_target[1] + random.poisson(6)),
        "home_shots_on_target": int(on_target[0]),
        "away_shots_on_target": int(on_target[1]),
    }
