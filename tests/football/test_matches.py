"""The identity of matches and teams."""

import hashlib

import pytest

from core.football.matches import Teams, folded, match_id, plain, team_id


def test_a_match_id_is_the_first_13_hex_digits_of_the_documented_text():
    told = "0|eng.1|2025-26|england-arsenal|england-chelsea|1"
    assert match_id(0, "eng.1", "2025-26", "england-arsenal", "england-chelsea", 1) == int(hashlib.sha1(told.encode()).hexdigest()[:13], 16)


def test_a_match_id_can_be_read_as_a_json_number():
    ids = {match_id(0, "eng.1", "2025-26", f"team-{n}", "other", 1) for n in range(5000)}
    assert len(ids) == 5000
    assert all(0 < number < 2**53 for number in ids)


def test_mens_and_womens_teams_of_one_name_are_two_teams():
    teams = Teams()
    men, women = teams.add("Germany", 0, "Germany"), teams.add("Germany", 1, "Germany")
    assert men.team_id == team_id("Germany", "Germany", 0) != women.team_id
    assert teams.find("Germany", 1, "Germany") == women


@pytest.mark.parametrize(
    ("name", "searched"),
    [
        ("Bor. Mönchengladbach", "bor monchengladbach"),
        ("Almería", "almeria"),
        ("O'Higgins", "o higgins"),
        ("Ødegård  FK", "odegard fk"),
        ("Qəbələ", "qebele"),
        ("King’s Lynn", "king s lynn"),
        ("Nukuʻalofa", "nuku alofa"),
        ("Спартак Москва", "spartak moskva"),
        ("Ολυμπιακός", "olympiakos"),
        ("", ""),
    ],
)
def test_searching_ignores_accents_case_and_punctuation(name, searched):
    assert plain(name) == searched


OTHER_SCRIPTS = [
    ("Спартак", "Динамо"),
    ("Ολυμπιακός", "Παναθηναϊκός"),
    ("الأهلي", "الزمالك"),
    ("陕西", "山西"),
    ("ガンバ", "カンバ"),
    ("มี", "มา"),
    ("Зенит", "Zenit"),
]


@pytest.mark.parametrize(("one", "other"), OTHER_SCRIPTS)
def test_teams_in_other_scripts_are_two_teams_with_ids_of_plain_letters(one, other):
    teams = Teams()
    first = teams.add("My league", 0, one)
    assert teams.find("My league", 0, other) is None
    second = teams.add("My league", 0, other)
    assert first.team_id != second.team_id
    assert (first.team_id + second.team_id).isascii()
    assert teams.find("My league", 0, f"FC {one}") == first


def test_an_id_in_another_script_is_the_same_whatever_its_letters_are_made_of():
    assert team_id("Россия", "Зенит й", 0) == team_id("Россия", "ЗЕНИТ и\u0306", 0)


def test_an_exact_spelling_wins_over_the_folded_one():
    teams = Teams()
    lustenau = teams.add("Austria", 0, "FC Lustenau")
    austria = teams.add("Austria", 0, "Austria Lustenau")
    assert teams.find("Austria", 0, "FC Lustenau") == lustenau
    assert teams.find("Austria", 0, "  Austria   Lustenau ") == austria


def test_a_folded_spelling_is_found_only_when_it_names_one_team():
    teams = Teams()
    koeln = teams.add("Germany", 0, "1. FC Köln")
    assert teams.find("Germany", 0, "Köln") == koeln
    teams.add("Germany", 0, "SC Köln")
    assert folded("SC Köln") == folded("1. FC Köln")
    assert teams.find("Germany", 0, "Köln") is None


def test_an_unknown_name_is_never_guessed():
    teams = Teams()
    teams.add("Germany", 0, "1. FC Köln")
    assert teams.find("Germany", 0, "Fortuna Köln") is None
    assert teams.find("England", 0, "1. FC Köln") is None


def test_teams_that_differ_in_a_number_only_are_two():
    teams = Teams()
    teams.add("My league", 0, "Team 1")
    assert teams.find("My league", 0, "Team 2") is None
    assert folded("1. FC Heidenheim 1846") == folded("FC Heidenheim")
    assert folded("Schalke 04") != folded("Schalke 05")
