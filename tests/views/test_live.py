"""Live: what is in play, just over or soon to begin, and how each is told."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.football.live import LiveMatch, LiveRow
from core.football.outcomes import Outcome, Probabilities
from core.storage import replay
from core.views import live as view
from core.views.known import Known
from tests.serving.batches import ids, match_features, predictions

NOW = datetime(2026, 3, 14, 16, 10, tzinfo=UTC)
SAID = Probabilities(0.5, 0.3, 0.2)
MATCH = Known(7, "Arsenal", "Everton", "Premier League", NOW.date(), NOW - timedelta(minutes=70), None, SAID)
ROW = LiveRow(
    "some", "7", NOW - timedelta(seconds=20), "eng.1", 0, "Arsenal FC", "Everton FC", "second_half", match_id=7,
    kickoff_utc=NOW - timedelta(minutes=70), minute=53, home_score=1, away_score=0,
)  # fmt: skip


def shown(heard=(), batch=(), sealed=None, now=NOW, league=None, on=None):
    return view.live_view(
        [match if isinstance(match, LiveMatch) else LiveMatch(match) for match in heard], batch, sealed or {}, now, league, on
    )


def later(match, **changes):
    return match._replace(match_id=match.match_id + 1, **changes)


def test_a_match_in_play_has_its_score_minute_and_what_was_sealed_before_kick_off():
    (card,) = shown([ROW], [MATCH], {7: (0.6, 0.25, 0.15)}).playing
    assert (card.clock, card.score, card.known.home) == ("53′", "1–0", "Arsenal"), "under the name that is used everywhere"
    assert card.known.probabilities == Probabilities(0.6, 0.25, 0.15)
    assert shown([ROW], [MATCH]).playing[0].known.probabilities == SAID, "the batch's where nothing was sealed"


def test_a_match_that_the_batch_does_not_know_is_shown_as_its_source_names_it():
    (card,) = shown([ROW]).playing
    assert (card.known.home, card.known.league, card.known.probabilities) == ("Arsenal FC", "Premier League", None)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"phase": "first_half", "minute": 45, "stoppage": 2}, "45+2′"),
        ({"minute": 94, "stoppage": 4}, "90+4′"),
        ({"minute": None}, "2nd half"),
        ({"source": "openligadb"}, "~53′"),
        ({"phase": "half_time", "minute": None}, "Half-time"),
        ({"phase": "extra_time", "minute": 101}, "101′"),
        ({"phase": "shootout"}, "Penalties"),
        ({"phase": "settling"}, "Full time"),
        ({"phase": "abandoned"}, "Abandoned"),
    ],
)
def test_the_clock_is_told_in_words_people_use(changes, said):
    assert view.clock_words(replace(ROW, **changes)) == said


def test_a_goal_is_marked_for_some_minutes_and_one_that_was_taken_back_says_what_it_was():
    goal = LiveMatch(ROW, (0, 0), NOW - timedelta(minutes=1))
    assert shown([goal]).playing[0].tags == ("goal",)
    assert shown([goal], now=NOW + timedelta(minutes=4, seconds=30)).playing[0].tags == ()
    back = LiveMatch(ROW, (1, 1), NOW - timedelta(minutes=8))
    assert shown([back]).playing[0].tags == ("goal taken back, it was 1–1",)


def test_a_stale_a_settling_and_an_illustrative_score_say_so():
    silent = replace(ROW, observed_at=NOW - timedelta(minutes=12), is_stale=True)
    assert shown([silent]).playing[0].tags == ("no news for 12 min",)
    assert shown([replace(ROW, phase="settling", source="replay-illustrative")]).playing[0].tags == ("not confirmed yet", "illustrative")
    assert shown([replace(ROW, source="replay-illustrative")]).illustrative and shown([replace(ROW, source="openligadb")]).estimated


def test_a_match_is_in_one_place_as_its_state_and_the_hours_around_now_say():
    soon = later(MATCH, kickoff=NOW + timedelta(hours=5))
    far = later(soon, kickoff=NOW + timedelta(hours=7))
    over = later(far, kickoff=NOW - timedelta(hours=3), score=(2, 2))
    before = later(over, kickoff=NOW - timedelta(hours=13))
    found = shown([ROW], [MATCH, soon, far, over, before])
    places = [[card.known.match_id for card in some] for some in (found.playing, found.over, found.soon)]
    assert places == [[7], [over.match_id], [soon.match_id]]
    assert found.over[0].happened is Outcome.DRAW and found.over[0].score == "2–2"
    assert found.headline == "1 match in play, 1 over and 1 to come."


def test_of_a_chosen_day_everything_is_shown_and_of_a_chosen_league_only_its_matches():
    tomorrow = later(MATCH, kickoff=NOW + timedelta(days=1), day=date(2026, 3, 15))
    assert [card.known.match_id for card in shown([ROW], [MATCH, tomorrow], on=date(2026, 3, 15)).cards] == [8]
    assert shown([ROW], [MATCH, tomorrow], league="La Liga").cards == []


def test_a_match_under_way_of_which_no_source_tells_says_that():
    assert shown(batch=[MATCH]).playing[0].tags == ("no live score",)
    late = shown(batch=[MATCH], now=NOW + timedelta(hours=3)).over[0]
    assert (late.clock, late.tags, late.score) == ("Over", ("result to come",), "")


def test_a_finished_match_is_over_with_what_happened_and_an_abandoned_one_without():
    assert shown([replace(ROW, phase="finished", minute=None)]).over[0].happened is Outcome.HOME
    assert shown([replace(ROW, phase="abandoned")]).over[0].happened is None


def test_when_nothing_is_on_the_next_match_is_named():
    following = later(MATCH, kickoff=NOW + timedelta(days=2), day=date(2026, 3, 16))
    said = view.nothing(following, NOW, None, None)
    assert said == "No match is in play, was lately, or begins soon. The next one is Arsenal v Everton, Monday 16 March, 16:10."
    assert view.nothing(None, NOW, "La Liga", date(2026, 3, 20)).startswith(
        "No match of La Liga is known for Friday 20 March. None is to come"
    )


def test_the_matches_of_the_batch_are_found_by_day_with_forecasts_that_had_not_seen_them():
    features, said = match_features(20), predictions(20)
    first, last = features["match_date"].min().date(), features["match_date"].max().date()
    found = view.of_days(features, said, 1, ZoneInfo("Europe/London"), first, last)
    assert {match.match_id for match in found} == set(map(int, ids(20)))
    assert all((match.score is None) == bool(features.loc[match.match_id, "is_future"]) for match in found)
    blind = view.of_days(features, said.assign(in_sample=True), 1, ZoneInfo("Europe/London"), first, last)
    assert all(match.probabilities is None for match in blind)
    none = view.of_days(features, said, 1, ZoneInfo("Europe/London"), date(2001, 1, 1), date(2001, 1, 3))
    assert none == []


@pytest.mark.parametrize(
    ("speed", "said"), [(1, "one second is a minute"), (5.0, "one second is 5 minutes"), (0.1, "10 seconds are a minute")]
)
def test_how_fast_a_replay_plays_is_told(speed, said):
    assert view.pace(speed) == said


def test_a_replay_that_begins_again_says_so_while_it_still_stands_where_it_was():
    stands = replay.Replay(NOW - timedelta(days=3), NOW, target=NOW - timedelta(days=3))
    assert view.replay_words(stands, NOW).startswith("The replay begins again, and stands until")
    assert "results are taken in" in view.replay_words(replace(stands, target=NOW + timedelta(days=1)), NOW)


def test_the_download_says_what_the_page_says():
    frame = view.downloaded(shown([ROW], [MATCH]).cards)
    assert frame.to_dict("records") == [
        {
            "Date": "2026-03-14", "Kick-off": "2026-03-14T15:00+00:00", "League": "Premier League", "Home": "Arsenal", "Away": "Everton",
            "Clock": "53′", "Score": "1–0", "Home win": 0.5, "Draw": 0.3, "Away win": 0.2, "Notes": "", "Match id": 7,
        }
    ]  # fmt: skip
