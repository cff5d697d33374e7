"""Small made-up leagues whose strengths are known, because we made them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from core.football.matches import match_id, team_id
from core.football.raw import SHOTS
from core.tables import MATCHES

MORE = ("Kampen", "Leiden", "Meppel", "Nijmegen", "Oss", "Putten")
TEAMS = ("Ajax", "Breda", "Cambuur", "Dordrecht", "Emmen", "Feyenoord", "Groningen", "Heerenveen")


def match(day, home, away, score=None, **changes):
    """One row of MATCHES; `score` None is a fixture to come."""
    sex, code, season = changes.get("sex", 0), changes.get("competition_code", "ned.1"), changes.get("season", "2024-25")
    country = changes.pop("country", "Netherlands")
    homes, aways = (
        team_id(country if country != "nations" else home, home, sex),
        team_id(country if country != "nations" else away, away, sex),
    )
    goals = score or (np.nan, np.nan)
    row = {
        "match_id": match_id(sex, code, f"{season}{day}", homes, aways, 1),
        "sex": sex,
        "competition_code": code,
        "competition": "Eredivisie",
        "country": country,
        "season": season,
        "round": "",
        "leg": 1,
        "date": pd.Timestamp(day),
        "kickoff_utc": pd.NaT,
        "neutral": False,
        "home_team_id": homes,
        "away_team_id": aways,
        "home_team": home,
        "away_team": away,
        "status": "finished" if score else "scheduled",
        "home_score": goals[0],
        "away_score": goals[1],
        "label_ok": score is not None,
    }
    return row | changes


def frame(*rows):
    """A MATCHES table of such rows."""
    return MATCHES.check(pd.DataFrame(list(rows)).assign(kickoff_utc=lambda table: pd.to_datetime(table["kickoff_utc"], utc=True)))


def league(seasons=3, teams=TEAMS, first_year=2021, seed=1, spread=0.5, **changes):
    """Full seasons from August on, two matches a day, or three of more teams.

    Goals are Poisson, by strengths that fall from the first team to the last.
    """
    random = np.random.default_rng(seed)
    strength = dict(zip(teams, np.linspace(spread, -spread, len(teams)), strict=True))
    pairs = [pair for both in combinations(teams, 2) for pair in (both, both[::-1])]
    rows = []
    for year in range(first_year, first_year + seasons):
        for number, place in enumerate(random.permutation(len(pairs))):
            home, away = pairs[place]
            edge = strength[home] - strength[away]
            score = (int(random.poisson(np.exp(0.35 + edge / 2))), int(random.poisson(np.exp(0.1 - edge / 2))))
            day = pd.Timestamp(year, 8, 3) + pd.Timedelta(days=5 * (number // (len(teams) // 4)))
            rows.append(match(day, home, away, score, season=f"{year}-{(year + 1) % 100:02d}", **changes))
    return frame(*rows)


def counted(matches, seed=9):
    """The same matches with shots, but for one in ten of which nobody counted them."""
    random = np.random.default_rng(seed)
    on_target = random.poisson(4 + matches[["home_score", "away_score"]].to_numpy())
    shots = np.hstack([on_target + random.poisson(6, on_target.shape), on_target]).astype(float)
    shots[random.random(len(shots)) < 0.1] = np.nan
    return matches.assign(**dict(zip(SHOTS, shots.T, strict=True)))
