"""Files that could not be added, kept with the error: bounded in number and in bytes, the oldest are evicted first.

A record's file name, `<time>-<bytes>-<id>.json`, holds its time and size, so that one listing of the folder is enough
to enforce the bounds. The content is beside it, as `<id>`.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson
from servicekit.errors import ServiceError

from gateway.pictures.object_store import ObjectStore

FOLDER = "quarantine"
MOST_FILES = 200
MOST_BYTES = 256 * 2**20
# File names of earlier releases lack the first two parts.
NAME = re.compile(r"(?:(?P<at>\d{8}T\d{6}\.\d{6})-(?P<bytes>\d+)-)?(?P<id>[0-9a-f]{32})\.json")


class Entry(NamedTuple):
    """A record, as parsed from its file name; `at` sorts chronologically."""

    at: str
    id: str
    bytes: int
    name: str


class Quarantine:
    """The quarantine, in an object store."""

    def __init__(self, store: ObjectStore, most_files: int = MOST_FILES, most_bytes: int = MOST_BYTES) -> None:
        self._store, self._most_files, self._most_bytes = store, most_files, most_bytes
        # Without a lock, two concurrent additions would evict the same entries.
        self._lock = threading.Lock()

    def add(self, file_id: str, content: bytes | None, file_name: str, error: ServiceError) -> None:
        """Put a file into the quarantine; it replaces an earlier entry with the same id.

        Args:
            file_id: its id, computed as a picture's.
            content: the file; if it is None, or larger than the whole quarantine may be, only the error is kept.
            file_name: the name that the client sent.
            error: why it could not be added.
        """
        now = datetime.now(UTC)
        record: dict[str, Any] = {
            "file_name": file_name,
            "at": now.isoformat(timespec="seconds"),
            "error": error.item(),
        }
        size = 0
        if content is not None:
            record["bytes"] = len(content)
            size = len(content) if len(content) <= self._most_bytes else 0
        with self._lock:
            entries = self._entries()
            for entry in entries:
                if entry.id == file_id:
                    self._forget(entry)
            self._make_room([e for e in entries if e.id != file_id], size)
            if content is not None and size:
                self._store.write(f"{FOLDER}/{file_id}", content)
            name = f"{now:%Y%m%dT%H%M%S.%f}-{size}-{file_id}.json"
            self._store.write(f"{FOLDER}/{name}", orjson.dumps({"id": file_id, **record}))

    def _make_room(self, entries: list[Entry], size: int) -> None:
        """Delete the oldest entries until one more file of this size fits the bounds."""
        number, total = len(entries) + 1, sum(e.bytes for e in entries) + size
        for entry in entries:
            if number <= self._most_files and total <= self._most_bytes:
                return
            self._forget(entry)
            number, total = number - 1, total - entry.bytes

    def all(self) -> Iterator[dict[str, Any]]:
        """The records of all files, newest first."""
        for entry in reversed(self._entries()):
            try:
                with self._store.open(f"{FOLDER}/{entry.name}")[0] as stream:
                    yield orjson.loads(stream.read())
            except FileNotFoundError:  # deleted by a concurrent request
                continue

    def release(self, file_id: str) -> bool:
        """Delete a file from the quarantine; return whether it was there."""
        found = [e for e in self._entries() if e.id == file_id]
        for entry in found:
            self._forget(entry)
        return bool(found)

    def _entries(self) -> list[Entry]:
        """The entries, oldest first."""
        matches = [m for m in map(NAME.fullmatch, self._store.names(FOLDER)) if m]
        sizes = (int(m["bytes"]) if m["bytes"] else self._size(m["id"]) for m in matches)
        return sorted(Entry(m["at"] or "", m["id"], size, m[0]) for m, size in zip(matches, sizes, strict=True))

    def _size(self, file_id: str) -> int:
        """The size of a file from an earlier release, whose record's name does not hold it."""
        try:
            stream, size = self._store.open(f"{FOLDER}/{file_id}")
        except FileNotFoundError:
            return 0
        stream.close()
        return size

    def _forget(self, entry: Entry) -> None:
        self._store.delete(f"{FOLDER}/{entry.id}")
        self._store.delete(f"{FOLDER}/{entry.name}")
