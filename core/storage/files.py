"""The door to the store: keys and bytes, in a folder or in an S3 bucket."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from core.errors import FileMissing, SettingsError, StorageError, StoreUnavailable

# Names the published batch; it is written last.
POINTER = "batch/current.json"


class Place(Protocol):
    """What a folder and a bucket have in common. `failures` are the errors by which it says that it does not answer."""

    failures: tuple[type[Exception], ...]

    def read(self, key: str) -> bytes: ...
    def write(self, key: str, data: bytes) -> None: ...
    def exists(self, key: str) -> bool: ...
    def list(self, prefix: str) -> list[str]: ...
    def stamp(self, key: str) -> str | None: ...
    def written_at(self, key: str) -> datetime: ...
    def remove(self, prefix: str) -> None: ...
    def clear_parts(self, before: datetime) -> None: ...
    def location(self, key: str) -> str: ...
    def describe(self) -> str: ...


class Store:
    """Whole files under keys such as `batch/current.json`. A reader sees the old bytes or the new ones, never a mixture.

    Raises FileMissing where nothing is stored under a key, and StoreUnavailable where the folder or the service fails.
    """

    def __init__(self, place: Place) -> None:
        self._place = place

    @classmethod
    def open(cls, url: str, endpoint: str | None = None) -> Store:
        """The store at an `s3://bucket/prefix`, or in a folder (a path or a `file://` URL). Makes and reads nothing yet.

        SettingsError without an address: that would be whatever folder the process happens to work in.
        """
        if not url:
            raise SettingsError("SOCCER_STORE_URL is empty. Give a folder or s3://bucket/prefix, or unset it.")
        if url.startswith("s3://"):
            return cls(Bucket(url, endpoint))
        return cls(Folder(Path(url.removeprefix("file://"))))

    def read(self, key: str) -> bytes:
        with self._words(key):
            return self._place.read(key)

    def write(self, key: str, data: bytes) -> None:
        """Store `data` under `key`, whole or not at all."""
        with self._words(key, missing=StoreUnavailable):
            self._place.write(key, data)

    def exists(self, key: str) -> bool:
        with self._words(key):
            return self._place.exists(key)

    def list(self, prefix: str = "") -> list[str]:
        """Every key below the folder `prefix`, sorted, asked anew each time; none is no error."""
        with self._words(prefix):
            return sorted(self._place.list(prefix))

    def stamp(self, key: str) -> str | None:
        """A text that differs when the file was written again; None where there is none."""
        with self._words(key):
            return self._place.stamp(key)

    def written_at(self, key: str) -> datetime:
        """When the file was last written, by the store's own clock; aware, UTC."""
        with self._words(key):
            return self._place.written_at(key)

    def remove(self, prefix: str) -> None:
        """Remove a key, or all keys below a folder; none is no error."""
        with self._words(prefix):
            self._place.remove(prefix)

    def clear_parts(self, before: datetime) -> None:
        """Remove what was begun and not finished, and not touched since: a process that is killed leaves it in a folder."""
        with self._words(""):
            self._place.clear_parts(before)

    def location(self, key: str) -> str:
        """Where this key is, as a person would look for it."""
        return self._place.location(key)

    def describe(self) -> str:
        """`a folder` or `S3 bucket x`, for people."""
        return self._place.describe()

    @contextmanager
    def _words(self, key: str, missing: type[StorageError] = FileMissing) -> Iterator[None]:
        try:
            yield
        except self._place.failures as error:
            where = self.location(key)
            if missing is FileMissing and isinstance(error, FileNotFoundError | IsADirectoryError):
                raise FileMissing(f"There is no {where} yet. Run `make pipeline` to make it.") from error
            # Only the kind of failure: a message of botocore may repeat a header of the request.
            reason = "access is refused" if isinstance(error, PermissionError) else getattr(error, "strerror", None) or type(error).__name__
            raise StoreUnavailable(
                f"The store ({self.describe()}) does not answer for {where}: {reason}. Check SOCCER_STORE_URL."
            ) from error


