"""Uploads that failed to decode, kept with the reason: bounded in number and in bytes, the oldest are evicted first.

The name of a record holds its time and size, so that one listing of the folder is enough to enforce the bounds:
`<time>-<bytes>-<id>.json` beside the content, `<id>`.
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
    """A record by its name; `at` sorts as time does."""

    at: str
    id: str
    bytes: int
    name: str


class Quarantine:
    """In a store of files."""

    def __init__(self, store: ObjectStore, most_files: int = MOST_FILES, most_bytes: int = MOST_BYTES) -> None:
        self._store, self._most_files, self._most_bytes = store, most_files, most_bytes
        # Two concurrent additions would evict the same entries.
        self._lock = threading.Lock()

    def add(self, file_id: str, content: bytes | None, file_name: str, error: ServiceError) -> None:
        """Set a file aside.

        Args:
            file_id: its id, as a picture's.
            content: the file; of one that is None, or larger than all there is room for, only the reason is kept.
            file_name: what the client calls it.
            error: what is wrong with it.
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
        """Forget the oldest until one more file of this size is within the bounds."""
        number, total = len(entries) + 1, sum(e.bytes for e in entries) + size
        for entry in entries:
            if number <= self._most_files and total <= self._most_bytes:
                return
            self._forget(entry)
            number, total = number - 1, total - entry.bytes

    def all(self) -> Iterator[dict[str, Any]]:
        """What was set aside, the latest first."""
        for entry in reversed(self._entries()):
            try:
                with self._store.open(f"{FOLDER}/{entry.name}")[0] as stream:
                    yield orjson.loads(stream.read())
            except FileNotFoundError:  # released at this moment
                continue

    def release(self, file_id: str) -> bool:
        """Forget a file; whether it was there."""
        found = [e for e in self._entries() if e.id == file_id]
        for entry in found:
            self._forget(entry)
        return bool(found)

    def _entries(self) -> list[Entry]:
        """The records, the oldest first."""
        matches = [m for m in map(NAME.fullmatch, self._store.names(FOLDER)) if m]
        sizes = (int(m["bytes"]) if m["bytes"] else self._size(m["id"]) for m in matches)
        return sorted(Entry(m["at"] or "", m["id"], size, m[0]) for m, size in zip(matches, sizes, strict=True))

    def _size(self, file_id: str) -> int:
        """Of a file that an earlier release has set aside."""
        try:
            stream, size = self._store.open(f"{FOLDER}/{file_id}")
        except FileNotFoundError:
            return 0
        stream.close()
        return size

    def _forget(self, entry: Entry) -> None:
        self._store.delete(f"{FOLDER}/{entry.id}")
        self._store.delete(f"{FOLDER}/{entry.name}")
