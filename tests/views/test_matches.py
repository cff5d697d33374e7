"""What the Matches page shows, worked out from plain tables."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from core.football.outcomes import Outcome, Probabilities
from core.tables import MATCH_FEATURES_LEAD, PREDICTIONS
from core.views import matches as view
from core.views.calendar import calendar

LONDON = ZoneInfo("Europe/London")


def facts(*rows):
    """(id, home, away, kick-off or day, goals) as a match_features table."""
    made = []
    for match_id, home, away, start, goals in rows:
        moment = pd.Timestamp(start, tz="UTC") if len(start) > 10 else pd.NaT
        made.append(
            {
                "match_id": match_id,
                "is_future": goals is None,
                "startTimeUtc": moment,
                "match_date": pd.Timestamp(start[:10]),
                "homeTeamName": home,
                "awayTeamName": away,
                "competition": "La Liga" if "Alm" in home else "Premier League",
                "competition_code": "x",
                "country": "x",
                "season": "2025-26",
                "round": "",
                "home_team_id": home,
                "away_team_id": away,
                "sex": int("Women" in home),
                "outcome_1x2": None if goals is None else int(Outcome.of(*goals)),
                "homeScore": None if goals is None else goals[0],
                "awayScore": None if goals is None else goals[1],
            }
        )
    return MATCH_FEATURES_LEAD.check(pd.DataFrame(made).set_index("match_id"))


def said(*rows):
    """(id, version, three chances, in sample) as a predictions table."""
    made = [
        {
            "match_id": match_id,
            "proba_home": chances[0],
            "proba_draw": chances[1],
            "proba_away": chances[2],
            "predicted_class": chances.index(max(chances)),
            "predicted_label": Outcome(chances.index(max(chances))).label,
            "model_version": version,
            "in_sample": in_sample,
            "likeliest_home": 2,
            "likeliest_away": 0,
        }
        for match_id, version, chances, in_sample in rows
    ]
    return PREDICTIONS.check(pd.DataFrame(made).set_index("match_id"))


FEATURES = facts(
    (1, "Arsenal", "Chelsea", "2026-03-14T17:30", None),
    (2, "Almería", "Bayern München", "2026-03-14T15:00", None),
    (3, "Arsenal Women", "Leeds", "2026-03-15", None),
    (4, "Everton", "Fulham", "2026-03-28T23:30", None),
    (8, "Leeds", "Arsenal", "2026-03-12T19:00", (0, 2)),
    (9, "Fulham", "Everton", "2026-03-12T19:00", (1, 1)),
)
PREDICTED = said(
    (1, 7, (0.6, 0.25, 0.15), False),
    (1, 6, (0.1, 0.1, 0.8), False),
    (2, 7, (0.35, 0.3, 0.35), False),
    (3, 7, (0.5, 0.3, 0.2), False),
    (4, 7, (0.5, 0.3, 0.2), False),
    (8, 7, (0.2, 0.2, 0.6), False),
    (9, 7, (0.5, 0.3, 0.2), True),
)


@pytest.fixture
def cards():
    return view.upcoming(FEATURES, PREDICTED, 7, LONDON)


def ids(found):
    return [card.match_id for card in found.cards]


def test_the_matches_to_come_stand_in_order_of_kick_off_each_with_the_champions_forecast(cards):
    assert [card.match_id for card in cards] == [2, 1, 3, 4]
    assert cards[1].probabilities.home == 0.6


def test_a_kick_off_is_told_in_the_visitors_time_and_may_fall_on_another_day(cards):
    assert (cards[3].day, cards[3].time) == (date(2026, 3, 28), "23:30")
    later = view.upcoming(FEATURES, PREDICTED, 7, ZoneInfo("Asia/Tokyo"))
    assert (later[3].day, later[3].time) == (date(2026, 3, 29), "08:30")


def test_a_match_of_which_only_the_day_is_known_has_no_time(cards):
    assert (cards[2].day, cards[2].time) == (date(2026, 3, 15), "–")


@pytest.mark.parametrize(
    ("q", "wanted"),
    [
        ("almeria", [2]),
        ("ALMERÍA", [2]),
        ("munchen", [2]),
        ("ars", [1, 3]),
        ("arsenal chel", [1]),
        ("premier", [1, 3, 4]),
        ("'; --", [2, 1, 3, 4]),
        ("nobody", []),
        ("", [2, 1, 3, 4]),
        ("<script>", []),
    ],
)
def test_the_search_ignores_accents_and_case_and_survives_anything(cards, q, wanted):
    assert ids(view.matches_view(cards, view.Choices(q=q))) == wanted


def test_choices_narrow_the_list(cards):
    assert ids(view.matches_view(cards, view.Choices(league="La Liga"))) == [2]
    assert ids(view.matches_view(cards, view.Choices(team="Leeds"))) == [3]
    assert ids(view.matches_view(cards, view.Choices(first=date(2026, 3, 15)))) == [3, 4]
    assert ids(view.matches_view(cards, view.Choices(last=date(2026, 3, 14)))) == [2, 1]
    assert ids(view.matches_view(cards, view.Choices(confidence="Toss-up"))) == [2]
    assert ids(view.matches_view(cards, view.Choices(confidence="Clear favourite, 60% or more"))) == [1]
    assert ids(view.matches_view(cards, view.Choices(sex=1), women={3})) == [3]
    assert ids(view.matches_view(cards, view.Choices(sex=0), women={3})) == [2, 1, 4]


def test_an_empty_list_says_why():
    cards = view.upcoming(FEATURES, PREDICTED, 7, LONDON)
    assert "None of the 4 matches" in view.matches_view(cards, view.Choices(q="nobody")).nothing
    assert "None of the 4 matches to come is a women’s match" in view.matches_view(cards, view.Choices(sex=1)).nothing
    assert "No matches are to come" in view.matches_view([], view.Choices()).nothing


def several_days(cards, per_day):
    """As many copies of a card on each of the following days as `per_day` says."""
    days = [date(2026, 4, 1 + place) for place, many in enumerate(per_day) for _ in range(many)]
    return [cards[0]._replace(match_id=number, day=day, kickoff=None) for number, day in enumerate(days)]


def test_every_match_is_on_one_page_and_a_day_is_cut_only_when_it_is_longer_than_a_page_may_be(cards):
    found = view.matches_view(several_days(cards, [10, 20, 3, 150, 1]), view.Choices())
    assert [[len(some) for _, some in page] for page in found.pages] == [[10, 20], [3, 60], [60], [30], [1]]
    assert [card.match_id for page in found.pages for _, some in page for card in some] == list(range(184))
    assert found.on_day[date(2026, 4, 4)] == 150
    assert len(found.cards) == 184


def test_an_empty_list_is_one_empty_page():
    assert view.matches_view([], view.Choices()).pages == [[]]


def test_within_a_day_a_leagues_matches_stand_together_the_earliest_league_first(cards):
    day = [cards[0]._replace(match_id=number, league=league) for number, league in enumerate(["B", "A", "B", "C", "A"])]
    ((_, shown),) = view.matches_view(day, view.Choices()).pages[0]
    assert [(card.league, card.match_id) for card in shown] == [("B", 0), ("B", 2), ("A", 1), ("A", 4), ("C", 3)]


def test_a_match_that_has_begun_since_is_no_longer_to_come(cards):
    def left(now):
        return [card.match_id for card in view.still_to_come(cards, now, now.astimezone(LONDON).date())]

    assert left(datetime(2026, 3, 13, 12, tzinfo=UTC)) == [2, 1, 3, 4]
    assert left(datetime(2026, 3, 14, 15, tzinfo=UTC)) == [1, 3, 4]
    assert left(datetime(2026, 3, 15, 23, tzinfo=UTC)) == [3, 4]
    assert left(datetime(2026, 3, 16, 0, tzinfo=UTC)) == [4]


def test_nobody_reaching_forty_per_cent_is_a_toss_up(cards):
    assert [card.toss_up for card in cards] == [True, False, False, False]


@pytest.mark.parametrize(("chances", "shown", "toss_up"), [((0.396, 0.302, 0.302), 40, False), ((0.392, 0.304, 0.304), 39, True)])
def test_the_mark_of_a_toss_up_and_its_filter_go_by_the_numbers_that_are_shown(cards, chances, shown, toss_up):
    card = cards[0]._replace(probabilities=Probabilities(*chances))
    result = view.Result(1, "Arsenal", "Chelsea", "1–0", card.day, card.probabilities, Outcome.HOME)
    assert max(card.probabilities.percentages()) == shown
    assert (card.toss_up, result.toss_up, result.called) == (toss_up, toss_up, not toss_up)
    assert bool(ids(view.matches_view([card], view.Choices(confidence="Toss-up")))) is toss_up
    assert bool(ids(view.matches_view([card], view.Choices(confidence="In between")))) is not toss_up


def test_results_stand_beside_forecasts_of_models_that_had_not_seen_them():
    found = view.results(FEATURES, view.unseen_by_champion(PREDICTED, 7, None), LONDON)
    assert [(result.match_id, result.score, result.called) for result in found] == [(8, "0–2", True)]
    assert view.results_title(found, date(2026, 3, 13)) == "Yesterday, and what we said"
    assert view.results_title(found, date(2026, 3, 16)) == "Latest results, and what we said"
    assert "won 1 of 1" in view.results_words(found)


def test_where_the_model_has_learned_from_a_match_what_was_said_walking_forward_stands_beside_it():
    walked = pd.DataFrame(
        [(recipe, match_id, 0.3, 0.4, 0.3) for recipe in ("champion", "baseline") for match_id in (8, 9)],
        columns=["recipe", "match_id", *view.CHANCES],
    )
    found = view.results(FEATURES, view.unseen_by_champion(PREDICTED, 7, walked), LONDON)
    assert {result.match_id: result.probabilities.home for result in found} == {8: 0.2, 9: 0.3}, "the batch's own comes first"


def test_the_results_are_those_of_the_league_the_team_the_sex_and_the_words_that_were_chosen():
    played = facts(
        (1, "Arsenal", "Chelsea", "2026-03-12T19:00", (1, 0)),
        (2, "Almería", "Bayern München", "2026-03-12T18:00", (1, 0)),
        (3, "Arsenal Women", "Leeds", "2026-03-11", (1, 0)),
    )
    blind = view.unseen_by_champion(said(*((number, 7, (0.6, 0.25, 0.15), False) for number in (1, 2, 3))), 7, None)

    def found(**choices):
        return [result.match_id for result in view.results(played, blind, LONDON, view.Choices(**choices))]

    assert found() == [1, 2, 3]
    assert (found(league="La Liga"), found(team="Leeds"), found(sex=1), found(sex=0)) == ([2], [3], [3], [1, 2])
    assert (found(q="ars"), found(q="munchen alm"), found(q="premier ars"), found(q="nobody")) == ([1, 3], [2], [1, 3], [])


def test_a_results_words_count_no_favourite_where_there_was_none():
    toss_up = Probabilities(0.34, 0.33, 0.33)
    some = [view.Result(1, "Arsenal", "Chelsea", "1–0", date(2026, 3, 12), toss_up, Outcome.HOME)]
    assert view.results_words(some).startswith("1 match was a toss-up. The underlined")


@pytest.mark.parametrize(
    ("per_day", "same_day", "apart"), [([], 5, 5), ([2, 10], 5, 5), ([5, 4, 1, 1, 4, 3, 1, 4, 4], 24, 16), ([60], 24, 24)]
)
def test_as_many_results_stand_beside_a_page_as_fill_its_height(cards, per_day, same_day, apart):
    (page, *_) = view.matches_view(several_days(cards, per_day), view.Choices()).pages
    one = view.Result(1, "Arsenal", "Chelsea", "1–0", date(2026, 3, 12), cards[0].probabilities, Outcome.HOME)
    assert len(view.results_beside(page, [one] * 24)) == same_day
    assert len(view.results_beside(page, [one._replace(day=date(2026, 3, 28 - number)) for number in range(24)])) == apart


def test_standings_name_the_version_behind_a_stage():
    scores = {"champion": {"accuracy": {"point": 0.534}, "log_loss": {"point": 0.971}}, "matches": 1284, "from": "2023-08-11"}
    rows = [("Champion", 14, scores["champion"]), ("Challenger", 15, {}), ("Base rate", None, scores["champion"])]
    assert view.standings(rows) == [("Champion v14", "53.4%", "0.971"), ("Base rate", "53.4%", "0.971")]
    assert view.standings_words(scores) == "1,284 matches since August 2023"
    assert view.standings([]) == []


def test_a_download_holds_a_row_a_match_under_words(cards):
    frame = view.downloaded(cards)
    assert list(frame["Home"]) == ["Almería", "Arsenal", "Arsenal Women", "Everton"]
    assert (frame[["Home win", "Draw", "Away win"]].sum(axis=1) - 1).abs().max() < 1e-3
    assert not any("_" in column for column in frame.columns)
    assert list(frame["Kick-off"])[:3] == ["2026-03-14T15:00+00:00", "2026-03-14T17:30+00:00", ""]


def test_what_leaves_the_page_says_from_when_it_is_and_that_it_is_a_replay(cards):
    now = datetime(2026, 3, 13, 12, tzinfo=UTC)
    assert view.spoken(now, False) == "As of 13 March 2026, 12:00 UTC."
    replayed = view.spoken(now, True)
    assert replayed == "As of 13 March 2026, 12:00 UTC, in a replay."
    assert set(view.downloaded(cards, replayed)["Forecast"]) == {replayed}
    events = Calendar.from_ical(calendar(cards, now, replayed)).walk("VEVENT")
    assert all("in a replay" in str(event["description"]) for event in events)


def test_times_in_the_calendar_need_no_description_of_a_zone(cards):
    assert b"TZID" not in calendar(cards, datetime(2026, 3, 13, tzinfo=UTC))


def test_the_calendar_has_one_event_a_match_and_its_uid_stays(cards):
    first = Calendar.from_ical(calendar(cards, datetime(2026, 3, 13, tzinfo=UTC)))
    again = Calendar.from_ical(calendar(cards, datetime(2026, 3, 14, tzinfo=UTC)))
    events = first.walk("VEVENT")
    assert [str(event["uid"]) for event in events] == [str(event["uid"]) for event in again.walk("VEVENT")]
    assert len({str(event["uid"]) for event in events}) == len(cards)
    assert "Arsenal 60%, draw 25%, Chelsea 15%" in str(events[1]["description"])
    assert events[1].decoded("dtstart") == datetime(2026, 3, 14, 17, 30, tzinfo=UTC)
    assert events[2].decoded("dtstart") == date(2026, 3, 15)


CARDS = view.upcoming(FEATURES, PREDICTED, 7, LONDON)


@given(st.text(max_size=40))
def test_no_search_breaks_the_page(q):
    assert set(ids(view.matches_view(CARDS, view.Choices(q=q)))) <= {1, 2, 3, 4}
