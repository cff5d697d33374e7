"""Anybody's table of matches: what is taken, and what is refused by row and reason."""

import pandas as pd
import pytest

from core.errors import MatchesRefused
from core.learning.match_file import NEEDED, checked

GOOD = {
    "date": "2024-08-10",
    "competition": "A cup",
    "sex": "men",
    "neutral": "false",
    "home_team": "Ajax",
    "away_team": "Breda",
    "home_score": "2",
    "away_score": "0",
}


def table(*changes):
    """Good rows on days of their own, each with its changes."""
    return pd.DataFrame([GOOD | {"date": f"2024-08-{10 + place}"} | change for place, change in enumerate(changes)])


def test_rows_keep_their_order_and_optional_columns_are_filled():
    found = checked(table({}, {"date": "2023-01-01", "sex": "Women", "neutral": "TRUE", "home_score": "", "away_score": ""}))
    assert found["date"].tolist() == [pd.Timestamp("2024-08-10"), pd.Timestamp("2023-01-01")]
    assert found["sex"].tolist() == [0, 1] and found["neutral"].tolist() == [False, True]
    assert found["home_score"].isna().tolist() == [False, True] and found["home_shots"].isna().all()


def test_a_table_of_real_types_is_read_like_text():
    typed = table({}, {}).assign(
        date=pd.to_datetime(["2024-08-10", "2024-08-11"]), sex=[0, 1], neutral=[True, False], home_score=[1.0, None], away_score=[0.0, None]
    )
    found = checked(typed)
    assert found["sex"].tolist() == [0, 1] and found["neutral"].tolist() == [True, False] and found["home_score"].isna().sum() == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"away_team": " Ajax "}, "Ajax plays against itself"),
        ({"home_score": "-1"}, "home_score '-1' is no whole number from 0"),
        ({"away_score": "77"}, "away_score '77' is no whole number from 0 to 50"),
        ({"home_score": "1.5"}, "home_score '1.5' is no whole number"),
        ({"home_score": "two"}, "home_score 'two' is no whole number"),
        ({"home_score": "inf"}, "home_score 'inf' is no whole number"),
        ({"home_score": ""}, "only one side has a score"),
        ({"sex": "boys"}, "sex 'boys' is neither men or women"),
        ({"sex": ""}, "sex '' is neither"),
        ({"neutral": "perhaps"}, "neutral 'perhaps' is neither"),
        ({"date": "31/12/2024"}, "date '31/12/2024' is no day"),
        ({"date": "2024-02-30"}, "date '2024-02-30' is no day"),
        ({"date": "0001-01-01"}, "date '0001-01-01' is no day"),
        ({"date": ""}, "date '' is no day"),
        ({"home_team": " "}, "home_team is empty"),
        ({"competition": ""}, "competition is empty"),
        ({"date": "2024-08-10"}, "the same match as row 1"),
        ({"home_shots": "-3"}, "home_shots '-3' is no whole number"),
    ],
    ids=lambda value: str(value),
)
def test_a_row_that_cannot_be_is_refused_by_its_number_and_the_reason(change, reason):
    with pytest.raises(MatchesRefused) as refused:
        checked(table({}, change, {"date": "2024-09-01"}))
    told = str(refused.value)
    assert "row 2 (" in told and reason in told and "row 1 (" not in told and "row 3 (" not in told


def test_many_wrong_rows_are_counted():
    with pytest.raises(MatchesRefused, match="and 5 more rows"):
        checked(table(*({"sex": "x"} for _ in range(15))))


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_column_is_named(name):
    with pytest.raises(MatchesRefused, match=f"lacks {name}"):
        checked(table({}).drop(columns=name))


def test_a_column_twice_and_a_table_without_rows_are_refused():
    with pytest.raises(MatchesRefused, match="more than one column sex"):
        checked(pd.concat([table({}), table({})[["sex"]]], axis=1))
    with pytest.raises(MatchesRefused, match="holds no match"):
        checked(table({}).iloc[:0])
