"""Put a backup in the place of a home. The home before is moved aside, and nothing is lost."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

from core.clock import real_now
from core.errors import BackupRefused
from core.settings import TIMELINES, Settings
from core.storage import chain_check, forecast_chain, sqlite_files
from core.storage.database import Database
from core.storage.files import Store
from workers import archive, running
from workers.archive import Manifest
from workers.locking import LOCK, locked

SQLITE = "sqlite:///"
AT_FDCWD, RENAME_EXCHANGE = -100, 2
# Not in a backup, and no part of what is restored: it goes on in the new home.
CARRIED = ("full",)


def restore(settings: Settings, file: Path) -> Iterator[str]:
    """Restore an archive into the home of the settings; yields what to tell of it.

    BackupRefused, SettingsError or PipelineBusy before anything is touched.
    """
    home = settings.home
    _refuse(home)
    stamp = f"{real_now():%Y%m%dT%H%M%S%fZ}"
    staging, aside = (home.with_name(f"{home.name}.{what}-{stamp}") for what in ("restoring", "before-restore"))
    with ExitStack() as held:
        if home.is_dir():
            held.enter_context(running.alone(home))
            held.enter_context(locked(*(home / timeline / LOCK for timeline in TIMELINES if (home / timeline).is_dir())))
        manifest, key = _prepared(file, staging, home)
        moved = _swap(staging / archive.HOME, home, aside)
        shutil.rmtree(staging, ignore_errors=True)
        _carry_on(aside, home)
    yield f"Restored {file}, made {manifest.get('made_at')}, to {home}."
    yield f"The home before is {aside}; delete it when you no longer need it." if moved else f"There was no {home} before."
    yield key
    yield from _chains(settings, aside)
    yield from manifest.get("not_held", ())
    yield "The first run of the pipeline does every stage again. `make run` starts the app."


def _refuse(home: Path) -> None:
    for place in (home, *(home / name for name in CARRIED)):
        running.refuse_second(place)
    if os.path.ismount(home):
        raise BackupRefused(
            f"{home} is a mount point, which cannot be moved aside. Set SOCCER_HOME to a new folder in it, and restore there."
        )
    if home.is_symlink():
        raise BackupRefused(f"{home} is a link. Set SOCCER_HOME to the folder that it leads to, {home.resolve()}, and restore there.")


def _prepared(file: Path, staging: Path, home: Path) -> tuple[Manifest, str]:
    """The new home, whole, beside the present one; its manifest, and what became of the key. Nothing is left of it when that fails."""
    try:
        staging.mkdir(parents=True)
        manifest = archive.unpack(file, staging)
        made = staging / archive.HOME
        made.mkdir(exist_ok=True)
        # Work files in the project may be newer than this database: with another id the pipeline does every stage again.
        (made / "instance_id").unlink(missing_ok=True)
        for registry in made.glob("*/mlflow.db"):
            sqlite_files.relocate_artefacts(registry, Path(str(manifest["home"])), home)
        return manifest, _put_key(file, made, home)
    except OSError as error:
        shutil.rmtree(staging, ignore_errors=True)
        raise BackupRefused(f"The backup cannot be unpacked beside {home} ({error.strerror}). Nothing was changed.") from error
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def _put_key(file: Path, made: Path, home: Path) -> str:
    for source, says in ((file.with_name(f"{file.name}.key"), "The key is the backup's."), (home / "api_key", "The key stays as it was.")):
        if source.is_file():
            with os.fdopen(os.open(made / "api_key", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as key:
                key.write(source.read_bytes())
            return says
    return "There was no key beside the archive nor in the home: the next start makes a new one."


def _swap(made: Path, home: Path, aside: Path) -> bool:
    """Put the new home in place, and the present one aside; False when there was none.

    On Linux both change places in one step, so that a kill leaves the one or the other, whole.
    """
    if not home.exists():
        made.rename(home)
        return False
    made = made.rename(made.parent.with_name(made.parent.name + "-home"))  # out of the staging folder, which goes
    if _exchange(made, home):
        made.rename(aside)
    else:
        home.rename(aside)
        made.rename(home)
    return True


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders change places in one step; False where the system or the file system cannot."""
    if sys.platform != "linux":
        return False
    with suppress(AttributeError, OSError):
        swap = ctypes.CDLL(None, use_errno=True).renameat2
        return bool(swap(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE) == 0)
    return False


def _carry_on(aside: Path, home: Path) -> None:
    for name in CARRIED:
        if (aside / name).is_dir():
            (aside / name).rename(home / name)


def _chains(settings: Settings, aside: Path) -> Iterator[str]:
    """How long each restored chain is, and whether one ends before what was published, here or in the home before."""
    for timeline in TIMELINES:
        part = Settings.of_timeline(timeline)
        path = Path(part.database_url.removeprefix(SQLITE))
        if not part.database_url.startswith(SQLITE) or not path.is_file():
            continue
        with closing(Database(part.database_url, must_exist=True)) as database:
            database.create()
            check = chain_check.run(database, Store.open(part.store_url, part.s3_endpoint))
            yield check.sentence(timeline)
            before = chain_check.published_head(Store.open(str(aside / timeline / "store")))
            if before is not None and check.problem is None:
                with database.consistent() as connection:
                    older = forecast_chain.verify(connection, before)
                yield from () if older is None else (older,)
