"""Folders of pictures that are indexed in place: read, never written to, and not copied.

A picture's id is a digest of its content, so the state database maps each file to an id. A file that was moved is found
again by its content; a file whose content has changed is another picture.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NamedTuple

from servicekit.errors import Kind, ServiceError
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Index,
    LargeBinary,
    Table,
    Text,
    and_,
    delete,
    func,
    or_,
    select,
    true,
)

from gateway.database import METADATA, Database
from gateway.library.walk import LeftOut, find_below

FILES = Table(
    "library",
    METADATA,
    # Bytes: a file name on disk need not be valid UTF-8.
    Column("path", LargeBinary, primary_key=True),
    Column("id", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Index("library_by_id", "id"),
)
# Pictures that the user deleted, by content: a scan does not add them, whatever happens to their files.
DELETED = Table("deleted", METADATA, Column("id", Text, primary_key=True), Column("deleted_at", Text, nullable=False))


# Ids in one query; SQLite allows 32,766 parameters.
IDS_AT_ONCE = 1000


class Seen(NamedTuple):
    """A file's id, size and modification time when its content was read."""

    path: Path
    id: str
    size: int
    mtime_ns: int


class FolderAwayError(ServiceError):
    """A folder of the library is not there, perhaps because its disk is not mounted."""

    def __init__(self, detail: str) -> None:
        super().__init__(Kind.UNAVAILABLE, detail)


@dataclass
class Scan:
    """Progress of a scan."""

    total: int = 0
    done: int = 0
    # Files by result; `deleted` are those of pictures that the user deleted, which stay out.
    counts: Counter[str] = field(
        default_factory=lambda: Counter(unchanged=0, added=0, exists=0, deleted=0, failed=0, gone=0)
    )
    failed: list[dict[str, str]] = field(default_factory=list)
    # Files and folders that are not looked at, by kind: see `LeftOut`.
    left_out: Counter[str] = field(default_factory=Counter)

    def document(self) -> dict[str, Any]:
        """The progress as JSON."""
        return {
            "total": self.total,
            "done": self.done,
            **self.counts,
            "failures": self.failed,
            "left_out": dict(self.left_out),
        }


