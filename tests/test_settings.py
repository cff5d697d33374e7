"""Settings are read once, checked, and each stands in .env.example."""

import re
from datetime import UTC, datetime

import pytest

from core.clock import SNAPSHOT_MOMENT
from core.errors import SettingsError
from core.settings import PROJECT, Settings, prepare_home

# Read by the libraries that speak to S3, not by us.
OF_LIBRARIES = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"}


def read(tmp_path, **environment):
    return Settings.from_environment({"SOCCER_HOME": str(tmp_path), **environment})


def test_every_setting_stands_in_the_example_and_nothing_else():
    shown = set(re.findall(r"^#([A-Z_]+)=", (PROJECT / ".env.example").read_text(), re.MULTILINE))
    used = set(
        re.findall(r'"((?:SOCCER|MLFLOW|FASTAPI|AWS|PROMETHEUS|SYNC|LOOKUP)_[A-Z_]+)"', (PROJECT / "core" / "settings.py").read_text())
    )
    assert shown == used | OF_LIBRARIES


def test_with_nothing_set_the_bundled_matches_are_replayed_on_this_machine_alone(tmp_path):
    settings = read(tmp_path)
    assert settings.timeline == "replay"
    assert settings.clock.now() == SNAPSHOT_MOMENT
    assert settings.host == "127.0.0.1"
    assert settings.database_url == f"sqlite:///{tmp_path}/replay/soccer.db"


def test_the_defaults_are_those_of_the_contract(tmp_path):
    settings = read(tmp_path)
    folder = tmp_path / "replay"
    assert (settings.host, settings.port, settings.metrics_port, settings.worker_metrics_port) == ("127.0.0.1", 8501, 9108, 9109)
    assert (settings.stages, settings.model_name) == (("champion", "challenger", "baseline"), "soccer-match-outcome")
    assert (settings.sync_timeout, settings.lookup_check_interval, settings.lookup_max_age) == (30, 60, 36 * 3600)
    assert (settings.retry_delay, settings.multiproc_dir, settings.s3_endpoint, settings.keys) == (10, None, None, ())
    assert (settings.allow_query_token, settings.close_monitoring) == (False, False)
    assert settings.tracking_uri == f"sqlite:///{folder}/mlflow.db"
    assert settings.queue_url == f"sqlite:///{folder}/queue.db"
    assert settings.store_url == f"{folder}/store"


def test_once_a_source_was_fetched_the_app_is_about_today(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "fetched").touch()
    settings = read(tmp_path)
    assert settings.timeline == "real"
    assert not settings.clock.replaying
    assert read(tmp_path, SOCCER_CLOCK="2025-01-01T00:00:00Z").timeline == "replay"


def test_what_was_chosen_is_shown_once_there_is_a_real_timeline(tmp_path):
    (tmp_path / "real").mkdir()
    before = read(tmp_path)
    before.choose("real")
    assert (read(tmp_path).timeline, before.arrived) == ("replay", False)
    before.arrived_file.touch()
    assert (read(tmp_path).timeline, before.arrived) == ("real", True)
    before.choose("replay")
    assert read(tmp_path).timeline == "replay"
    before.choice_file.write_bytes(b"\xff")
    assert read(tmp_path).timeline == "real", "what cannot be read was not chosen"


def test_the_environment_can_name_the_timeline_and_then_nobody_switches_it(tmp_path):
    settings = read(tmp_path, SOCCER_TIMELINE="real")
    assert (settings.timeline, settings.clock.replaying, settings.can_switch) == ("real", False, False)
    assert settings.database_url == f"sqlite:///{tmp_path}/real/soccer.db"
    assert read(tmp_path).can_switch
    assert not read(tmp_path, SOCCER_CLOCK="2025-01-01T00:00:00Z").can_switch


@pytest.mark.parametrize(
    ("given", "kept_apart"),
    [
        ({}, True),
        ({"SOCCER_DATABASE_URL": "postgresql://here/soccer"}, False),
        ({"SOCCER_DATABASE_URL": "postgresql://here/soccer_{timeline}", "SOCCER_STORE_URL": "s3://soccer/{timeline}"}, True),
        ({"MLFLOW_TRACKING_URI": "http://here"}, False),
        ({"MLFLOW_TRACKING_URI": "http://here", "SOCCER_MODEL_NAME": "match-{timeline}"}, True),
    ],
)
def test_addresses_keep_the_timelines_apart_or_there_is_no_way_between_them(tmp_path, given, kept_apart):
    settings = read(tmp_path, **given)
    assert settings.separate is kept_apart
    assert "{timeline}" not in settings.database_url + settings.store_url + settings.model_name


