"""What is sealed: forecasts of matches that have surely not begun."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pandas as pd
import pytest

from workers.scoring import _to_seal


@pytest.mark.parametrize(
    ("now", "sealed"),
    [("2026-03-13T09:59", ["jpn.1", "eng.1", "friendly"]), ("2026-03-13T14:59", ["jpn.1", "eng.1"]), ("2026-03-13T15:00", ["eng.1"])],
)
def test_without_a_kick_off_no_match_is_sealed_whose_day_has_begun_where_it_is_played(now, sealed):
    codes = ["jpn.1", "eng.1", "friendly"]
    table = pd.DataFrame(
        {
            "competition_code": codes,
            "match_date": pd.Timestamp("2026-03-14"),
            "is_future": True,
            "startTimeUtc": pd.to_datetime([None] * 3, utc=True),
        },
        index=pd.Index(range(3), name="match_id"),
    )
    said = table[["startTimeUtc"]].assign(model_stage="champion", model_version=1, proba_home=0.5, proba_draw=0.3, proba_away=0.2)
    place = SimpleNamespace(now=datetime.fromisoformat(now).replace(tzinfo=UTC), settings=SimpleNamespace(timeline="live"))
    assert [codes[row.match_id] for row in _to_seal(place, table, said)] == sealed
