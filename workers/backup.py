"""`make backup` and `make restore`: everything that a home needs to go on, in one archive, also while the app runs.

python -m workers.backup create [--to FOLDER_OR_FILE]
python -m workers.backup restore --from ARCHIVE
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from core.clock import iso, real_now
from core.errors import BackupRefused, PipelineBusy, SoccerPredictError
from core.serving import stage_file
from core.settings import TIMELINES, Settings
from core.storage import forecast_chain, sqlite_files
from core.storage.database import Database
from workers import archive, restoring
from workers.locking import LOCK, locked

PATIENCE = 60.0  # seconds that a running pipeline, or a promotion, is waited for
ASK_EVERY = 0.5
SQLITE = "sqlite:///"
# Of a timeline's folder not needed: the lock, logs, work files that the next run makes anew, and the queue, which the database fills.
LEFT_OUT = (LOCK, "log", "logs", "workspace", "queue.db")
BESIDE = ("-wal", "-shm", "-journal", ".bell", ".part")


def main(arguments: list[str] | None = None) -> int:
    """0 when it went well, 1 after a sentence about what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m workers.backup", description="Back a home up, or restore one.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("create").add_argument("--to", default="", help="a folder, or the archive's name; default: <SOCCER_HOME>-backups")
    commands.add_parser("restore").add_argument("--from", dest="archive", required=True, help="the archive")
    asked = parser.parse_args(arguments)
    try:
        settings = Settings.from_environment()
        told = create(settings, asked.to) if asked.command == "create" else restoring.restore(settings, Path(asked.archive).expanduser())
        for sentence in told:
            print(sentence, flush=True)
    except SoccerPredictError as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    return 0


def create(settings: Settings, to: str = "") -> Iterator[str]:
    """Make an archive and the file of the key beside it; yields what to tell of it."""
    parts = _parts(settings.home)
    target = _target(settings.home, to)
    with ExitStack() as held:
        for part in parts:
            _hold(held, part)
        manifest = _packed(settings.home, parts, target)
    yield f"The backup is {target} ({target.stat().st_size / 1e6:,.1f} MB, {len(manifest['files']):,} files)."
    yield from (said["sentence"] for said in manifest["timelines"].values() if said)
    yield _keep_key(settings, target)
    yield from manifest["not_held"]


def _parts(home: Path) -> list[Settings]:
    """The settings of each timeline that has anything in this home; BackupRefused when none has."""
    if (home / "servers.json").is_file():
        raise BackupRefused(f"{home} belongs to `make run-full`, whose data are in its own servers. Stop it and copy the folder.")
    parts = [Settings.of_timeline(timeline) for timeline in TIMELINES if (home / timeline).is_dir()]
    if not any(any(_kept(part.folder)) for part in parts):
        raise BackupRefused(f"There is nothing to back up in {home}. `make run` fills it; SOCCER_HOME names another folder.")
    return parts


