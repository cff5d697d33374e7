"""Arena from the front door."""

from tests.pages.ops_fixtures import house, said  # noqa: F401
from tests.serving.batches import parquet
from tests.views.contests import evaluation


def test_arena_answers_in_one_sentence_and_names_the_versions(house):  # noqa: F811
    page = house.open("arena")
    assert not page.exception and not page.error
    text = said(page)
    assert "Judged on the same 400 matches" in text
    assert 'class="verdict' in text and "Log loss differs by" in text
    assert "Champion v1" in text and "Challenger v2" in text and "Baseline v3" in text and "Base rate" in text


def test_a_better_challenger_on_enough_matches_gets_its_yes(house):  # noqa: F811
    house.publish(evaluation__parquet=parquet(evaluation(n=4000, champion_noise=1.2, challenger_noise=0.1)))
    assert "Yes: the challenger is better" in said(house.open("arena"))


def test_a_league_and_a_season_in_the_address_are_what_is_judged(house):  # noqa: F811
    page = house.open("arena", slice="eng.1", period="2024-25")
    table = evaluation(n=400)
    wanted = table[(table["competition_code"] == "eng.1") & (table["season"] == "2024-25")]["match_id"].nunique()
    assert page.selectbox(key="slice").value == "eng.1"
    assert f"Judged on the same {wanted} matches" in said(page)


def test_what_is_no_league_in_the_address_is_left_aside(house):  # noqa: F811
    page = house.open("arena", slice="<b>none</b>", period="1066", outcome="Penalty")
    assert not page.exception
    assert "Judged on the same 400 matches" in said(page)
    assert "There is no league “<b>none</b>”, season “1066” and outcome “Penalty” here." in said(page)


def test_choosing_an_outcome_shows_its_reliability(house):  # noqa: F811
    page = house.open("arena")
    page.segmented_control(key="outcome").set_value("Draw").run()
    assert not page.exception
    assert any("Draw: the challenger said" in element.value for element in page.caption)


def test_each_chart_has_a_line_a_table_and_a_file(house):  # noqa: F811
    page = house.open("arena")
    assert len(page.get("plotly_chart")) == 2
    assert all(chart.proto.alt for chart in page.get("plotly_chart"))
    assert len(page.table) == 3 and len(page.get("download_button")) == 3
    assert list(page.table[-1].value.columns)[:3] == ["Matches of", "Number", "Difference"]


def test_without_a_challenger_the_page_says_so(house):  # noqa: F811
    table = evaluation(n=400)
    house.publish(evaluation__parquet=parquet(table[table["recipe"] != "challenger"]))
    assert "share no match here" in said(house.open("arena"))


def test_before_the_first_pipeline_run_the_page_has_its_head_and_says_what_to_do(house):  # noqa: F811
    house.unpublish()
    page = house.open("arena")
    assert not page.exception and not page.error
    assert "Is the challenger better" in said(page) and "make pipeline" in said(page)
