"""A ZIP archive of original files, made while it is sent: neither memory nor disk holds it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from servicekit.errors import ServiceError
from servicekit.records import Record

from gateway.pictures.storage import Kept

PART = 256 * 1024
# ZIP knows no earlier year, and no later one.
FIRST_YEAR, LAST_YEAR = 1980, 2107
LEFT_OUT = "not-in-this-archive.txt"


class Sink:
    """The file that `zipfile` writes to: collects what is written until it is taken. It cannot seek."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, part: Any) -> int:
        """Collect bytes."""
        self._parts.append(bytes(part))
        return len(part)

    def flush(self) -> None:
        """Nothing is buffered elsewhere."""

    def take(self) -> bytes:
        """What was written since the last call."""
        taken, self._parts = b"".join(self._parts), []
        return taken


def archive(records: Sequence[Record], original: Callable[[str], Kept]) -> Iterator[bytes]:
    """The parts of an archive of pictures' files; a file that cannot be read is named in a text file at the end.

    Pictures are compressed already, so they are stored as they are.

    Args:
        records: the pictures.
        original: opens the file of a media key.
    """
    sink = Sink()
    names = Names()
    left_out: list[str] = []
    with zipfile.ZipFile(sink, "w", allowZip64=True) as into:  # type: ignore[call-overload]
        for record in records:
            try:
                kept = original(record["media_key"])
            except ServiceError as error:
                left_out.append(f"{record['file_name'] or record['id']}: {error.detail}\n")
                continue
            entry = zipfile.ZipInfo(names.of(record, kept.mimetype), time_of(record))
            entry.file_size = kept.length  # so that a file of more than 4 GB gets the longer header
            with kept.stream, into.open(entry, "w") as target:
                while part := kept.stream.read(PART):
                    target.write(part)
                    yield sink.take()
        if left_out:
            into.writestr(LEFT_OUT, "".join(left_out))
    yield sink.take()


class Names:
    """Gives each file a name in the archive: its own, in its folders, unless another file has it."""

    def __init__(self) -> None:
        self._taken: set[str] = {LEFT_OUT}

    def of(self, record: Record, mimetype: str) -> str:
        """The name of a picture's file; never absolute and never above the archive's top (CVE-2007-4559's kind)."""
        given = record["file_name"].replace("\\", "/").encode(errors="replace").decode()
        parts = [part for part in PurePosixPath(given).parts if part not in ("/", "..")]
        path = PurePosixPath(*parts) if parts else PurePosixPath(f"{record['id']}.{mimetype.rpartition('/')[2]}")
        name, number = path, 1
        # Windows and macOS tell no case apart.
        while str(name).casefold() in self._taken:
            number += 1
            name = path.with_name(f"{path.stem} ({number}){path.suffix}")
        self._taken.add(str(name).casefold())
        return str(name)


def time_of(record: Record) -> tuple[int, int, int, int, int, int]:
    """When a picture was taken, or else added, as ZIP has it."""
    try:
        time = datetime.fromisoformat(record["taken_at"] or record["added_at"])
    except ValueError:  # a camera may write a date that does not exist
        time = datetime.fromisoformat(record["added_at"])
    year = min(max(time.year, FIRST_YEAR), LAST_YEAR)
    return year, time.month, time.day, time.hour, time.minute, time.second
