"""The app's own HTML: nothing from outside becomes markup, and what is seen can be heard."""

import re
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.football.outcomes import Outcome, Probabilities, whole_percentages
from core.views.fresh import Chip
from core.views.matches import Card, Result
from pages.shared import cards, state

NASTY = "<b>\"Bold\"</b> & 'Sons' <script>alert(1)</script> `make`"
KICKOFF = datetime(2026, 3, 14, 15, tzinfo=ZoneInfo("Europe/London"))
CHANCES = Probabilities(0.39, 0.28, 0.33)


class Heard(HTMLParser):
    """The tags of a page, and its text as a screen reader has it."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def card(home="Burnley", away="Bournemouth", chances=CHANCES):
    return Card(7, home, away, "Premier League", date(2026, 3, 14), KICKOFF, chances, "1–1")


def pieces(text):
    """Every piece of HTML that takes text from outside, with this text in each of its places."""
    yield cards.masthead(text, text, Chip(True, ((text, text),)))
    yield cards.banner(text, text, "stale")
    yield cards.day(text, text, "")
    yield cards.league(text)
    yield cards.match(card(text, text)._replace(likeliest=text), text)
    yield cards.result(Result(7, text, text, text, date(2026, 3, 14), CHANCES, Outcome.DRAW), text)
    yield cards.facts([(text, text, text)])
    yield cards.receipt([(text, text)], frozenset({text}))
    yield cards.empty(text)


@given(st.text(max_size=30))
def test_text_from_outside_never_becomes_markup(text):
    for nasty, tame in zip(pieces("<i a='x\">" + text), pieces("plain"), strict=True):
        heard = Heard(nasty)
        assert [tag for tag, _ in heard.tags if tag != "code"] == [tag for tag, _ in Heard(tame).tags if tag != "code"]
        assert all("a" not in attributes for _, attributes in heard.tags)


def test_text_from_outside_is_shown_letter_by_letter():
    assert NASTY in Heard(cards.league(NASTY)).text
    assert Heard(cards.match(card(home=NASTY), "match?id=7")).text.count(NASTY) == 1


def test_a_command_in_a_banner_looks_like_code():
    assert "<code>make run</code>" in cards.banner("Away.", "`make run` starts it.")


def test_a_card_reads_as_a_sentence_and_its_link_goes_to_the_match():
    heard = Heard(cards.match(card(), "match?id=7&tz=Asia%2FTokyo"))
    assert re.sub(r"\s+", " ", heard.text) == (
        "15:00Burnley against Bournemouthhome win 39%draw 28%away win 33%toss-up likeliest score 1–1"
    )
    assert ("a", {"class": "t home go", "href": "match?id=7&tz=Asia%2FTokyo", "target": "_self"}) in heard.tags
    assert ("time", {"datetime": "2026-03-14T15:00:00+00:00"}) in heard.tags


@given(st.tuples(*[st.floats(0.001, 1)] * 3))
def test_the_numbers_in_a_bar_sum_to_a_hundred_and_are_its_widths(raw):
    total = sum(raw)
    html = cards.bar(whole_percentages(tuple(part / total for part in raw)))
    shown = [int(number) for number in re.findall(r"(\d+)%<", html)]
    assert len(shown) == 3 and sum(shown) == 100
    assert shown == [int(width) for width in re.findall(r"--p:(\d+)", html)]


@pytest.mark.parametrize("outcome", list(Outcome))
def test_what_happened_is_underlined_and_told_in_a_word(outcome):
    html = cards.result(Result(7, "A", "B", "1–1", date(2026, 3, 14), Probabilities(0.5, 0.3, 0.2), outcome), "match?id=7")
    parts = re.findall(r'<span class="s (\w)( out)?"', html)
    assert [place for place, (_, out) in enumerate(parts) if out] == [outcome]
    assert ("✓ called" in html) is (outcome is Outcome.HOME)
    assert ("missed" in html) is (outcome is not Outcome.HOME)


def test_a_result_of_a_toss_up_is_neither_called_nor_missed():
    html = cards.result(Result(7, "A", "B", "1–0", date(2026, 3, 14), Probabilities(0.36, 0.28, 0.36), Outcome.HOME), "match?id=7")
    assert "toss-up" in html and "called" not in html and "missed" not in html


def test_old_data_differ_in_shape_and_in_words_not_in_colour_alone():
    stale, fresh = (cards.masthead("Matches", "?", Chip(old, (("Data", "26 hours old"), ("Times in", "London")))) for old in (True, False))
    assert stale.count('class="dot old"') == 1 and "stale: " in stale
    assert fresh.count('class="dot"') == 1 and "stale" not in fresh


def test_a_zone_is_named_by_its_city():
    assert state.zone_name(ZoneInfo("America/Argentina/Buenos_Aires")) == "Buenos Aires"
    assert {"UTC", "Europe/London", "Asia/Tokyo"} <= set(state.zones())
    assert all(datetime.now(UTC).astimezone(ZoneInfo(name)) for name in state.zones()[::40])
