"""The list of spellings: every source's names lead to one team each, and two sources that are joined by them agree on the scores."""

import re
import unicodedata
import zipfile
from collections import Counter
from pathlib import PurePath

import pytest

from core.errors import DocumentRefused
from core.football.matches import Teams, folded, match_id, team_id
from core.football.naming import found, names
from core.football.places import INTERNATIONAL
from core.settings import PROJECT
from core.sources import football_data, international, openfootball, snapshot

DATA = PROJECT.parent / "shared" / "data"


def listed(*path):
    return snapshot.parse_aliases((PROJECT / "data" / PurePath(*path)).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def teams():
    teams = Teams()
    for alias in listed("teams", "aliases.csv"):
        teams.add(alias.country, alias.sex, alias.canonical, alias.alias)
    return teams


def test_every_spelling_of_the_list_leads_to_its_team(teams):
    for alias in listed("teams", "aliases.csv"):
        place = INTERNATIONAL if alias.country == alias.canonical else alias.country
        assert teams.find(place, alias.sex, alias.alias).name == alias.canonical


def test_the_bundled_matches_spell_their_teams_in_agreement_with_the_list(teams):
    for alias in listed("snapshot", "team_aliases.csv"):
        assert teams.find(alias.country, 0, alias.alias).name == alias.canonical


def test_the_ids_of_the_listed_teams_are_their_names_without_accents_for_ever():
    special = str.maketrans({"ø": "o", "Ø": "O", "ı": "i", "æ": "ae", "ß": "ss", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D"})
    for alias in listed("teams", "aliases.csv") + listed("snapshot", "team_aliases.csv"):
        bare = unicodedata.normalize("NFKD", f"{alias.country} {alias.canonical}".translate(special))
        words = re.findall("[0-9a-z]+", "".join(sign for sign in bare if not unicodedata.combining(sign)).lower())
        assert team_id(alias.country, alias.canonical, alias.sex) == "-".join(words) + ("-w" if alias.sex else "")


def test_no_two_teams_of_a_country_are_alike_without_their_kinds_and_years():
    alike = Counter(
        (place, sex, form)
        for place, sex, form in {(a.country, a.sex, (folded(a.alias), a.canonical)) for a in listed("teams", "aliases.csv")}
    )
    forms = Counter((place, sex, form) for place, sex, (form, _) in alike)
    assert not [form for form, teams in forms.items() if teams > 1]


@pytest.mark.parametrize(
    ("country", "spellings"),
    [
        ("England", ["Arsenal", "Arsenal FC"]),
        ("England", ["Aston Villa", "Aston Villa FC"]),
        ("England", ["Nottingham Forest", "Nott'm Forest", "Nottingham Forest FC"]),
        ("Germany", ["Bayern München", "FC Bayern München", "FC Bayern", "Bayern Munich"]),
        ("Germany", ["Bor. Mönchengladbach", "Borussia Mönchengladbach", "M'gladbach"]),
        ("Germany", ["1899 Hoffenheim", "TSG 1899 Hoffenheim", "Hoffenheim"]),
        ("Spain", ["RC Celta", "RC Celta de Vigo", "Celta"]),
        ("Italy", ["Inter", "FC Internazionale Milano"]),
        ("Netherlands", ["PSV", "PSV Eindhoven"]),
        ("Brazil", ["Flamengo RJ", "CR Flamengo"]),
    ],
)
def test_spellings_that_drift_are_one_team(teams, country, spellings):
    assert len({teams.find(country, 0, spelling).team_id for spelling in spellings}) == 1


@pytest.mark.parametrize(
    ("country", "one", "other"),
    [
        ("Austria", "FC Lustenau", "Austria Lustenau"),
        ("Germany", "1. FC Köln", "Fortuna Köln"),
        ("Austria", "FC Wacker Innsbruck", "FC Wacker Innsbruck II"),
        ("Spain", "FC Barcelona", "FC Barcelona B"),
        ("Germany", "RB Leipzig", "VfB Leipzig"),
        ("Scotland", "Dundee FC", "Dundee United"),
    ],
)
def test_teams_that_sound_alike_are_two(teams, country, one, other):
    assert teams.find(country, 0, one).team_id != teams.find(country, 0, other).team_id


def test_a_club_in_a_cup_across_countries_is_the_one_of_its_league(teams):
    assert teams.find("Europe", 0, "Arsenal FC (ENG)") == teams.find("England", 0, "Arsenal")
    assert teams.find("Europe", 0, "AS Monaco FC (MCO)") == teams.find("France", 0, "Monaco")
    assert teams.find("World", 0, "Fluminense RJ (BRA)") == teams.find("Brazil", 0, "Fluminense FC")
    assert teams.find("Europe", 0, "Arsenal FC") is None
    assert teams.find("England", 0, "Arsenal FC (ENG)") is None


def test_a_nation_is_one_team_for_each_sex_under_all_its_names(teams):
    men, women = (teams.find(INTERNATIONAL, sex, "USA") for sex in (0, 1))
    assert (men.team_id, women.team_id) == ("united-states-united-states", "united-states-united-states-w")
    assert teams.find(INTERNATIONAL, 1, "China PR").name == "China"
    assert teams.find(INTERNATIONAL, 0, "Bosnia & Herzegovina").name == "Bosnia and Herzegovina"


def test_an_unknown_name_is_not_guessed(teams):
    assert teams.find("England", 0, "Arsenal Reserves") is None
    assert teams.find("England", 1, "Arsenal") is None


def key(teams, row):
    home, away = (teams.find(row.country, row.sex, name) for name in (row.home_raw, row.away_raw))
    assert home, f"{row.source}: {row.country} {row.home_raw}"
    assert away, f"{row.source}: {row.country} {row.away_raw}"
    return match_id(row.sex, row.competition_code, row.season_raw, home.team_id, away.team_id, row.leg)


@pytest.fixture(scope="module")
def both(teams):
    """Every match of openfootball by its id, and every played match of football-data.co.uk with its id."""
    if not DATA.exists():
        pytest.skip("needs the data of two sources")
    ours = {}
    with zipfile.ZipFile(DATA / "openfootball" / "football.json.zip") as members:
        for name in filter(lambda name: name.endswith(".json"), members.namelist()):
            try:
                rows = openfootball.parse("/".join(name.split("/")[-2:])[:-5], members.read(name)).rows
            except DocumentRefused:
                continue
            ours |= {key(teams, row): row for row in rows}
    folder = DATA / "football-data-co-uk"
    files = [path for path in sorted(folder.rglob("*.csv")) if path.name not in ("fixtures.csv", "Latest_Results.csv")]
    theirs = [
        (key(teams, row), row)
        for path in files
        for row in football_data.parse("/".join(path.relative_to(folder).parts[-2:])[:-4], path.read_bytes()).rows
    ]
    return ours, theirs


def test_every_name_of_two_sources_leads_to_a_team_and_their_scores_agree_but_for_the_awarded(both):
    ours, theirs = both
    joined = [(ours[number], row) for number, row in theirs if number in ours and ours[number].ft_home is not None]
    differing = [(one, other) for one, other in joined if (one.ft_home, one.ft_away) != (other.ft_home, other.ft_away)]
    assert len(joined) == 19996
    assert [(one.home_raw, one.away_raw, one.score_basis) for one, _ in differing] == [
        ("Hellas Verona FC", "AS Roma", "awarded"),
        ("FC Luzern", "Grasshopper Club Zürich", "awarded"),
    ]


def test_nearly_all_kick_offs_of_two_sources_agree_to_the_minute(both):
    ours, theirs = both
    pairs = [(ours[number].kickoff_utc, row.kickoff_utc) for number, row in theirs if number in ours]
    told = [(one, other) for one, other in pairs if one and other]
    assert sum(one == other for one, other in told) / len(told) > 0.99


def test_no_match_of_the_leagues_that_both_have_is_missing(both):
    ours, theirs = both
    seasons = {(row.competition_code, row.season_raw) for row in ours.values()}
    missing = Counter(
        row.competition_code for number, row in theirs if number not in ours and (row.competition_code, row.season_raw) in seasons
    )
    assert missing == {"usa.1": 30, "rus.1": 4, "sui.1": 4}  # play-offs, which openfootball leaves out


def test_tournaments_are_the_internationals_of_the_other_source_with_the_same_host_first(teams):
    if not DATA.exists():
        pytest.skip("needs the data of two sources")
    folder = DATA / "international" / "men"
    files = {role: (folder / file).read_bytes() for role, file in international.FILES.items()}
    rows = international.parse(0, files).rows
    found(teams, names(rows))
    theirs = {key(teams, row): row for row in rows}
    paths = [path for path, cup in openfootball.TOURNAMENTS.items() if cup.code is None]
    ours = [
        row
        for path in paths
        for row in openfootball.parse(path, (DATA / "openfootball" / "tournaments" / path.split("master/")[1]).read_bytes()).rows
    ]
    assert len(ours) == 270
    pairs = [(row, theirs[key(teams, row)]) for row in ours]
    other_ground = [(one.home_raw, one.away_raw) for one, other in pairs if one.neutral != other.neutral]
    assert other_ground == [("Wales", "Switzerland")]  # it was played in Baku
    certain = [(one, other) for one, other in pairs if one.score_basis == other.score_basis == "90"]
    assert len(certain) > 260
    assert all((one.ft_home, one.ft_away) == (other.ft_home, other.ft_away) for one, other in certain)
