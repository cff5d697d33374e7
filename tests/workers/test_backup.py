"""A home packed while it is in use, and put in the place of another: whole, refused, or not begun."""

from __future__ import annotations

import io
import itertools
import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tarfile
import threading
import time
import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.errors import AliasMissing, BackupRefused, PipelineBusy, SettingsError
from core.settings import Settings, prepare_home
from core.storage import leases, logbook, pipeline_log
from core.storage.database import Database
from core.storage.files import POINTER, Store
from core.storage.forecast_chain import seal, verify
from core.storage.manifest import ChainHead, Manifest
from core.storage.registry import Registry
from core.storage.task_ledger import TaskLedger
from tests.installation import Installation
from tests.serving import models
from tests.storage.test_forecast_chain import FORECAST
from tests.workers.house import PATIENCE, ROOT, environment, eventually
from tests.workers.small_project import CLOCK, SmallProject
from workers import backup, restoring, running
from workers.locking import LOCK, locked
from workers.promotions import Promotions
from workers.registration import open_registry

KEY = "a-key-of-the-tests"


class Home:
    """A home with sealed forecasts, a published batch, a registry's file and a key; `told` is what a command said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = environment(folder)
        self.settings = Settings.from_environment(self.environment)
        self.told: list[str] = []

    @property
    def database(self) -> Database:
        return Database(self.settings.database_url)

    def fill(self, entries: int = 3) -> Home:
        prepare_home(self.settings)
        self.settings.key_file.write_text(KEY)
        self.settings.instance_file.write_text("an id")
        (self.settings.folder / "documents").mkdir()
        (self.settings.folder / "documents" / "one.gz").write_bytes(b"as it was fetched")
        with closing(self.database) as database:
            database.create()
        self.seal(range(1, entries + 1))
        return self

    def seal(self, numbers) -> None:
        with closing(self.database) as database, database.write() as connection:
            seal(connection, [replace(FORECAST, match_id=number) for number in numbers])
        with closing(self.database) as database, database.read() as connection:
            (head,) = connection.exec_driver_sql("SELECT value FROM meta WHERE name = 'chain:replay'").fetchone()
        at, chain = datetime(2026, 11, 28, 21, tzinfo=UTC), ChainHead("replay", **json.loads(head))
        Store.open(self.settings.store_url).write(POINTER, Manifest("v1", at, at, "replay", {}, {}, {}, chain=chain).to_json())

    def entries(self) -> int:
        with closing(self.database) as database, database.read() as connection:
            assert verify(connection) is None
            return connection.exec_driver_sql("SELECT count(*) FROM forecasts").scalar()

    def back_up(self, to: Path) -> Path:
        self.told = list(backup.create(self.settings, str(to)))
        return max(to.glob("*.tar.gz"))

    def restore(self, archive: Path) -> list[str]:
        self.told = list(restoring.restore(self.settings, archive))
        return self.told

    def tree(self) -> dict[str, bytes]:
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    for name in [name for name in os.environ if name.startswith(("SOCCER_", "MLFLOW_", "FASTAPI_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SOCCER_HOME", str(tmp_path / "home"))
    return Home(tmp_path / "home").fill()


@pytest.fixture
def archive(home, tmp_path):
    return home.back_up(tmp_path / "kept")


def beside(home, what):
    return sorted(path for path in home.folder.parent.glob(f"{home.folder.name}.{what}*"))


def names_in(archive):
    with tarfile.open(archive) as tar:
        return {member.name.removeprefix("home/") for member in tar}


def test_a_backup_holds_what_a_home_needs_and_neither_key_nor_locks_nor_queue(home, tmp_path):
    for name in (LOCK, "queue.db", "queue.db-wal", ".half.part"):
        (home.settings.folder / name).write_bytes(b"x")
    (home.settings.folder / "store" / "logs").mkdir()
    (home.settings.folder / "store" / "logs" / "one").touch()
    os.mkfifo(home.settings.folder / "queue.ml.bell")
    archive = home.back_up(tmp_path / "kept")
    assert names_in(archive) == {
        "manifest.json",
        "instance_id",
        "replay/soccer.db",
        "replay/documents/one.gz",
        f"replay/store/{POINTER}",
        "replay/store/logs/one",
    }
    with tarfile.open(archive) as tar:
        held = {member.name: tar.extractfile(member).read() for member in tar}
    assert KEY.encode() not in b"".join(held.values())
    key = archive.with_name(f"{archive.name}.key")
    assert key.read_text() == KEY and stat.S_IMODE(key.stat().st_mode) == 0o600 == stat.S_IMODE(archive.stat().st_mode)
    manifest = json.loads(held["manifest.json"])
    assert (manifest["format"], manifest["timelines"]["replay"]["entries"]) == (1, 3)
    assert set(manifest["files"]) == names_in(archive) - {"manifest.json"}
    assert "The replay chain in it is whole: 3 entries." in home.told and str(archive) in home.told[0]
    assert sorted(tmp_path.glob("kept/.*")) == []


def test_without_a_place_it_lies_beside_the_home_and_says_where(home):
    told = list(backup.create(home.settings))
    (archive,) = home.folder.with_name("home-backups").glob("soccer-backup-*.tar.gz")
    assert str(archive) in told[0]


def test_what_is_restored_after_a_deletion_is_what_was_there(home, archive):
    (written,) = [path.stat().st_mtime for path in home.folder.rglob("current.json")]
    shutil.rmtree(home.folder)
    told = home.restore(archive)
    assert home.entries() == 3 and home.settings.key_file.read_text() == KEY
    assert stat.S_IMODE(home.settings.key_file.stat().st_mode) == 0o600
    assert (home.settings.folder / "documents" / "one.gz").read_bytes() == b"as it was fetched"
    assert [path.stat().st_mtime for path in home.folder.rglob("current.json")] == [pytest.approx(written, abs=0.01)]
    assert "The replay chain is whole: 3 entries, last sealed 23 November 2026, 10:00 UTC." in told
    assert "The key is the backup's." in told and not home.settings.instance_file.exists()
    assert beside(home, "before") == beside(home, "restoring") == []


def test_the_home_before_is_moved_aside_whole(home, archive):
    before = home.tree()
    told = home.restore(archive)
    (aside,) = beside(home, "before-restore-")
    after = Home(aside).tree()
    assert {name: after[name] for name in before if not name.endswith((".db", "-shm", "-wal"))} == {
        name: data for name, data in before.items() if not name.endswith((".db", "-shm", "-wal"))
    }
    assert any(str(aside) in sentence for sentence in told) and beside(home, "restoring") == []


def test_a_backup_older_than_what_was_published_since_is_told(home, archive):
    home.seal(range(4, 9))
    told = home.restore(archive)
    assert home.entries() == 3
    assert any(sentence.startswith("The replay chain has 3 entries, but 8 were published on 28 November 2026") for sentence in told)


@pytest.mark.parametrize(("key", "present", "kept", "says"), [
    (True, True, KEY, "The key is the backup's."),
    (False, True, "another", "The key stays as it was."),
    (False, False, None, "the next start makes a new one"),
])  # fmt: skip
def test_the_key_comes_from_its_own_file_or_stays(home, archive, key, present, kept, says):
    if not key:
        archive.with_name(f"{archive.name}.key").unlink()
    home.settings.key_file.write_text("another") if present else home.settings.key_file.unlink()
    assert any(says in sentence for sentence in home.restore(archive))
    assert (home.settings.key_file.read_text() if home.settings.key_file.exists() else None) == kept


def test_the_registrys_models_are_found_after_a_restore_to_another_folder(home, migrated, tmp_path, monkeypatch):
    settings = home.settings
    shutil.copy(migrated, settings.folder / "mlflow.db")
    registry = Registry(settings.tracking_uri, settings.model_name, settings.folder / "artifacts")
    models.register(registry, tmp_path / "model")
    fetched = {path.name: path.read_bytes() for path in registry.download(1, tmp_path / "before").iterdir()}
    archive = home.back_up(tmp_path / "kept")
    shutil.rmtree(home.folder)
    monkeypatch.setenv("SOCCER_HOME", str(tmp_path / "else where"))
    other = Home(tmp_path / "else where")
    other.restore(archive)
    there = Registry(other.settings.tracking_uri, settings.model_name, other.settings.folder / "artifacts")
    assert {path.name: path.read_bytes() for path in there.download(1, tmp_path / "after").iterdir()} == fetched
    assert there.card(1, "champion")["features"] == models.signature()
    assert models.register(there, tmp_path / "second") == 2
    assert there.download(2, tmp_path / "third") and not home.folder.exists()


def test_tasks_that_waited_go_on_and_the_queue_is_filled_from_the_database(home, tmp_path):
    from workers.jobs import Jobs

    with closing(home.database) as database:
        jobs = Jobs.open(home.settings, database)
        waiting = jobs.get_model_info()
        jobs.close()
    archive = home.back_up(tmp_path / "kept")
    shutil.rmtree(home.folder)
    home.restore(archive)
    with closing(home.database) as database:
        jobs = Jobs.open(home.settings, database)
        eventually(lambda: jobs.push_due() == [waiting])  # a task that was queued just now is given a moment first
        assert jobs.queue("ml").ids() == {waiting} and TaskLedger(database).get(waiting)["status"] == "PENDING"
        jobs.close()


def test_a_database_in_use_is_copied_at_one_moment_and_its_writers_go_on(home, tmp_path):
    over, wrote = threading.Event(), []

    def write_on():
        with closing(home.database) as database:
            while not over.wait(0.002):
                with database.write() as connection:
                    seal(connection, [replace(FORECAST, match_id=1000 + len(wrote))])
                wrote.append(time.monotonic())

    writing = threading.Thread(target=write_on)
    writing.start()
    try:
        eventually(lambda: len(wrote) > 50)
        archive = home.back_up(tmp_path / "kept")
    finally:
        over.set()
        writing.join()
    assert max(later - earlier for earlier, later in itertools.pairwise(wrote)) < 5
    shutil.rmtree(home.folder)
    home.restore(archive)
    assert 50 < home.entries() <= len(wrote) + 3


def test_a_running_pipeline_is_waited_for_and_then_told(home, tmp_path, monkeypatch):
    monkeypatch.setattr(backup, "PATIENCE", 0.3)
    with locked(home.settings.folder / LOCK), pytest.raises(PipelineBusy, match="running for a minute"):
        home.back_up(tmp_path / "kept")
    monkeypatch.setattr(backup, "PATIENCE", PATIENCE)
    with locked(home.settings.folder / LOCK):
        waiting = threading.Thread(target=lambda: home.back_up(tmp_path / "kept"))
        waiting.start()
        time.sleep(0.5)
        assert not list(tmp_path.glob("kept/*.gz"))
    waiting.join(PATIENCE)
    assert list(tmp_path.glob("kept/*.gz"))


def test_no_promotion_begins_while_a_backup_is_made_nor_is_its_lease_in_it(home, tmp_path, monkeypatch):
    during = []

    def copy(path, to, copied=backup.sqlite_files.copy):
        with closing(home.database) as database:
            during.append(leases.take(database, "promotion", "somebody else", 1.0))
        copied(path, to)

    monkeypatch.setattr(backup.sqlite_files, "copy", copy)
    archive = home.back_up(tmp_path / "kept")
    assert during == [False]
    with closing(home.database) as database:
        assert leases.take(database, "promotion", "somebody else", 1.0), "afterwards it is free"
    home.restore(archive)
    with closing(home.database) as database:
        assert leases.take(database, "promotion", "a third", 1.0)


def test_a_promotion_that_does_not_end_is_told(home, tmp_path, monkeypatch):
    monkeypatch.setattr(backup, "PATIENCE", 0.3)
    with closing(home.database) as database:
        leases.take(database, "promotion", "somebody else", 60.0)
    with pytest.raises(BackupRefused, match="promotion has been under way"):
        home.back_up(tmp_path / "kept")


def test_what_is_on_servers_is_named_with_what_to_use_and_without_passwords(home, tmp_path, monkeypatch):
    monkeypatch.setenv("SOCCER_STORE_URL", "s3://bucket/soccer")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:hunter2@mlflow.here:5000")
    told = list(backup.create(home.settings, str(tmp_path / "kept")))
    missing = [sentence for sentence in told if sentence.startswith("Not in the backup")]
    assert len(missing) == 2 and "s3://bucket/soccer" in missing[1] and "http://mlflow.here" in missing[0]
    assert "hunter2" not in str(told)
    server = "postgresql://me:hunter2@db.here/soccer"
    (database,) = list(backup._elsewhere(replace(home.settings, database_url=server)))
    assert "postgresql://db.here/soccer" in database and "pg_dump" in database and "hunter2" not in database
    (archive,) = tmp_path.glob("kept/*.gz")
    assert set(missing) <= set(home.restore(archive))


@pytest.mark.parametrize("to", ["home/kept", "home/replay/x.tar.gz"])
def test_a_backup_in_its_own_home_is_refused(home, tmp_path, to):
    with pytest.raises(BackupRefused, match="lies in the home"):
        list(backup.create(home.settings, str(tmp_path / to)))


def test_an_empty_home_and_that_of_make_run_full_are_refused_and_nothing_is_made(home, tmp_path):
    with pytest.raises(BackupRefused, match="nothing to back up"):
        list(backup.create(Home(tmp_path / "empty").settings))
    assert not (tmp_path / "empty").exists() and not (tmp_path / "empty-backups").exists()
    (home.folder / "servers.json").write_text("{}")
    with pytest.raises(BackupRefused, match="run-full"):
        list(backup.create(home.settings))


def changed(archive, name, data=None):
    """The archive with another content of one member, or without it."""
    other = archive.with_name("changed.tar.gz")
    with tarfile.open(archive) as old, tarfile.open(other, "w:gz") as new:
        for member in old:
            content = old.extractfile(member).read()
            if member.name == name:
                if data is None:
                    continue
                content, member.size = data, len(data)
            new.addfile(member, io.BytesIO(content))
    return other


def with_member(archive, info, data=b""):
    other = archive.with_name("more.tar.gz")
    with tarfile.open(archive) as old, tarfile.open(other, "w:gz") as new:
        for member in old:
            new.addfile(member, old.extractfile(member))
        info.size = len(data)
        new.addfile(info, io.BytesIO(data))
    return other


def member(name, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def truncated(archive):
    other = archive.with_name("short.tar.gz")
    other.write_bytes(archive.read_bytes()[:-2000])
    return other


def test_both_timelines_and_the_choice_between_them_are_kept(home, tmp_path, monkeypatch):
    monkeypatch.setenv("SOCCER_CLOCK", "2026-03-13T12:00:00Z")  # the real timeline has none, and is there all the same
    real = Settings.of_timeline("real")
    with closing(Database(real.database_url)) as database:
        database.create()
        with database.write() as connection:
            seal(connection, [replace(FORECAST, match_id=number, timeline="real") for number in (1, 2)])
    real.arrived_file.touch()
    os.utime(real.arrived_file, (1_000_000_000, 1_000_000_000))
    real.choose("replay")
    archive = home.back_up(tmp_path / "kept")
    assert {"The replay chain in it is whole: 3 entries.", "The real chain in it is whole: 2 entries."} <= set(home.told)
    shutil.rmtree(home.folder)
    told = home.restore(archive)
    assert sum("chain is whole" in sentence for sentence in told) == 2
    assert real.choice_file.read_text() == "replay\n" and real.arrived_at.year == 2001, "since when today's matches are here"


BROKEN = {
    "absent": (lambda archive: archive.with_name("none.tar.gz"), "There is no archive"),
    "no archive": (lambda archive: archive.with_name(f"{archive.name}.key"), "is damaged or no backup"),
    "truncated": (truncated, "is damaged or no backup"),
    "a changed file": (lambda archive: changed(archive, "home/replay/documents/one.gz", b"as it was not"), "one.gz is not what was packed"),
    "a missing file": (lambda archive: changed(archive, "home/replay/soccer.db"), "soccer.db is not what was packed"),
    "no manifest": (lambda archive: changed(archive, "manifest.json"), "has no manifest"),
    "a later format": (lambda archive: changed(archive, "manifest.json", b'{"format": 2, "files": {}}'), "has format 2"),
    "one file too many": (lambda archive: with_member(archive, member("home/replay/new"), b"x"), "replay/new is not what was packed"),
    "a path outside": (lambda archive: with_member(archive, member("home/../../escaped"), b"x"), "is damaged or no backup"),
    "an absolute path": (lambda archive: with_member(archive, member("/tmp/escaped"), b"x"), "no file of a home"),
    "a link": (lambda archive: with_member(archive, member("home/link", tarfile.SYMTYPE, "/etc/passwd")), "no file of a home"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_an_archive_that_is_not_whole_is_refused_and_changes_nothing(home, archive, tmp_path, how):
    make, reason = BROKEN[how]
    broken, before = make(archive), home.tree()
    with pytest.raises(BackupRefused, match=reason):
        home.restore(broken)
    (home.folder / running.NAME).unlink(missing_ok=True)
    (home.folder / "replay" / LOCK).unlink(missing_ok=True)
    before.pop(f"replay/{LOCK}", None)
    assert home.tree() == before and beside(home, "") == [] and not list(tmp_path.rglob("escaped"))


def test_a_home_in_use_is_not_replaced(home, archive):
    with running.alone(home.folder) as held:
        held.say_address("http://127.0.0.1:8501")
        with pytest.raises(SettingsError, match=r"runs already at http://127.0.0.1:8501"):
            home.restore(archive)
    with locked(home.settings.folder / LOCK), pytest.raises(PipelineBusy, match="pipeline is running"):
        home.restore(archive)
    full = home.folder / "full"
    full.mkdir()
    with running.alone(full), pytest.raises(SettingsError, match="runs already"):
        home.restore(archive)
    assert beside(home, "") == []
    (full / "mark").touch()
    home.restore(archive)
    assert (full / "mark").exists(), "what make run-full has goes on"


STEPS = ["unpack", "_swap", "_exchange", "_carry_on"]
KILLED = """
import os, sys
from pathlib import Path
from core.settings import Settings
from workers import archive, restoring
where = archive if sys.argv[2] == "unpack" else restoring
step = getattr(where, sys.argv[2])
def die(*arguments):
    if sys.argv[3] == "after":
        step(*arguments)
    os.kill(os.getpid(), 9)
