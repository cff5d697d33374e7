import csv
import gzip
import json
import re
from collections import Counter

from core.football.outcomes import Outcome, score_grid
from core.settings import PROJECT
from core.views import how_it_works as view
from workers.api import api


def words(sections):
    return " ".join(f"{section.title} {term} {text}" for section in sections for term, text in section.paragraphs)


def test_one_all_is_the_likeliest_score_beside_the_favourite_of_the_example():
    grid = score_grid(view.FAVOURITE)
    assert grid.likeliest == (1, 1)
    assert view.FAVOURITE.likeliest is Outcome.HOME
    said = words(view.reading())
    for number in re.findall(r"\((\d+\.\d)%\)", said):
        assert any(abs(100 * chance - float(number)) < 0.06 for chance in grid.chances.ravel())
    assert "50% for a home win, 26% for a draw and 24% for an away win" in said


def test_no_place_holder_is_left_and_no_paragraph_is_empty():
    said = words([*view.reading(), *view.method()])
    assert not re.search(r"[{}]|::", said)
    assert all(text for section in view.reading() + view.method() for _, text in section.paragraphs)


def test_the_sources_are_those_of_the_bundled_matches():
    with gzip.open(PROJECT / "data/snapshot/matches.csv.gz", "rt", encoding="utf-8") as file:
        rows = Counter(row["source"] for row in csv.DictReader(file))
    said = sorted(int(what.split()[0].replace(",", "")) for _, what, _ in view.SOURCES)
    assert said == sorted(rows.values())


def test_every_example_is_a_route_of_the_api():
    known = set(json.loads(json.dumps(api.openapi()))["paths"]) | {"/openapi.json"}
    assert {example.path for example in view.EXAMPLES} <= known