def _packed(home: Path, parts: list[Settings], target: Path) -> dict[str, Any]:
    """Write the archive; its manifest. The caller holds the locks."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".soccer-backup-") as scratch:
        copied = _copy_databases(home, parts, Path(scratch))
        about = {part.timeline: _chain(part, copied, home) for part in parts}
        missing = [sentence for part in parts for sentence in _elsewhere(part)]
        head = {"made_at": iso(real_now()), "home": str(home), "timelines": about, "not_held": missing}
        return archive.pack(target, _files(home, parts, copied), head)


def _target(home: Path, to: str) -> Path:
    """The archive's name: in the folder `to`, or `to` itself; without either, in a folder beside the home."""
    name = f"soccer-backup-{real_now():%Y%m%dT%H%M%SZ}.tar.gz"
    given = Path(to).expanduser().absolute() if to else home.with_name(f"{home.name}-backups") / name
    target = given if given.name.endswith((".tar.gz", ".tgz")) else given / name
    if target.resolve().is_relative_to(home.resolve()):
        raise BackupRefused(f"{target} lies in the home, and would be lost with it. Name a folder outside {home}: TO=/folder.")
    if target.exists():
        raise BackupRefused(f"{target} is there already. Name another file, or a folder: TO=/folder.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BackupRefused(f"The folder {target.parent} cannot be made ({error.strerror}). Name another: TO=/folder.") from error
    if not os.access(target.parent, os.W_OK):
        raise BackupRefused(f"The folder {target.parent} cannot be written. Name another: TO=/folder.")
    return target


def _hold(held: ExitStack, part: Settings) -> None:
    """Keep the pipeline and promotions of this timeline from starting, so that database, registry and store belong together."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            held.enter_context(locked(part.folder / LOCK))
            break
        except PipelineBusy:
            if time.monotonic() > until:
                raise PipelineBusy("The pipeline has been running for a minute. Back up when it has ended; Operations shows it.") from None
            time.sleep(ASK_EVERY)
    if _inside(part.home, part.database_url) or not part.database_url.startswith(SQLITE):
        held.enter_context(_promotions_held(part))


@contextmanager
def _promotions_held(part: Settings) -> Iterator[None]:
    with closing(Database(part.database_url, must_exist=True)) as database, stage_file.held(database, PATIENCE) as mine:
        if not mine:
            raise BackupRefused("A promotion has been under way for a minute. Back up when it has ended.")
        yield


def _files(home: Path, parts: list[Settings], copied: dict[str, Path]) -> Iterator[tuple[str, Path]]:
    yield from ((name, home / name) for name in ("instance_id", "timeline") if (home / name).is_file())
    for part in parts:
        for path in _kept(part.folder):
            name = path.relative_to(home).as_posix()
            yield name, copied.get(name, path)


def _kept(folder: Path, left_out: Sequence[str] = LEFT_OUT) -> Iterator[Path]:
    """The files below a timeline's folder that it needs to go on, in a steady order. Links and pipes are none."""
    for path in sorted(folder.iterdir()):
        if path.name in left_out or path.name.startswith(".") or path.name.endswith(BESIDE) or path.is_symlink():
            continue
        if path.is_dir():
            yield from _kept(path, ())
        elif path.is_file():
            yield path


def _copy_databases(home: Path, parts: list[Settings], scratch: Path) -> dict[str, Path]:
    """Every SQLite file of the home, copied at one moment each, by its name below the home."""
    copied = {}
    for part in parts:
        for path in _kept(part.folder):
            if path.suffix == ".db" and sqlite_files.is_sqlite(path):
                name = path.relative_to(home).as_posix()
                copied[name] = scratch / name
                sqlite_files.copy(path, copied[name])
    return copied


def _chain(part: Settings, copied: dict[str, Path], home: Path) -> dict[str, Any] | None:
    """The end of the chain in the copied database, as {digest, entries, problem, sentence}; None where it is on a server."""
    database_file = _inside(home, part.database_url)
    copy = copied.get(database_file or "")
    if copy is None:
        return None
    sqlite_files.forget_leases(copy)
    with closing(Database(f"{SQLITE}{copy}", must_exist=True)) as database, database.consistent() as connection:
        found = {chain.timeline: chain for chain in forecast_chain.inspect(connection)}.get(part.timeline)
    if found is None:
        return {"digest": forecast_chain.FIRST, "entries": 0, "problem": None, "sentence": f"The {part.timeline} chain has no entries yet."}
    sentence = found.problem or f"The {part.timeline} chain in it is whole: {found.entries:,} entries."
    return {"digest": found.digest, "entries": found.entries, "problem": found.problem, "sentence": sentence}


def _keep_key(settings: Settings, target: Path) -> str:
    key = target.with_name(f"{target.name}.key")
    if not settings.key_file.is_file():
        return "There is no key file in the home; FASTAPI_HEADER_TOKEN is not backed up."
    with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(settings.key_file.read_text(encoding="utf-8"))
    return f"The API's key is not in it, but in {key}: keep that file as a secret."


def _inside(home: Path, address: str) -> str | None:
    """The name below the home of a SQLite file or a folder; None for a server, or a place elsewhere."""
    path = Path(address.removeprefix(SQLITE).removeprefix("file://"))
    return path.relative_to(home).as_posix() if path.is_relative_to(home) else None


def _elsewhere(part: Settings) -> Iterator[str]:
    """What this timeline has outside its home, and what to back that up with; never a password."""
    home, which = part.home, f"The {part.timeline} timeline's"
    if not _inside(home, part.database_url):
        yield f"Not in the backup: {which} database, {_named(part.database_url)}. {_database_advice(part.database_url)}"
    if not _inside(home, part.tracking_uri):
        yield f"Not in the backup: {which} model registry, {_named(part.tracking_uri)}. Back up that server's database and artefacts."
    if not _inside(home, part.store_url):
        yield f"Not in the backup: {which} store, {_named(part.store_url)}. Use versions of the bucket, or copy it (aws s3 sync)."


def _database_advice(url: str) -> str:
    if url.startswith(SQLITE):
        return "Copy that file with sqlite3's .backup."
    return "Use pg_dump, and pg_restore into an empty database."


def _named(address: str) -> str:
    if "://" not in address or address.startswith(SQLITE):
        return address.removeprefix(SQLITE)
    found = urlsplit(address)
    return f"{found.scheme}://{found.hostname or ''}{found.path}"


if __name__ == "__main__":
    sys.exit(main())
