import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from core.football.outcomes import Outcome
from core.views import match as view

LONDON = ZoneInfo("Europe/London")
MATCH = {
    "match_id": 7, "sex": 0, "competition_code": "eng.1", "competition": "Premier League", "country": "England", "season": "2025-26",
    "round": "Matchday 36", "leg": 1, "date": "2026-05-09", "kickoff_utc": "2026-05-09T14:00:00Z", "neutral": False,
    "home_team_id": "a", "away_team_id": "b", "home_team": "Fulham", "away_team": "Bournemouth", "status": "scheduled",
    "home_score": None, "away_score": None, "label_ok": False,
}  # fmt: skip
PLAYED = {**MATCH, "status": "finished", "home_score": 1.0, "away_score": 3.0}


def predicted(stage="champion", version=1, chances=(0.39, 0.28, 0.33), in_sample=False):
    return {"model_stage": stage, "model_version": version, "in_sample": in_sample, **numbers(chances)}


def numbers(chances):
    return dict(zip(("proba_home", "proba_draw", "proba_away"), chances, strict=True))


def walked(chances=(0.5, 0.3, 0.2)):
    return {"recipe": "joint_boosted", "model_stage": "champion", "model_version": 1, **numbers(chances)}


def entry(chances=(0.6, 0.2, 0.2), version=3):
    return {"stage": "champion", "model_version": version, **numbers(chances)}


def seen(match=MATCH, predictions=(), evaluated=(), sealed=(), zone=LONDON):
    return view.match_view(match, predictions, evaluated, sealed, zone)


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("52708766160996", 52708766160996), (str(2**53 - 1), 2**53 - 1)])
def test_a_whole_number_in_the_address_names_a_match(text, number):
    assert view.wanted(text) == number


@pytest.mark.parametrize("text", ["", "0", "-1", "1.0", "1e99", "abc", "<script>", "%00", "²", "١", str(2**53), "9" * 400])
def test_anything_else_names_none_and_gets_a_sentence(text):
    assert view.wanted(text) is None
    assert view.unknown(text).endswith(("list.", "matches."))
    assert len(view.unknown(text)) < 160


def test_a_match_is_placed_in_the_visitors_time():
    assert seen().where == "Premier League, matchday 36. Saturday 9 May 2026, 15:00."
    assert seen(zone=ZoneInfo("Asia/Tokyo")).where == "Premier League, matchday 36. Saturday 9 May 2026, 23:00."
    late = seen({**MATCH, "kickoff_utc": "2026-05-09T23:30:00Z"})
    assert late.where.endswith("Sunday 10 May 2026, 00:30.")


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("30^ Giornata", "matchday 30"), ("Jornada 5", "matchday 5"), ("30. Spieltag", "matchday 30"), ("7. Runde", "round 7"),
        ("12. Round", "round 12"), ("Round of 16", "round of 16"), ("Finals, Quarterfinals", "finals, Quarterfinals"),
    ],
)  # fmt: skip
def test_a_round_with_a_number_is_told_in_english_however_its_source_spells_it(told, shown):
    assert seen({**MATCH, "round": told}).where.startswith(f"Premier League, {shown}. Saturday")


def test_a_match_without_a_kick_off_is_placed_on_its_day():
    assert "Saturday 9 May 2026, time not known." in seen({**MATCH, "kickoff_utc": None, "neutral": True}).where


@pytest.mark.parametrize("chances", [(0.39, 0.28, 0.33), (0.97, 0.02, 0.01), (0.001, 0.001, 0.998), (1 / 3, 1 / 3, 1 / 3)])
def test_the_grids_margins_are_the_three_numbers_of_the_card(chances):
    found = seen(predictions=[predicted(chances=chances)])
    np.testing.assert_allclose(found.grid.margins().as_tuple(), chances, atol=1e-6)
    assert sum(found.champion.probabilities.percentages()) == 100


def test_the_facts_follow_from_the_grid_and_name_the_challenger():
    found = seen(predictions=[predicted("challenger", 2, (0.41, 0.28, 0.31)), predicted()])
    facts = {word: value for word, value, _ in found.facts}
    assert facts["Likeliest score"] == "1–1"
    assert (facts["Home or draw"], facts["Away or draw"], facts["No draw"]) == ("67%", "61%", "72%")
    assert facts["Challenger v2"] == "41 · 28 · 31"
    former = seen(predictions=[predicted("former_champion", 2, (0.41, 0.28, 0.31)), predicted()])
    assert ("Former champion v2", "41 · 28 · 31", "") in former.facts
    assert [one.name for one in found.said] == ["Champion v1", "Challenger v2"]


def test_the_ratings_total_of_goals_shapes_the_grid():
    few, many = (seen(predictions=[predicted() | {"expected_total": total}]).grid for total in (2.0, 3.6))
    assert sum(few.expected_goals) < 2.4 < 3.2 < sum(many.expected_goals)
    assert few.margins().as_tuple() == pytest.approx(many.margins().as_tuple(), abs=1e-12)
    assert seen(predictions=[predicted() | {"expected_total": None}]).grid.over(2.5) == seen(predictions=[predicted()]).grid.over(2.5)


def test_a_forecast_of_which_little_is_known_says_so_before_the_match():
    assert "Little is known" in seen(predictions=[predicted() | {"wide": True}]).wide
    assert seen(predictions=[predicted() | {"wide": False}]).wide == seen(predictions=[predicted()]).wide == ""
    assert seen(predictions=[predicted(), predicted("challenger") | {"wide": True}]).wide == ""
    assert seen(PLAYED, [predicted() | {"wide": True}]).wide == ""


