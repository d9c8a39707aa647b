"""The job that reads: what is written in pictures, the newest first, and again by another reader."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from servicekit.errors import Kind, ServiceError
from servicekit.records import Line, Reading

from gateway.pictures.storage import MediaStore
from gateway.upstream.search import SearchClient

# Pictures whose readings are written at once. A kill loses what was read since the last write.
BATCH = 8
# After so many pictures the job looks which are the newest: they come before those that were there.
LOOK = 64
# Pictures without a file after which the job ends: the folder of a library may not be mounted.
MOST_MISSING = 500


class NamedReader(Protocol):
    """What the job needs of a reader."""

    # Its name and version, by which readings are known.
    name: str

    def read(self, content: bytes) -> list[Line]: ...
    def close(self) -> None: ...


@dataclass
class Progress:
    """Progress of reading."""

    total: int
    done: int = 0
    written: int = 0
    failed: list[dict[str, str]] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """The progress as JSON."""
        return vars(self)


def read_pictures(reader: NamedReader, search: SearchClient, media: MediaStore) -> Iterator[Progress]:
    """Read every picture that this reader has not read, and store what it finds.

    It resumes after an interruption: a picture that has a reading is not read again. One that cannot be decoded is
    listed in `failed` and counts as read; one whose file is missing is listed too, and is tried by the next job.

    Args:
        reader: reads.
        search: the collection.
        media: the picture files.

    Raises:
        ServiceError: a service does not answer, or the reader has died.
    """
    progress = Progress(search.unread(reader.name, 1).total)
    yield progress
    missing: set[str] = set()
    try:
        while len(missing) < MOST_MISSING:
            ids = [i for i in search.unread(reader.name, LOOK + len(missing)).ids if i not in missing][:LOOK]
            if not ids:
                return
            for first in range(0, len(ids), BATCH):
                found: dict[str, Reading] = {}
                for picture_id, record in search.lookup(ids[first : first + BATCH]).items():
                    try:
                        with media.original(record["media_key"]).stream as stream:
                            lines = reader.read(stream.read())
                    except ServiceError as error:
                        if error.kind not in (Kind.NOT_FOUND, Kind.UNSUPPORTED_PICTURE):
                            raise
                        if len(progress.failed) < MOST_MISSING:
                            progress.failed.append({"id": picture_id, "detail": error.detail})
                        if error.kind is Kind.NOT_FOUND:
                            missing.add(picture_id)
                            continue
                        lines = []
                    found[picture_id] = {"reader": reader.name, "lines": lines}
                    progress.written += bool(lines)
                search.put_readings(found)
                progress.done += len(found)
                progress.total = max(progress.total, progress.done)
                yield progress
    finally:
        reader.close()


class Due:
    """Whether there is something to read: once for each state of the collection.

    A picture whose file is missing stays unread, and must not start one job after the other.
    """

    def __init__(self, name: str, search: SearchClient) -> None:
        self._name, self._search = name, search
        self._seen: str | None = None

    def __call__(self) -> bool:
        """Whether a picture was not read.

        Raises:
            ServiceError: the search service does not answer.
        """
        generation = self._search.stats()["generation"]
        if generation == self._seen:
            return False
        due = self._search.unread(self._name, 1).total > 0
        self._seen = generation
        return due
