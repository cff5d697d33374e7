import csv
import gzip
import json
import re
import subprocess
from collections import Counter

from core.football.outcomes import TYPICAL_TOTAL, Outcome, Probabilities, score_grid
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


def test_the_fetched_sources_are_those_of_the_documentation():
    told = (PROJECT / "docs/sources.md").read_text(encoding="utf-8").casefold()
    assert all(name.split(",")[0].casefold() in told for name, _, _ in view.FETCHED)
    assert any("ODbL" in terms for _, _, terms in view.FETCHED), "OpenLigaDB's licence asks to be named"


def test_every_example_is_a_route_of_the_api():
    routes = api.openapi()["paths"]
    assert {example.path for example in view.EXAMPLES} <= {*routes, "/openapi.json"}
    for example in view.EXAMPLES:
        asked = routes.get(example.path, {}).get("post" if example.body else "get", {})
        assert bool(asked.get("security")) is not example.open, example.path


def test_the_examples_can_be_copied_into_a_shell(tmp_path):
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "api_key").write_text("secret\n")
    curl = """curl() { printf '%s\\0' "$@" END >> calls; echo '{"task_id": "7f"}'; }\n"""
    subprocess.run(["bash", "-eu", "-c", curl + view.commands("http://127.0.0.1:8501", 12)], cwd=tmp_path, check=True, capture_output=True)
    calls = [call.strip("\0").split("\0") for call in (tmp_path / "calls").read_text().split("END")[:-1]]
    assert len(calls) == len(view.EXAMPLES)
    assert ["-H", "X-API-Key: secret", "http://127.0.0.1:8501/predict/12?stage=challenger"] in calls
    assert ["http://127.0.0.1:8501/monitoring/task_status/7f"] in calls, "the task that was asked for is followed"
    assert all("{" not in call[-1] and call[-1].startswith("http://127.0.0.1:8501/") for call in calls)
    assert [json.loads(call[call.index("-d") + 1]) for call in calls if "-d" in call] == [{"match_id": 12}]
    assert "/predict/$MATCH?" in view.commands("http://127.0.0.1:8501", None)


def test_the_usual_total_of_goals_is_owned_up_to():
    assert f"the usual {TYPICAL_TOTAL} goals" in words(view.method())
    for chances in ((0.9, 0.07, 0.03), (0.6, 0.24, 0.16), (0.38, 0.28, 0.34), (0.1, 0.2, 0.7)):
        assert 0.45 < score_grid(Probabilities(*chances)).over(2.5) < 0.55
        assert score_grid(Probabilities(*chances), 3.6).over(2.5) > 0.6
