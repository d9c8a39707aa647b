"""The map of the library's files in the state database, and which pictures the user deleted.

A picture's id is a digest of its content, so the database maps each file to an id. A file that was moved is found again
by its content; a file whose content has changed is another picture.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    and_,
    delete,
    func,
    or_,
    select,
    true,
    update,
)

from gateway.database import METADATA, ROWS_AT_ONCE, Database, batched
from gateway.library.folders import Folders, Found, Seen, digest_of, identity_of, is_away, shown

# STRICT tables of earlier releases know no other name of a whole number.
WHOLE = BigInteger().with_variant(Integer, "sqlite")
FILES = Table(
    "library",
    METADATA,
    # Bytes: a file name on disk need not be valid UTF-8.
    Column("path", LargeBinary, primary_key=True),
    Column("id", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("ctime_ns", WHOLE),
    Column("sidecar_ns", WHOLE),
    Column("gone_at", WHOLE),
    Column("unreadable", WHOLE),
    Index("library_by_id", "id"),
)
# Pictures that the user deleted, by content: a scan does not add them, whatever happens to their files.
DELETED = Table("deleted", METADATA, Column("id", Text, primary_key=True), Column("deleted_at", Text, nullable=False))
# The folders, the mount points and followed links below them, and their identities when they held something.
DISKS = Table(
    "disks",
    METADATA,
    Column("path", LargeBinary, primary_key=True),
    Column("identity", Text, nullable=False),
    # What the names of its files began with at the last scan; NULL for a mount point below a folder.
    Column("prefix", Text),
)
THERE = FILES.c.gone_at.is_(None)
# There, and with the picture that its id names.
HOLDS = and_(THERE, FILES.c.unreadable.is_(None))
# The pictures of files that hold something unreadable now: they, and what was said of them, may come back.
AWAITED = select(FILES.c.id).where(THERE, FILES.c.unreadable.is_not(None))


class Library:
    """The library's folders, and the database tables about their files."""

    def __init__(self, folders: Folders, database: Database) -> None:
        self.folders = folders
        self._database = database

    def open(self, picture_id: str) -> tuple[IO[bytes], int]:
        """Open a picture's file.

        Returns:
            The open file, and its length in bytes.

        Raises:
            FileNotFoundError: no known file of the library holds this picture any more.
        """
        for seen in self._known(FILES.c.id == picture_id):
            # Opening a named pipe would block forever.
            if not (self.folders.may_open(seen.path) and seen.path.is_file()):
                continue
            try:
                stream = seen.path.open("rb")
            except OSError:
                continue
            if self._holds(stream, seen):
                return stream, seen.size
            # It was edited since the scan: it has another id now, which the next scan records.
            stream.close()
        raise FileNotFoundError(picture_id)

    def _holds(self, stream: IO[bytes], seen: Seen) -> bool:
        """Whether a file has the content that it had at the last scan; it is read only if its time has changed."""
        facts = os.fstat(stream.fileno())
        if facts.st_size != seen.size:
            return False
        if facts.st_mtime_ns == seen.mtime_ns and seen.ctime_ns in (None, facts.st_ctime_ns):
            return True
        same = digest_of(stream) == seen.id
        stream.seek(0)
        if same:
            self.remember(seen._replace(mtime_ns=facts.st_mtime_ns, ctime_ns=facts.st_ctime_ns))
        return same

    def has(self, picture_id: str) -> bool:
        """Whether a file of the library holds this picture."""
        try:
            self.open(picture_id)[0].close()
        except FileNotFoundError:
            return False
        return True

    def find(self, scope: Sequence[Path] | None = None) -> Found:
        """The picture files of the folders, and what was left out; see `Folders.find`.

        Args:
            scope: the files and folders to look at; None for everything.
        """
        disks = self._disks()
        found = self.folders.find(scope, disks, lambda path: bool(self._known(and_(THERE, below_or_at(path)), limit=1)))
        if scope is None:
            self._note_disks(disks, found)
        return found

    def _disks(self) -> dict[Path, str]:
        return {Path(os.fsdecode(row.path)): row.identity for row in self._database.rows(select(DISKS))}

    def identities(self) -> dict[Path, str | None]:
        """The present identity of each folder, and of each disk that is or was below one; None for what is away."""
        places = [*self.folders.paths, *self._disks(), *self.folders.mounts()]
        found: dict[Path, str | None] = dict.fromkeys(places)
        for path in found:
            with suppress(OSError):
                found[path] = identity_of(path)
        return found

    def _note_disks(self, disks: dict[Path, str], found: Found) -> None:
        now = {path: identity_of(path) for path in found.mounts if not found.left_out.covers(path)}
        for path in disks.keys() - now.keys():
            if not found.left_out.covers(path):  # otherwise it may come back
                self._database.change(delete(DISKS).where(DISKS.c.path == os.fsencode(path)))
        for path, identity in now.items():
            if disks.get(path) is None:
                self._database.put(DISKS, {"path": os.fsencode(path), "identity": identity})
            elif disks[path] != identity:
                same = DISKS.c.path == os.fsencode(path)
                self._database.change(update(DISKS).where(same).values(identity=identity))

    def named_otherwise(self) -> list[Path]:
        """The folders whose files had names with another beginning at the last scan of everything."""
        known = {Path(os.fsdecode(row.path)): row.prefix for row in self._database.rows(select(DISKS))}
        return [f for f in self.folders.paths if f in known and (known[f] or "") != self.folders.prefix(f)]

    def note_name(self, folder: Path) -> None:
        """Note that the records of a folder have its present name."""
        same = DISKS.c.path == os.fsencode(folder)
        self._database.change(update(DISKS).where(same).values(prefix=self.folders.prefix(folder)))

    def entries(self, scope: Sequence[Path] | None = None) -> dict[Path, Seen]:
        """The stored entries of files, about 1 kB of memory each.

        Args:
            scope: the files and folders whose entries are wanted; None for all.
        """
        if scope is None:
            return {seen.path: seen for seen in self._known(true())}
        return {seen.path: seen for place in scope for seen in self._known(below_or_at(place))}

    def has_files(self) -> bool:
        """Whether a file was there at the last scan."""
        return bool(self._known(THERE, limit=1))

    def status(self) -> list[dict[str, Any]]:
        """Of each folder: its name, its path, the number of its files in the collection, and whether it is there."""
        disks = self._disks()
        return [
            {
                "name": self.folders.names[folder],
                "path": shown(folder),
                "files": (files := self._count(and_(HOLDS, below_or_at(folder)))),
                "available": folder.is_dir() and not (files and is_away(folder, disks.get(folder))),
            }
            for folder in self.folders.paths
        ]

    def files_of(self, picture_id: str) -> list[Path]:
        """The files that held a picture at the last scan."""
        return [seen.path for seen in self._known(and_(HOLDS, FILES.c.id == picture_id))]

    def was_read(self, seen: Seen) -> bool:
        """Whether a file with this content was read before with this sidecar, wherever it was."""
        same_sidecar = FILES.c.sidecar_ns.is_not_distinct_from(seen.sidecar_ns)
        return bool(self._known(and_(FILES.c.id == seen.id, same_sidecar), limit=1))

    def held(self, ids: Iterable[str], except_for: Collection[Path]) -> set[str]:
        """Those of some pictures that files hold which are there, not counting the files of `except_for`."""
        return {
            seen.id
            for part in batched(sorted(set(ids)), ROWS_AT_ONCE)
            for seen in self._known(and_(HOLDS, FILES.c.id.in_(part)))
            if seen.path not in except_for
        }

    def mark_deleted(self, picture_ids: Sequence[str]) -> None:
        """Note that the user deleted pictures, at most ROWS_AT_ONCE."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._database.put(
            DELETED, *({"id": picture_id, "deleted_at": now} for picture_id in dict.fromkeys(picture_ids))
        )

    def unmark_deleted(self, picture_ids: Sequence[str]) -> None:
        """Note that the user added pictures, perhaps some that were deleted before."""
        self._database.change(delete(DELETED).where(DELETED.c.id.in_(picture_ids)))

    def deleted(self, picture_ids: Collection[str]) -> set[str]:
        """Those of some pictures that the user deleted; at most ROWS_AT_ONCE."""
        return {row.id for row in self._database.rows(select(DELETED.c.id).where(DELETED.c.id.in_(picture_ids)))}

    def remember(self, *files: Seen) -> None:
        """Store the entries of files, at most ROWS_AT_ONCE."""
        self._database.put(FILES, *({**seen._asdict(), "path": os.fsencode(seen.path)} for seen in files))

    def mark_gone(self, paths: Sequence[Path], at: int) -> None:
        """Note that files are gone; their entries stay until `forget_gone`, for a file that comes back as it was."""
        for part in batched([os.fsencode(path) for path in paths], ROWS_AT_ONCE):
            self._database.change(update(FILES).where(FILES.c.path.in_(part)).values(gone_at=at, unreadable=None))

    def forget_gone(self, before: int) -> None:
        """Delete the entries of files that were gone at a time, in seconds since 1970."""
        self._database.change(delete(FILES).where(FILES.c.gone_at <= before))

    def _known(self, condition: ColumnElement[bool], limit: int | None = None) -> list[Seen]:
        columns = (FILES.c[name] for name in Seen._fields)
        rows = self._database.rows(select(*columns).where(condition).order_by(FILES.c.path).limit(limit))
        return [Seen._make((Path(os.fsdecode(row[0])), *row[1:])) for row in rows]

    def _count(self, condition: ColumnElement[bool]) -> int:
        count: int = self._database.rows(select(func.count()).select_from(FILES).where(condition))[0][0]
        return count


def below_or_at(path: Path) -> ColumnElement[bool]:
    """The condition that a stored file is `path`, or lies below it."""
    name = os.fsencode(path)
    # "0" is the byte after "/".
    return or_(FILES.c.path == name, and_(FILES.c.path > name.rstrip(b"/") + b"/", FILES.c.path < name + b"0"))