class Library:
    """The library's folders, and the database table of their files."""

    def __init__(self, folders: Sequence[Path], database: Database) -> None:
        self.folders = [folder.resolve() for folder in folders]
        self._database = database

    def open(self, picture_id: str) -> tuple[IO[bytes], int, str]:
        """Open a picture's file.

        Returns:
            The open file, its length in bytes, and its file name ending in lower case without the dot.

        Raises:
            FileNotFoundError: no known file of the library holds this picture any more.
        """
        for seen in self._known(FILES.c.id == picture_id):
            if not self._inside(seen.path):
                continue
            try:
                stream = seen.path.open("rb")
            except OSError:
                continue
            facts = os.fstat(stream.fileno())
            # Otherwise the file was edited since the scan: it has another id now, which the next scan records.
            if (facts.st_size, facts.st_mtime_ns) == (seen.size, seen.mtime_ns):
                return stream, seen.size, seen.path.suffix[1:].lower()
            stream.close()
        raise FileNotFoundError(picture_id)

    def has(self, picture_id: str) -> bool:
        """Whether a file of the library holds this picture."""
        try:
            self.open(picture_id)[0].close()
        except FileNotFoundError:
            return False
        return True

    def find(self, scope: Sequence[Path] | None = None) -> tuple[list[Path], LeftOut]:
        """The picture files of the folders, and what was left out.

        Args:
            scope: the files and folders to look at; None for everything.

        Raises:
            FolderAwayError: a folder is missing, or is empty but had pictures before. Its disk may not be mounted, so
                its pictures must not be treated as deleted.
        """
        left_out = LeftOut()
        found: dict[Path, None] = {}
        for folder in self.folders:
            below = [folder] if scope is None else outermost(path for path in scope if path.is_relative_to(folder))
            if not below:
                continue
            if not folder.is_dir():
                raise FolderAwayError(f"the library's folder {folder} is not there")
            for path in below:
                files = list(find_below(folder, path, self._inside, left_out))
                if path == folder and not files and self._known(below_or_at(folder), limit=1):
                    raise FolderAwayError(
                        f"the library's folder {folder} had pictures and is empty; is its disk mounted?"
                    )
                found.update(dict.fromkeys(files))
        return list(found), left_out

    def entries(self, scope: Sequence[Path] | None = None) -> dict[Path, Seen]:
        """The stored entries of files, about 1 kB of memory each.

        Args:
            scope: the files and folders whose entries are wanted; None for all.
        """
        if scope is None:
            return {seen.path: seen for seen in self._known(true())}
        return {seen.path: seen for place in scope for seen in self._known(below_or_at(place))}

    def status(self) -> list[dict[str, Any]]:
        """Of each folder: its path, the number of its files in the collection, and whether it is there."""
        return [
            {"path": shown(folder), "files": self._count(below_or_at(folder)), "available": folder.is_dir()}
            for folder in self.folders
        ]

    def files_of(self, picture_id: str) -> list[Path]:
        """The files that hold a picture, as far as they are there."""
        return [seen.path for seen in self._known(FILES.c.id == picture_id) if is_there(seen.path)]

    def held(self, ids: Iterable[str], except_for: Collection[Path]) -> set[str]:
        """Those of some pictures that stored files hold, not counting the files of `except_for`."""
        return {
            seen.id
            for part in batched(sorted(set(ids)), IDS_AT_ONCE)
            for seen in self._known(FILES.c.id.in_(part))
            if seen.path not in except_for
        }

    def mark_deleted(self, picture_id: str) -> None:
        """Note that the user deleted a picture."""
        self._database.put(DELETED, {"id": picture_id, "deleted_at": datetime.now(UTC).isoformat(timespec="seconds")})

    def unmark_deleted(self, picture_ids: Sequence[str]) -> None:
        """Note that the user added pictures, perhaps some that were deleted before."""
        self._database.change(delete(DELETED).where(DELETED.c.id.in_(picture_ids)))

    def deleted(self, picture_ids: Collection[str]) -> set[str]:
        """Those of some pictures that the user deleted; at most IDS_AT_ONCE."""
        return {row.id for row in self._database.rows(select(DELETED.c.id).where(DELETED.c.id.in_(picture_ids)))}

    def read(self, path: Path) -> Seen:
        """Read a file and compute its id.

        Raises:
            OSError: the file cannot be read.
        """
        with path.open("rb") as stream:
            facts = os.fstat(stream.fileno())
            name = hashlib.file_digest(stream, "sha256").hexdigest()[:32]
        return Seen(path, name, facts.st_size, facts.st_mtime_ns)

    def remember(self, seen: Seen) -> None:
        """Store a file's entry."""
        self._database.put(
            FILES,
            {"path": os.fsencode(seen.path), "id": seen.id, "size": seen.size, "mtime_ns": seen.mtime_ns},
        )

    def is_gone(self, path: Path) -> bool:
        """Whether a file is not on the disk, or not in a folder of the library any more."""
        return not (self._inside(path) and is_there(path))

    def forget(self, path: Path) -> None:
        """Delete a file's entry."""
        self._database.change(delete(FILES).where(FILES.c.path == os.fsencode(path)))

    def _known(self, condition: ColumnElement[bool], limit: int | None = None) -> list[Seen]:
        rows = self._database.rows(select(FILES).where(condition).order_by(FILES.c.path).limit(limit))
        return [Seen(Path(os.fsdecode(r.path)), r.id, r.size, r.mtime_ns) for r in rows]

    def _count(self, condition: ColumnElement[bool]) -> int:
        count: int = self._database.rows(select(func.count()).select_from(FILES).where(condition))[0][0]
        return count

    def _inside(self, path: Path) -> bool:
        """Whether a file lies in a folder of the library; a symbolic link may point outside."""
        try:
            target = path.resolve()
        except (OSError, RuntimeError):  # a link to itself: RuntimeError before Python 3.13
            return False
        return any(target.is_relative_to(folder) for folder in self.folders)


def below_or_at(path: Path) -> ColumnElement[bool]:
    """The condition that a stored file is `path`, or lies below it."""
    name = os.fsencode(path)
    # "0" is the byte after "/".
    return or_(FILES.c.path == name, and_(FILES.c.path > name.rstrip(b"/") + b"/", FILES.c.path < name + b"0"))


def batched(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """The ids in parts of `size`."""
    return (ids[start : start + size] for start in range(0, len(ids), size))


def outermost(paths: Iterable[Path]) -> list[Path]:
    """The paths without those that lie below another of them, sorted."""
    kept: list[Path] = []
    for path in sorted(set(paths)):
        if not kept or not path.is_relative_to(kept[-1]):
            kept.append(path)
    return kept


def shown(path: Path) -> str:
    """A path as text: bytes that are not UTF-8, which JSON cannot hold, are replaced."""
    return os.fsencode(path).decode("utf-8", "replace")


def is_there(path: Path) -> bool:
    """Whether a file exists; one that cannot be looked at counts as there."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True
