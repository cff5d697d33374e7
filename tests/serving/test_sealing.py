"""What is sealed: forecasts of matches that have surely not begun."""

from datetime import UTC, datetime

import pandas as pd
import pytest

from core.serving.sealing import to_seal


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
    forecasts = table[["startTimeUtc"]].assign(model_version=7, proba_home=0.5, proba_draw=0.3, proba_away=0.2)
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    rows = to_seal(table, forecasts, {7: "champion"}.__getitem__, as_of=moment, now=moment, timeline="live")
    assert [codes[row.match_id] for row in rows] == sealed
    assert {(row.stage, row.model_version) for row in rows} == {("champion", 7)}
