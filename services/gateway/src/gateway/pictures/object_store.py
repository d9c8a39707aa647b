"""The object store of the media: a local folder, or any store that fsspec supports, such as S3."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path
from typing import IO, Any, Protocol

import fsspec
from servicekit.errors import Kind, ServiceError

PROBE = ".writable"


class ObjectStore(Protocol):
    """Files by key, a relative path. Writes are atomic: a reader sees the whole file or none."""

    def open(self, key: str) -> tuple[IO[bytes], int]:
        """A stream that can be sought in, and its length in bytes.

        Raises:
            FileNotFoundError: there is no such file.
        """

    def write(self, key: str, content: bytes) -> None: ...
    def exists(self, key: str) -> bool: ...
    def delete(self, key: str) -> None: ...
    def names(self, folder: str) -> list[str]:
        """Names of the files right below a folder."""

    def check(self) -> str:
        """A sentence about the store, after writing to it."""


def store_at(place: str) -> ObjectStore:
    """The store at a folder or a URL.

    Raises:
        ServiceError: the URL's kind is not one that fsspec knows, or the package that it needs is missing.
    """
    if "://" not in place:
        return FolderStore(Path(place))
    try:
        return FsspecStore(*fsspec.url_to_fs(place))
    except (ImportError, ValueError) as error:
        raise ServiceError(Kind.INTERNAL, f"GATEWAY_MEDIA: {place}: {error}") from error


class FolderStore:
    """A local folder; a file that was written survives a power failure."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, key: str) -> tuple[IO[bytes], int]:
        """See `ObjectStore`."""
        stream = (self._folder / key).open("rb")
        return stream, os.fstat(stream.fileno()).st_size

    def write(self, key: str, content: bytes) -> None:
        """Write a file that is never seen half-written.

        Raises:
            ServiceError: the disk is full.
        """
        path = self._folder / key
        try:
            write(path, content)
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

    def check(self) -> str:
        """See `ObjectStore`.

        Raises:
            OSError: the folder cannot be written to.
        """
        write(self._folder / PROBE, b"")
        return f"{shutil.disk_usage(self._folder).free / 2**30:.1f} GiB free for pictures"


class FsspecStore:
    """A store behind fsspec, whose writes are whole files by nature."""

    def __init__(self, store: Any, root: str) -> None:
        self._store, self._root = store, root.rstrip("/")

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}"

    def open(self, key: str) -> tuple[IO[bytes], int]:
        """See `ObjectStore`."""
        stream: IO[bytes] = self._store.open(self._path(key), "rb")
        return stream, int(self._store.size(self._path(key)))

    def write(self, key: str, content: bytes) -> None:
        """Write a file."""
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

    def check(self) -> str:
        """See `ObjectStore`."""
        self.write(PROBE, b"")
        return f"{self._store.unstrip_protocol(self._root)} can be written to"


def no_room(error: OSError) -> ServiceError:
    """What a write that failed means to the client."""
    return ServiceError(Kind.NO_SPACE, f"the picture cannot be kept: {error.strerror or error}")


def write(path: Path, content: bytes) -> None:
    """Write a file so that it survives the power and is never seen half-written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    building = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with building.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(building, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        building.unlink(missing_ok=True)