def test_sources_are_those_that_need_no_key_or_none_and_a_clock_that_stands_asks_nobody(tmp_path):
    assert read(tmp_path).sources == ("openfootball", "international", "openligadb")
    assert read(tmp_path, SOCCER_SOURCES="none").sources == ()
    assert read(tmp_path, SOCCER_SOURCES="openligadb, football_data").sources == ("openligadb", "football_data")
    assert read(tmp_path, SOCCER_MY_LEAGUE="matches.csv").sources[-1] == "my_league"
    assert read(tmp_path, SOCCER_CLOCK="2025-01-01T00:00:00Z").sources == ()


def test_a_replay_starts_where_the_clock_is_set(tmp_path):
    assert read(tmp_path, SOCCER_CLOCK="2025-08-15T18:00:00+02:00").clock.now() == datetime(2025, 8, 15, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SOCCER_PORT", "eighty", "SOCCER_PORT is 'eighty', which is not a number"),
        ("SOCCER_PORT", "99999", "must lie between 0 and 65535"),
        ("SOCCER_PORT", "80.5", "must be a whole number"),
        ("SOCCER_CLOCK", "yesterday", "Give an ISO time"),
        ("SOCCER_CLOCK", "9999-12-31", "its year must lie between 1900 and 2200"),
        ("SOCCER_CLOCK", "9999-12-31T23:59:59-05:00", "Give an ISO time"),
        ("SOCCER_CLOCK", "1899-12-31", "its year must lie between 1900 and 2200"),
        ("MLFLOW_MODEL_STAGES", "champion,best", "it takes champion, challenger and baseline"),
        ("SOCCER_CLOSE_MONITORING", "perhaps", "say yes or no"),
        ("FASTAPI_HEADER_TOKEN", "a,b,c", "more than two keys"),
        ("SOCCER_SOURCES", "espn", "SOCCER_SOURCES names 'espn'"),
        ("SOCCER_SOURCES", "my_league", "Say in SOCCER_MY_LEAGUE where its CSV is"),
        ("SOCCER_TIMELINE", "today", "it takes replay or real"),
        ("SOCCER_REFRESH_MINUTES", "0", "must lie between"),
    ],
)
def test_a_setting_that_cannot_work_is_named_with_what_would(tmp_path, name, value, words):
    with pytest.raises(SettingsError, match=re.escape(words)):
        read(tmp_path, **{name: value})


def test_AUTH_4_the_first_run_writes_a_random_key_that_only_its_owner_reads(tmp_path):
    prepare_home(read(tmp_path))
    first = read(tmp_path)
    assert len(first.keys) == 1
    assert len(first.keys[0]) > 30
    assert first.key_file.stat().st_mode & 0o777 == 0o600
    prepare_home(first)
    assert read(tmp_path).keys == first.keys
    other = tmp_path / "other"
    prepare_home(read(other))
    assert read(other).keys != first.keys


def test_AUTH_4_git_ignores_the_place_of_the_key():
    assert "/var/" in (PROJECT / ".gitignore").read_text().splitlines()
    assert Settings.from_environment({}).key_file == PROJECT / "var" / "api_key"


def test_a_key_file_that_was_left_empty_gets_its_key(tmp_path):
    (tmp_path / "api_key").touch()
    prepare_home(read(tmp_path))
    settings = read(tmp_path)
    assert len(settings.keys) == 1
    assert settings.key_file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["api_key"]


def test_a_key_file_that_holds_no_text_is_named(tmp_path):
    (tmp_path / "api_key").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="api_key cannot be read"):
        read(tmp_path)


def test_AUTH_1_two_keys_are_valid_while_one_replaces_the_other(tmp_path):
    assert read(tmp_path, FASTAPI_HEADER_TOKEN="new, old").keys == ("new", "old")


def test_a_home_that_is_a_file_is_refused_with_a_sentence(tmp_path):
    (tmp_path / "home").write_text("not a folder")
    with pytest.raises(SettingsError, match="Make it writable, or set SOCCER_HOME"):
        prepare_home(read(tmp_path / "home"))


def test_a_file_in_the_place_of_the_timelines_folder_is_refused_too(tmp_path):
    (tmp_path / "replay").write_text("not a folder")
    with pytest.raises(SettingsError, match="Make it writable, or set SOCCER_HOME"):
        prepare_home(read(tmp_path))