setattr(where, sys.argv[2], die)
list(restoring.restore(Settings.from_environment(), Path(sys.argv[1])))
"""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_kill_in_the_middle_leaves_the_old_home_or_the_new_one(home, archive, step, when):
    home.seal(range(4, 6))
    command = [sys.executable, "-c", KILLED, str(archive), step, when]
    done = subprocess.run(command, cwd=ROOT, env=home.environment | {"PYTHONPATH": str(ROOT)}, timeout=PATIENCE)
    assert done.returncode == -signal.SIGKILL
    assert home.entries() in (3, 5) and home.settings.key_file.read_text() == KEY
    kept = [Home(path).entries() for path in home.folder.parent.glob("home*") if (path / "replay" / "soccer.db").exists()]
    assert 5 in kept, "what was there before is never lost"
    home.restore(archive)
    assert home.entries() == 3


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere two renames do it")
def test_two_folders_change_places_in_one_step(tmp_path):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    assert restoring._exchange(tmp_path / "one", tmp_path / "other")
    assert (tmp_path / "one" / "other").exists() and (tmp_path / "other" / "one").exists()


def test_where_they_cannot_the_home_is_moved_aside_first(home, archive, monkeypatch):
    monkeypatch.setattr(restoring, "_exchange", lambda one, other: False)
    home.seal(range(4, 6))
    home.restore(archive)
    (aside,) = beside(home, "before-restore-")
    assert (home.entries(), Home(aside).entries()) == (3, 5)


def test_the_commands_say_what_they_did_or_why_not(home, tmp_path):
    def command(*arguments):
        module = [sys.executable, "-m", "workers.backup", *arguments]
        return subprocess.run(module, cwd=ROOT, env=home.environment, capture_output=True, text=True, timeout=PATIENCE)

    made = command("create", "--to", str(tmp_path / "kept"))
    assert (made.returncode, made.stderr) == (0, "") and made.stdout.startswith(f"The backup is {tmp_path}/kept/soccer-backup-")
    refused = command("restore", "--from", str(tmp_path / "none.tar.gz"))
    assert (refused.returncode, refused.stdout) == (1, "") and refused.stderr.startswith("There is no archive ")
    restored = command("restore", "--from", str(next((tmp_path / "kept").glob("*.gz"))))
    assert restored.returncode == 0 and "The replay chain is whole: 3 entries" in restored.stdout, restored.stderr


def test_a_note_of_the_pipeline_and_the_schema_survive(home, archive):
    with closing(home.database) as database:
        pipeline_log.note(database, "later", "yes")
    home.restore(archive)
    with closing(home.database) as database:
        assert pipeline_log.noted(database, "later") is None
    with closing(sqlite3.connect(home.settings.folder / "soccer.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_a_home_backed_up_while_it_serves_and_then_deleted_serves_again_with_all_that_was_recorded(tmp_path):
    project = SmallProject(tmp_path)
    for name in ("pages", ".streamlit"):
        shutil.copytree(ROOT / name, project.root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "app.py", project.root)
    assert project.run().code == 0
    app = Installation(project.root, SOCCER_HOME=str(project.home), SOCCER_CLOCK=CLOCK).start()
    place = project.place()
    Promotions(place.database, open_registry(place)).promote(2, "It forecasts better.", 1, who="a test")
    place.database.close()
    before = recorded(project)
    made = subprocess.run(
        [sys.executable, "-m", "workers.backup", "create", "--to", str(tmp_path / "kept")],
        cwd=project.root, env=app.environment, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    project.home.rename(tmp_path / "gone")  # in one step: what is written while a folder is deleted file by file stays in it
    shutil.rmtree(tmp_path / "gone")
    until_status(app, 503)
    app.stop()
    assert not project.home.exists()
    (archive,) = (tmp_path / "kept").glob("*.gz")
    restored = subprocess.run(
        [sys.executable, "-m", "workers.backup", "restore", "--from", str(archive)],
        cwd=project.root, env=app.environment, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert restored.returncode == 0, restored.stderr
    assert "The replay chain is whole: 420 entries" in restored.stdout
    assert recorded(project) == before
    app.start()
    assert "the pipeline runs first" not in app.log.read_text()
    second = project.run()
    assert second.code == 0, second.err[-2000:]
    assert second.stages[0] == "instance" and "register" in second.stages, "the stages with effects are done again"
    after = recorded(project)
    assert (after["aliases"]["champion"], after["audit"]) == (2, before["audit"]) and after["chain"][0] is None
    assert after["entries"] >= before["entries"] and after["versions"] == before["versions"], "and nothing was registered twice"
    assert app.stop() == 0


def recorded(project):
    """What must survive: aliases, the published batch, decisions and the chain."""
    place = project.place()
    registry = open_registry(place)
    with closing(place.database) as database, database.read() as connection:
        return {
            "aliases": registry.aliases(),
            "versions": [version for version in range(1, 9) if has_version(registry, version)],
            "batch": project.pointer(),
            "audit": [dict(row, metrics=None) for row in logbook.decisions(database)],
            "chain": (verify(connection), connection.exec_driver_sql("SELECT value FROM meta WHERE name = 'chain:replay'").scalar()),
            "entries": connection.exec_driver_sql("SELECT count(*) FROM forecasts").scalar(),
            "key": project.place().settings.key_file.read_text(),
        }


def has_version(registry, version):
    try:
        return bool(registry.card(version, ""))
    except AliasMissing:
        return False


def until_status(app, status):
    def answers():
        try:
            return urllib.request.urlopen(app.address + "/readyz", timeout=10).status == status
        except urllib.error.HTTPError as answer:
            return answer.code == status

    eventually(answers, seconds=20)
