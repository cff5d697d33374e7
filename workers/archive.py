"""One archive of a home: every file with its digest in `manifest.json`, the last member.

The manifest comes last because each digest is of the bytes that were packed, also where a file is replaced meanwhile.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any, Protocol

from core.errors import BackupRefused

MANIFEST = "manifest.json"
HOME = "home"  # the folder in the archive
FORMAT = 1
CHUNK = 1 << 20

Manifest = dict[str, Any]


class Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class Digested:
    """A file that is read once; its digest is then of exactly these bytes."""

    def __init__(self, file: Readable) -> None:
        self._file, self._digest, self.size = file, hashlib.sha256(), 0

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size)
        self._digest.update(data)
        self.size += len(data)
        return data

    @property
    def facts(self) -> dict[str, Any]:
        return {"sha256": self._digest.hexdigest(), "size": self.size}


def pack(to: Path, files: Iterable[tuple[str, Path]], manifest: Mapping[str, Any]) -> Manifest:
    """Write an archive, whole or not at all, readable by its owner only; the manifest as written.

    `files`: (name below the home, file), packed as they are now.
    """
    part = to.with_name(f".{to.name}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as raw:
            with tarfile.open(fileobj=raw, mode="w:gz", compresslevel=6, dereference=True) as tar:
                packed = {name: _add(tar, f"{HOME}/{name}", path) for name, path in files}
                whole = {"format": FORMAT, **manifest, "files": packed}
                _add_manifest(tar, whole)
            raw.flush()
            os.fsync(raw.fileno())
        part.replace(to)
    except OSError as error:
        raise BackupRefused(f"The backup cannot be written to {to.parent} ({error.strerror}). Name another folder: TO=/folder.") from error
    finally:
        part.unlink(missing_ok=True)
    return whole


def _add(tar: tarfile.TarFile, name: str, path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        info = tar.gettarinfo(arcname=name, fileobj=file)
        info.uid, info.gid, info.uname, info.gname, info.mode = 0, 0, "", "", 0o644
        digested = Digested(file)
        tar.addfile(info, digested)
    return digested.facts


def _add_manifest(tar: tarfile.TarFile, manifest: Manifest) -> None:
    data = json.dumps(manifest, indent=1, sort_keys=True).encode()
    info = tarfile.TarInfo(MANIFEST)
    info.size, info.mode = len(data), 0o644
    tar.addfile(info, io.BytesIO(data))


def unpack(archive: Path, folder: Path) -> Manifest:
    """Unpack the home into `folder`, which is new, and check every file against the manifest; returns that.

    BackupRefused when the archive is damaged, was changed, is none of ours, or names a file outside the folder.
    """
    if not hasattr(tarfile, "data_filter"):
        raise BackupRefused("This Python cannot check archives. Update it: 3.11.4, 3.12 or newer.")
    if not archive.is_file():
        raise BackupRefused(f"There is no archive {str(archive)!r}. Name one: make restore FROM=/folder/soccer-backup-....tar.gz")
    try:
        with tarfile.open(archive, "r:gz") as tar:
            found, manifest = _unpacked(tar, folder)
    except (tarfile.TarError, EOFError, zlib.error, OSError, UnicodeDecodeError) as error:
        raise BackupRefused(f"{archive} is damaged or no backup ({_short(error)}). Nothing was changed; take another backup.") from error
    return _checked(archive, found, manifest)


def _unpacked(tar: tarfile.TarFile, folder: Path) -> tuple[dict[str, Any], Any]:
    found: dict[str, Any] = {}
    manifest: Any = None
    for member in tar:
        if member.name == MANIFEST:
            manifest = _read_manifest(tar.extractfile(member))
        elif not member.isfile() or not member.name.startswith(f"{HOME}/"):
            raise tarfile.ReadError(f"{member.name[:100]} is no file of a home")
        else:
            tar.extract(member, folder, filter="data")
            found[member.name.removeprefix(f"{HOME}/")] = _facts(folder / member.name)
    return found, manifest


def _read_manifest(file: IO[bytes] | None) -> Any:
    try:
        return None if file is None else json.loads(file.read())
    except ValueError as error:
        raise tarfile.ReadError("its manifest cannot be read") from error


def _facts(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digested = Digested(file)
        while digested.read(CHUNK):
            pass
    return digested.facts


def _checked(archive: Path, found: Mapping[str, Any], manifest: Any) -> Manifest:
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        raise BackupRefused(f"{archive} has no manifest, so it is no whole backup. Nothing was changed; take another one.")
    if manifest.get("format") != FORMAT:
        raise BackupRefused(f"{archive} has format {manifest.get('format')!r}; this version restores {FORMAT}. Take the matching version.")
    wrong = sorted(name for name in {*found, *manifest["files"]} if found.get(name) != manifest["files"].get(name))
    if wrong:
        raise BackupRefused(f"{archive} was changed or is damaged: {wrong[0]} is not what was packed. Nothing was changed here.")
    return manifest


def _short(error: BaseException) -> str:
    return (str(error) or type(error).__name__)[:200]
