"""The bundled snapshot: it reads whole, and a broken copy of it is refused in words."""

import gzip
import shutil
from collections import Counter

import pytest

from core.errors import DocumentRefused
from core.settings import PROJECT
from core.sources import snapshot

BUNDLED = PROJECT / "data" / "snapshot"


@pytest.fixture(scope="module")
def bundled():
    return snapshot.read(BUNDLED)


@pytest.fixture
def copied(tmp_path):
    shutil.copytree(BUNDLED, tmp_path / "snapshot")
    return tmp_path / "snapshot"


def rewrite(folder, change):
    path = folder / snapshot.MATCHES_FILE
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    path.write_bytes(gzip.compress("\n".join(change(lines)).encode()))


def test_all_rows_of_the_bundled_snapshot_are_read(bundled):
    assert len(bundled.matches) == 9525
    assert bundled.refused == ()
    assert len({raw.source_ref for raw in bundled.matches}) == 9525


def test_every_team_of_the_bundled_snapshot_is_known(bundled):
    teams = bundled.teams()
    unknown = Counter(
        name for raw in bundled.matches for name in (raw.home_raw, raw.away_raw) if not teams.find(raw.country, raw.sex, name)
    )
    assert not unknown


def test_the_ids_of_the_bundled_snapshot_follow_the_rule(bundled):
    from core.football.matches import match_id

    teams = bundled.teams()
    for raw in bundled.matches:
        home, away = teams.find(raw.country, 0, raw.home_raw), teams.find(raw.country, 0, raw.away_raw)
        assert int(raw.source_ref) == match_id(0, raw.competition_code, raw.season_raw, home.team_id, away.team_id, raw.leg)


def test_the_second_meetings_of_a_season_that_begins_in_spring_are_second_legs_and_their_old_ids_lead_to_them(bundled):
    spring = [raw for raw in bundled.matches if (raw.competition_code, raw.season_raw) == ("aut.1", "2011-12")]
    assert {raw.leg for raw in spring} == {2}
    ids = {int(raw.source_ref) for raw in bundled.matches}
    assert len(bundled.formerly) == 41
    assert {int(raw.source_ref) for raw in spring} < set(bundled.formerly.values()) < ids
    assert not ids & set(bundled.formerly)


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("home_score", "two", "home_score is 'two', not a whole number"),
        ("away_score", "-3", "away_score is -3"),
        ("home_score", "999", "home_score is 999"),
        ("sex", "7", "sex is '7'"),
        ("date", "2025-13-40", "month must be in 1..12"),
        ("away_team", "", "plays nobody"),
        ("match_id", "0", "match_id is 0"),
    ],
)
def test_a_broken_row_is_set_aside_with_its_line_and_the_reason(copied, column, value, words):
    def spoil(lines):
        head, row = lines[0].split(","), lines[41].split(",")
        row[head.index(column)] = value
        return [*lines[:41], ",".join(row), *lines[42:]]

    rewrite(copied, spoil)
    rows = snapshot.read(copied)
    assert len(rows.matches) == 9524
    assert [case.source_ref for case in rows.refused] == ["matches.csv.gz:42"]
    assert words in rows.refused[0].reason


def test_a_row_that_is_cut_short_is_set_aside(copied):
    rewrite(copied, lambda lines: [*lines[:-1], lines[-1][:30]])
    rows = snapshot.read(copied)
    assert len(rows.matches) == 9524
    assert "cut short" in rows.refused[0].reason


def test_a_file_with_many_broken_rows_is_refused_whole(copied):
    rewrite(copied, lambda lines: [lines[0], *(line.replace(",0,0,", ",9,9,", 1) for line in lines[1:])])
    with pytest.raises(DocumentRefused, match="broken rows of 9525"):
        snapshot.read(copied)


def test_a_file_without_a_needed_column_is_refused_by_its_name(copied):
    rewrite(copied, lambda lines: [lines[0].replace("home_score", "goals"), *lines[1:]])
    with pytest.raises(DocumentRefused, match="lacks the columns home_score"):
        snapshot.read(copied)


def test_a_truncated_archive_is_refused_in_words(copied):
    path = copied / snapshot.MATCHES_FILE
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DocumentRefused, match="cannot be read"):
        snapshot.read(copied)


def test_a_missing_file_is_refused_in_words(copied):
    (copied / snapshot.ALIASES_FILE).unlink()
    with pytest.raises(DocumentRefused, match=r"team_aliases\.csv cannot be read"):
        snapshot.read(copied)


def test_an_archive_with_a_damaged_middle_is_refused_in_words(copied):
    path = copied / snapshot.MATCHES_FILE
    data = path.read_bytes()
    for start in range(1000, len(data) - 1000, 5000):
        path.write_bytes(data[:start] + b"\xff" * 40 + data[start + 40 :])
        with pytest.raises(DocumentRefused, match="cannot be read"):
            snapshot.read(copied)


@pytest.mark.parametrize("line", ["England,two,Arsenal,Arsenal FC,snapshot", "England,0,Arsenal"])
def test_a_broken_alias_is_refused_by_its_line(line):
    with pytest.raises(DocumentRefused, match="Line 2 of team_aliases"):
        snapshot.parse_aliases(f"country,sex,canonical,alias,source\n{line}\n")
