"""Teams and their spellings in the database: filled from data, read again by the next loading."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from core.football.matches import Teams
from core.football.raw import RawMatch
from core.storage.bulk import batches, insert, replace
from core.storage.schema import team_aliases, teams


def recall(connection: sa.Connection, known: Teams) -> None:
    """Add to `known` the teams of earlier loadings; a spelling that is known already keeps its team."""
    names = team_aliases.join(teams, teams.c.team_id == team_aliases.c.team_id)
    wanted = sa.select(teams.c.country, teams.c.sex, teams.c.name, team_aliases.c.alias, team_aliases.c.source).select_from(names)
    for country, sex, name, alias, source in connection.execute(wanted.order_by(teams.c.team_id, team_aliases.c.alias)):
        if known.find(country, sex, alias) is None:
            known.add(country, sex, name, alias, source)


def remember(connection: sa.Connection, known: Teams, rows: Sequence[RawMatch]) -> None:
    """Write down the teams that these rows name, with their spellings, as far as they are not there yet."""
    named = {(row.country, row.sex, name) for row in rows for name in (row.home_raw, row.away_raw)}
    new = {team.team_id: team for who in named if (team := known.find(*who)) is not None}
    for some in batches(list(new)):
        for there in connection.scalars(sa.select(teams.c.team_id).where(teams.c.team_id.in_(some))):
            del new[there]
    insert(connection, teams, [_team(team) for team in new.values()])
    insert(connection, team_aliases, [_alias(*row) for row in known.spellings() if row[3] in new] if new else ())


def rewrite(connection: sa.Connection, known: Teams) -> None:
    """Let these be all the teams and spellings that there are."""
    replace(connection, teams, [_team(team) for team in known])
    replace(connection, team_aliases, [_alias(*row) for row in known.spellings()])


def _team(team: object) -> dict[str, object]:
    return vars(team)


def _alias(country: str, sex: int, alias: str, team_id: str, source: str) -> dict[str, object]:
    return {"country": country, "sex": sex, "source": source, "alias": alias, "team_id": team_id}