def test_double_chances_are_sums_of_the_bars_numbers():
    chances = (0.1455, 0.2065, 0.648)
    facts = {word: value for word, value, _ in seen(predictions=[predicted(chances=chances)]).facts}
    assert seen(predictions=[predicted(chances=chances)]).champion.probabilities.percentages() == (14, 21, 65)
    assert (facts["Home or draw"], facts["Away or draw"], facts["No draw"]) == ("35%", "86%", "79%")


def test_the_models_stand_side_by_side_in_a_table():
    found = view.chances_table(seen(predictions=[predicted(), predicted("challenger", 2, (0.4111, 0.28, 0.3089))]).said)
    assert found.to_numpy().tolist() == [["Champion v1", "39.0%", "28.0%", "33.0%"], ["Challenger v2", "41.1%", "28.0%", "30.9%"]]


def test_of_a_match_to_come_the_batch_speaks_and_there_is_no_verdict():
    found = seen(predictions=[predicted()], sealed=[entry()])
    assert found.champion.version == 1
    assert found.verdict is None and found.outcome is None


def test_of_a_match_played_the_last_sealed_forecast_counts():
    found = seen(PLAYED, [predicted()], [walked()], [entry((0.1, 0.2, 0.7), 2), entry((0.2, 0.2, 0.6), 3)])
    assert found.champion.version == 3 and found.champion.source == view.SEALED
    assert found.outcome is Outcome.AWAY
    assert found.verdict.good
    assert found.verdict.sentence == "Full time 1–3: Bournemouth won, as the forecast had it."
    assert f"gave it 60%. Log loss {-math.log(0.6):.3f} (better than a blind guess, 1.099)" in found.verdict.detail
    assert "sealed" not in found.verdict.detail


def test_sealed_entries_are_shown_under_the_role_that_their_version_has_now_and_no_version_twice():
    entries = [entry(version=1), entry((0.3, 0.3, 0.4), 2) | {"stage": "shadow"}, entry((0.4, 0.3, 0.3), 9)]
    roles = {"champion": 2, "former_champion": 1, "baseline": 3}
    found = seen(PLAYED, sealed=view.by_role(entries, roles))
    assert [(one.name, one.probabilities.home) for one in found.said] == [("Champion v2", 0.3), ("Former champion v1", 0.6)]
    assert found.verdict.detail.startswith("Champion v2 gave it 40%.")
    assert [row["stage"] for row in view.by_role(entries, {"champion": None})] == ["champion", "shadow", "champion"]


def test_what_was_worked_out_afterwards_says_so():
    found = seen(PLAYED, [predicted()], [walked()])
    assert found.champion.source == view.HELD_OUT
    assert not found.verdict.good
    assert "not sealed in time" in found.verdict.detail


def test_a_number_from_a_model_that_learned_from_the_result_is_never_shown():
    learned = predicted(in_sample=True, chances=(0.01, 0.01, 0.98))
    assert seen(PLAYED, [learned], [walked()]).champion.source == view.WALKED
    none = seen(PLAYED, [learned])
    assert none.champion is None and none.grid is None and none.facts == ()
    assert "has learned from this match" in none.note
    assert none.verdict.sentence == "Full time 1–3: Bournemouth won."
    assert none.verdict.detail == none.note


def test_what_is_unknown_about_learning_counts_as_learned():
    assert seen(PLAYED, [predicted(in_sample=None)]).champion is None


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("awarded", "This match was awarded"),
        ("scheduled", "no forecast of this match yet"),
        ("finished", "about the last year"),
        ("postponed", "This match was postponed"),
    ],
)
def test_a_match_without_a_forecast_says_why(status, words):
    assert words in seen({**MATCH, "status": status}).note


def test_the_download_holds_a_row_a_model_and_how_it_is_known():
    rows = view.downloaded(seen(PLAYED, [predicted(), predicted("baseline", 3)], [walked()]))
    assert [row["Model"] for row in rows] == ["Champion v1", "Baseline v3"]
    assert rows[0]["Home win"] + rows[0]["Draw"] + rows[0]["Away win"] == pytest.approx(1)
    assert rows[0]["How we know"] == view.HELD_OUT
    assert view.downloaded(seen(predictions=[predicted()], zone=UTC))[0]["How we know"] == "To come."
    labelled = view.downloaded(seen(predictions=[predicted()], zone=UTC), "As of today, in a replay.")
    assert labelled[0]["How we know"] == "To come. As of today, in a replay."


def test_what_was_sealed_later_than_the_clock_is_not_shown():
    chances = numbers((0.5, 0.3, 0.2))
    rows = [{"entry": number, "as_of": f"2026-03-{day}T12:00:00Z", **chances} for number, day in enumerate((13, 14, 15))]
    rows.append({**rows[0], "entry": 3, "proba_home": 0.9})
    assert [row["entry"] for row in view.until(rows, datetime(2026, 3, 14, 12, tzinfo=UTC))] == [0, 1], "nor what was tampered with"


def test_what_was_sealed_is_what_we_said_whoever_is_champion_now():
    entry = {"stage": "champion", "model_version": 1, **numbers((0.5, 0.3, 0.2))}
    shown = view.match_view(PLAYED, [predicted(version=2)], [], [], LONDON, entry)
    assert [(one.name, one.source) for one in shown.said] == [("Champion then, v1", "sealed"), ("Champion now, v2", "held out")]
    assert shown.champion.version == 1 and "Champion then, v1 gave it" in shown.verdict.detail
    assert [one.name for one in view.match_view(MATCH, [predicted(version=2)], [], [], LONDON, entry).said] == ["Champion v2"]
