"""A small batch with a few real and a few nasty names, and how to read the list of matches off the home page."""

import re

from streamlit.testing.v1 import AppTest

from core.settings import PROJECT
from tests.installation import PATIENCE
from tests.serving.batches import match_features, parquet, predictions

COUNT = 40
NASTY = "<b>Bold</b> & \"Sons\" 'FC' <script>alert(1)</script>"
NAMES = {20: ("Almería", "Bayern München"), 21: (NASTY, "Leeds"), 22: ("Nottingham Forest", "O'Neill's XI")}


def renamed(frame):
    """The batch's frame with a few real and a few nasty names among the matches to come; the places count distinct ids."""
    ids = frame.index.unique()
    for place, (home, away) in NAMES.items():
        frame.loc[ids[place], ["homeTeamName", "awayTeamName"]] = (home, away)
    frame.loc[ids[20], "competition"] = "La Liga" if "competition" in frame else None
    return frame.drop(columns=[] if "elo" in frame else ["competition"])


def files():
    """The files to publish, by name as `House.publish` takes them."""
    return {
        "match_features__parquet": parquet(renamed(match_features(COUNT))),
        "predictions__parquet": parquet(renamed(predictions(COUNT))),
    }


def home(**query):
    """The home page as a new visitor's browser opens it, with this query in its address."""
    visit = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=PATIENCE)
    for name, value in query.items():
        visit.query_params[name] = value
    return visit.run()


def cards(page):
    """(id, home, away, three numbers) of each match to come that the page shows, in order."""
    found = re.findall(r'<article class="m" id="m(\d+)">.*?</article>', said_raw(page), flags=re.DOTALL)
    articles = re.findall(r"<article.*?</article>", said_raw(page), flags=re.DOTALL)
    assert len(found) == len(articles)
    return [
        (int(number), *re.search(r'home go"[^>]*>(.*?)</a>.*?away">(.*?)</span>', article, re.DOTALL).groups(), percentages(article))
        for number, article in zip(found, articles, strict=True)
    ]


def said_raw(page):
    return "\n".join(element.proto.body for element in page.get("html"))


def percentages(html):
    return [int(number) for number in re.findall(r"(\d+)%</span>", html)]


def to_come():
    return int(match_features(COUNT)["is_future"].sum())
