"""Object store for picture files: a local folder, or any store that fsspec supports, such as S3."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Protocol

import fsspec
from servicekit.errors import Kind, ServiceError

PROBE = ".writable"
# The temporary file of a write: its name and a random number.
UNFINISHED = re.compile(r"\..+\.[0-9a-f]{8}")


class ObjectStore(Protocol):
    """Files by key, a relative path. Writes are atomic: a reader sees the complete file or none."""

    def open(self, key: str) -> tuple[IO[bytes], int]:
        """A seekable stream, and its length in bytes.

        Raises:
            FileNotFoundError: there is no such file.
        """

    def write(self, key: str, content: bytes, durable: bool = True) -> None:
        """Write a file.

        Args:
            key: its key.
            content: the whole file.
            durable: whether it has to survive a power failure; otherwise it may be empty after one.
        """

    def exists(self, key: str) -> bool: ...
    def delete(self, key: str) -> None: ...
    def names(self, folder: str) -> list[str]:
        """Names of the files and folders directly in a folder, sorted."""

    def leftovers(self, folder: str) -> list[str]:
        """Names of the files directly in a folder that interrupted writes left behind."""

    def age_s(self, key: str) -> float:
        """Seconds since a file was written.

        Raises:
            FileNotFoundError: there is no such file.
        """

    def check(self) -> str:
        """Test by a write that the store is writable; the status text for `/readyz`."""

    def free_bytes(self) -> int | None:
        """Room for more files; None where there is no telling."""


def store_at(place: str) -> ObjectStore:
    """The store for a folder path or a URL.

    Raises:
        ServiceError: fsspec does not know the URL's scheme, or the package for it is not installed.
    """
    if "://" not in place:
        return FolderStore(Path(place))
    try:
        return FsspecStore(*fsspec.url_to_fs(place))
    except (ImportError, ValueError) as error:
        raise ServiceError(Kind.INTERNAL, f"GATEWAY_MEDIA: {place}: {error}") from error


class FolderStore:
    """A local folder; written files survive a power failure (fsync)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, key: str) -> tuple[IO[bytes], int]:
        """See `ObjectStore`."""
        stream = (self._folder / key).open("rb")
        return stream, os.fstat(stream.fileno()).st_size

    def write(self, key: str, content: bytes, durable: bool = True) -> None:
        """See `ObjectStore`.

        Raises:
            ServiceError: the file cannot be written, usually since the disk is full.
        """
        path = self._folder / key
        try:
            write(path, content, durable)
        except OSError as error:
            raise no_room(error) from error

    def exists(self, key: str) -> bool:
        """Whether the file is there."""
        return (self._folder / key).exists()

    def delete(self, key: str) -> None:
        """Remove a file, if it is there."""
        (self._folder / key).unlink(missing_ok=True)

    def names(self, folder: str) -> list[str]:
        """See `ObjectStore`."""
        path = self._folder / folder
        return sorted(p.name for p in path.iterdir() if not p.name.startswith(".")) if path.exists() else []

    def leftovers(self, folder: str) -> list[str]:
        """See `ObjectStore`."""
        path = self._folder / folder
        return sorted(p.name for p in path.iterdir() if UNFINISHED.fullmatch(p.name)) if path.exists() else []

    def age_s(self, key: str) -> float:
        """See `ObjectStore`."""
        return time.time() - (self._folder / key).stat().st_mtime

    def check(self) -> str:
        """See `ObjectStore`.

        Raises:
            OSError: the folder cannot be written to.
        """
        write(self._folder / PROBE, b"")
        return f"{shutil.disk_usage(self._folder).free / 2**30:.1f} GiB free for pictures"

    def free_bytes(self) -> int | None:
        """See `ObjectStore`."""
        return shutil.disk_usage(self._folder).free if self._folder.exists() else None


class FsspecStore:
    """A store behind fsspec; object stores write a file atomically."""

    def __init__(self, store: Any, root: str) -> None:
        self._store, self._root = store, root.rstrip("/")

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}"

    def open(self, key: str) -> tuple[IO[bytes], int]:
        """See `ObjectStore`."""
        stream: IO[bytes] = self._store.open(self._path(key), "rb")
        return stream, int(self._store.size(self._path(key)))

    def write(self, key: str, content: bytes, durable: bool = True) -> None:
        """See `ObjectStore`."""
        # File systems need the folder first; object stores ignore this.
        self._store.makedirs(self._path(key).rpartition("/")[0], exist_ok=True)
        try:
            self._store.pipe_file(self._path(key), content)
        except OSError as error:
            raise no_room(error) from error

    def exists(self, key: str) -> bool:
        """Whether the file is there."""
        return bool(self._store.exists(self._path(key)))

    def delete(self, key: str) -> None:
        """Remove a file, if it is there."""
        try:
            self._store.rm_file(self._path(key))
        except FileNotFoundError:
            return

    def names(self, folder: str) -> list[str]:
        """See `ObjectStore`."""
        try:
            return sorted(str(p).rpartition("/")[2] for p in self._store.ls(self._path(folder), detail=False))
        except FileNotFoundError:
            return []
        finally:
            # s3fs keeps a listing for ever, and takes what it lacks for missing.
            self._store.invalidate_cache(self._path(folder))

    def leftovers(self, folder: str) -> list[str]:
        """None: an interrupted write leaves nothing that can be seen."""
        return []

    def age_s(self, key: str) -> float:
        """See `ObjectStore`."""
        written: datetime = self._store.modified(self._path(key))
        return (datetime.now(UTC) - written.replace(tzinfo=written.tzinfo or UTC)).total_seconds()

    def check(self) -> str:
        """See `ObjectStore`."""
        self.write(PROBE, b"")
        return f"{self._store.unstrip_protocol(self._root)} can be written to"

    def free_bytes(self) -> int | None:
        """None: such a store does not tell."""
        return None


def no_room(error: OSError) -> ServiceError:
    """The client's error for a failed write."""
    return ServiceError(Kind.NO_SPACE, f"the picture cannot be kept: {error.strerror or error}")


def write(path: Path, content: bytes, durable: bool = True) -> None:
    """Write a file atomically, by a temporary file; durably with fsync of the file and of the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    building = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with building.open("wb") as stream:
            stream.write(content)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        os.replace(building, path)
        if not durable:
            return
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        building.unlink(missing_ok=True)
