"""Who plays in a file of matches: nations or clubs, and of which country, as far as it can be told on the day."""

from core.learning.sides import Row, clubs, country, of_nations


def season(code, *names):
    return [Row("day 1", code, home, away) for home in names for away in names if home != away]


def test_a_competition_is_one_of_nations_by_the_names_or_by_the_company_of_at_least_half():
    rows = [Row(1, "Friendly", "Wales", "Jersey"), Row(2, "Friendly", "Wales", "Rhodes"), Row(2, "Friendly", "Rhodes", "Hitra")]
    rows += [Row(3, "Island Cup", "Rhodes", "Gozo"), Row(3, "League", "Ajax", "Malta"), Row(3, "League", "Breda", "Oss")]
    # "League" has a nation's name among four sides; Rhodes keeps the company of nations.
    assert of_nations(rows).tolist() == [True, True, True, True, False, False]
    assert not of_nations([Row(1, "mlt.1", "Malta", "Gibraltar")]).any(), "the code of a country's league says what it is"


def test_in_a_cup_a_name_is_that_of_the_only_country_that_has_it():
    rows = [Row(1, "esp.1", "Barcelona", "Getafe"), Row(2, "uefa.cl", "Barcelona", "Ajax"), Row(3, "ecu.1", "Barcelona", "Emelec")]
    rows += [Row(4, "uefa.cl", "Barcelona", "Ajax"), Row(5, "copa.l", "Barcelona", "Emelec")]
    homes = [home for home, _ in clubs(rows)]
    assert homes == ["Barcelona@esp", "Barcelona@esp", "Barcelona@ecu", "Barcelona@esp", "Barcelona@?"]


def test_a_club_that_is_first_met_in_a_cup_brings_its_past_to_its_league():
    rows = [
        Row(1, "uefa.cl", "Ajax", "Brann"),
        Row(9, "ned.1", "Ajax", "Breda"),
        Row(9, "xx.1", "Ajax", "Elsewhere"),
        Row(20, "uefa.el", "Brann", "Oss"),
    ]
    (first, brann), (second, _), (other, _), (again, _) = clubs(rows)
    assert first == second != other and brann == again


def test_a_code_tells_the_country_unless_it_is_played_abroad():
    assert [country(name) for name in ("eng.1", "eng.w.2", "uefa.cl", "Premier League", "")] == ["eng", "eng", "", "", ""]