class Folder:
    """Files below one folder, written under a temporary name and renamed."""

    failures: tuple[type[Exception], ...] = (OSError,)

    def __init__(self, root: Path) -> None:
        self._root = root.expanduser().absolute()

    def read(self, key: str) -> bytes:
        return (self._root / key).read_bytes()

    def write(self, key: str, data: bytes) -> None:
        path = self._root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise

    def exists(self, key: str) -> bool:
        return (self._root / key).is_file()

    def list(self, prefix: str) -> list[str]:
        found = (self._root / prefix).rglob("*")
        # A leading dot marks what is not whole yet.
        return [path.relative_to(self._root).as_posix() for path in found if path.is_file() and not path.name.startswith(".")]

    def stamp(self, key: str) -> str | None:
        try:
            found = (self._root / key).stat()
        except FileNotFoundError:
            return None
        return f"{found.st_mtime_ns}-{found.st_size}-{found.st_ino}"

    def written_at(self, key: str) -> datetime:
        return datetime.fromtimestamp((self._root / key).stat().st_mtime, UTC)

    def remove(self, prefix: str) -> None:
        path = self._root / prefix
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def clear_parts(self, before: datetime) -> None:
        for path in self._root.rglob(".*.part"):
            with suppress(FileNotFoundError):  # another process was first
                if path.stat().st_mtime < before.timestamp():
                    path.unlink()

    def location(self, key: str) -> str:
        return str(self._root / key)

    def describe(self) -> str:
        return "a folder"


class Bucket:
    """Objects below `s3://bucket/prefix`. A put is whole or not at all, so no temporary name is needed."""

    def __init__(self, url: str, endpoint: str | None) -> None:
        import aiohttp
        import tenacity
        from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]
        from s3fs.core import S3FileSystem

        self.failures: tuple[type[Exception], ...] = (OSError, BotoCoreError, ClientError, aiohttp.ClientError)
        # Some services cut an answer off when the object is written again meanwhile.
        self._again_if_cut_off = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(aiohttp.ClientPayloadError),
            stop=tenacity.stop_after_attempt(5),
            wait=tenacity.wait_random_exponential(0.05, 1),
            reraise=True,
        )
        self._root = url.removeprefix("s3://").strip("/")
        # s3fs keeps listings for ever unless told not to. Services beside AWS compute no checksums of ranges,
        # and botocore by default refuses answers without them.
        self._files: Any = S3FileSystem(
            endpoint_url=endpoint,
            client_kwargs={"region_name": os.environ.get("AWS_REGION")},
            use_listings_cache=False,
            skip_instance_cache=True,
            config_kwargs={
                "connect_timeout": 5,
                "read_timeout": 10,
                "retries": {"total_max_attempts": 3},
                "request_checksum_calculation": "when_required",
                "response_checksum_validation": "when_required",
            },
        )
        self._files.retries = 1  # botocore's three attempts are enough: a store that hangs is to be told of, not waited for

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}".rstrip("/")

    def read(self, key: str) -> bytes:
        # In one piece: the ranges of a large object, asked side by side, may be of two versions.
        data: bytes = self._again_if_cut_off(self._files.cat_file, self._path(key), max_concurrency=1)
        return data

    def write(self, key: str, data: bytes) -> None:
        self._files.pipe_file(self._path(key), data)

    def exists(self, key: str) -> bool:
        return self.stamp(key) is not None

    def list(self, prefix: str) -> list[str]:
        return [path[len(self._root) + 1 :] for path in self._files.find(self._path(prefix))]

    def stamp(self, key: str) -> str | None:
        try:
            found = self._files.info(self._path(key), refresh=True)
        except FileNotFoundError:
            return None
        return None if found["type"] == "directory" else f"{found['ETag']}-{found['LastModified']}-{found['size']}"

    def written_at(self, key: str) -> datetime:
        moment: datetime = self._files.info(self._path(key), refresh=True)["LastModified"]
        return moment.astimezone(UTC)

    def remove(self, prefix: str) -> None:
        with suppress(FileNotFoundError):
            self._files.rm(self._path(prefix), recursive=True)

    def clear_parts(self, before: datetime) -> None:
        """None are there: a put that was cut off leaves nothing."""

    def location(self, key: str) -> str:
        return f"s3://{self._path(key)}"

    def describe(self) -> str:
        return f"S3 bucket {self._root.partition('/')[0]}"
