"""The bundled matches on the replay: old links to those whose leg was mended still lead to them."""

from __future__ import annotations

import sqlalchemy as sa

from core.settings import PROJECT, Settings
from core.sources import snapshot
from core.storage.schema import match_id_aliases, matches
from workers import ingesting
from workers.workplace import Workplace


def test_old_ids_of_bundled_matches_lead_to_their_matches(tmp_path):
    place = Workplace(Settings.from_environment({"SOCCER_HOME": str(tmp_path)}))
    place.database.create()
    ingesting.bundled(place)
    with place.database.read() as connection:
        leads = {row.old: row.new for row in connection.execute(sa.select(match_id_aliases))}
        there = set(connection.scalars(sa.select(matches.c.match_id)))
    place.database.close()
    assert leads == snapshot.read(PROJECT / "data" / "snapshot").formerly
    assert set(leads.values()) <= there
