"""All matches of the shared data, some 150,000: what holds on small tables holds on these. Skipped where they are not at hand."""

import numpy as np
import pandas as pd
import pytest

from core.learning.features import build_features, hardly_known, labelled
from core.learning.leaks import leak_test
from core.learning.recipe import FEATURES, SERVED, TITLES
from core.learning.training import fit, inputs
from core.tables import MATCHES
from tests.learning.every_match import DATA, every_match

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(not (DATA / "openfootball").is_dir(), reason="the shared data are not here; small tables cover the same"),
]


@pytest.fixture(scope="module")
def table():
    return build_features(every_match())


def test_there_is_a_row_for_each_match_since_1980_and_no_number_is_infinite(table):
    matches = MATCHES.check(every_match())
    assert len(matches) > 150_000 and len(table) == (matches["date"] >= pd.Timestamp(1980, 1, 1)).sum()
    form = [name for name in FEATURES if name.startswith("diff_")]
    assert np.isfinite(table[[name for name in FEATURES if name not in form]]).all(axis=None)
    # Of form only that at this ground can be missing where both sides have played: each may have played elsewhere only.
    assert np.isfinite(table.loc[~hardly_known(table), [name for name in form if "ground" not in name]]).all(axis=None)


@pytest.mark.parametrize("recipe", SERVED)
def test_chances_of_every_match_sum_to_one_and_none_is_below_the_floor(table, recipe):
    model = fit(recipe, table[table["date"] < "2025-07-01"])
    kinds = {part.name: part.wide for part in model.parts}
    assert recipe == "form5" or kinds == {name: name == TITLES["women_clubs"] for name in TITLES.values()}
    chances = model.predict(inputs(table, model.features))
    assert np.abs(chances.sum(axis=1) - 1).max() < 1e-12 and chances.min() >= 0.001
    later = labelled(table)[lambda rows: rows["date"] >= "2025-07-01"]
    said, outcomes = chances[later.index], later["outcome"].to_numpy(np.int64)
    assert -np.log(said[np.arange(len(said)), outcomes]).mean() < 1.06, "better than the base rates"


def test_no_feature_of_an_earlier_day_knows_a_later_result():
    found = leak_test(every_match())
    assert found["ok"] and found["matches"] == 4500, found
