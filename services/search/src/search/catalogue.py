"""The catalogue: SQLite, one row a picture, a sequence number for every change. It is the truth; the index is derived.

An acknowledged write is on disk (WAL, synchronous=FULL), so it survives the process and the power.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from servicekit.errors import Kind, ServiceError

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE pictures (
    row INTEGER PRIMARY KEY AUTOINCREMENT,  -- the id that the index knows, never used again after a delete
    id TEXT NOT NULL UNIQUE,
    media_key TEXT NOT NULL,
    file_name TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    caption TEXT NOT NULL,
    tags TEXT NOT NULL,
    added_at TEXT NOT NULL,
    vector BLOB NOT NULL,                   -- little-endian float32
    seq INTEGER NOT NULL
) STRICT;
CREATE INDEX pictures_seq ON pictures (seq);
CREATE TABLE deleted (row INTEGER PRIMARY KEY, seq INTEGER NOT NULL) STRICT;
CREATE INDEX deleted_seq ON deleted (seq);
"""
FIELDS = ("id", "media_key", "file_name", "width", "height", "caption", "tags", "added_at")
COLUMNS = (*FIELDS, "vector", "seq")


@dataclass(frozen=True)
class Picture:
    """A picture to keep: its record and its unit vector as little-endian float32 bytes."""

    id: str
    media_key: str
    file_name: str
    width: int
    height: int
    caption: str
    tags: Sequence[str]
    vector: bytes


@dataclass(frozen=True)
class Changes:
    """What happened after a sequence number: rows with their vectors, rows removed, and the number now reached."""

    added: list[tuple[int, str, bytes]]
    removed: list[int]
    seq: int


class CatalogueError(Exception):
    """The catalogue's file cannot be served by this version."""


class Catalogue:
    """One SQLite file; any number of threads may call, and other processes may have it open."""

    def __init__(self, path: Path) -> None:
        """Open the catalogue, creating it when it is not there.

        Raises:
            CatalogueError: the file was written by a newer version.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        with self._write():
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version > SCHEMA_VERSION:
                raise CatalogueError(
                    f"{path} has schema {version}; this version of Sightline reads up to {SCHEMA_VERSION}"
                )
            if version == 0:
                for statement in SCHEMA.split(";"):
                    self._db.execute(statement)
                self._set("catalogue", secrets.token_hex(4))
                self._set("seq", "0")
                self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        self.name = self._get("catalogue") or ""

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def _write(self) -> Any:
        """A transaction: all of it is acknowledged or none of it happened."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise

    def _get(self, key: str) -> str | None:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def _set(self, key: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def _next_seq(self) -> int:
        seq = int(self._get("seq") or 0) + 1
        self._set("seq", str(seq))
        return seq

    @property
    def seq(self) -> int:
        """The number of the last change."""
        with self._lock:
            return int(self._get("seq") or 0)

    @property
    def model(self) -> tuple[str, int] | None:
        """(model_id, dim) of the vectors here; None before the first picture."""
        with self._lock:
            model_id, dim = self._get("model_id"), self._get("dim")
        return (model_id, int(dim)) if model_id and dim else None

    def sample_captions(self, limit: int) -> list[str]:
        """Short captions out of the collection, at most `limit`: the same ones as long as the pictures are."""
        # Ids are digests, so their order is as good as random; the inner limit bounds the walk where there are none.
        with self._lock:
            rows = self._db.execute(
                "SELECT DISTINCT caption FROM (SELECT caption FROM pictures ORDER BY id LIMIT 2000)"
                " WHERE length(caption) BETWEEN 6 AND 40 LIMIT ?",
                (limit,),
            ).fetchall()
        return [caption for (caption,) in rows]

    def check_model(self, model_id: str, dim: int) -> None:
        """Refuse vectors of another model than the catalogue's.

        Raises:
            ServiceError: model mismatch, saying what to do.
        """
        if (known := self.model) and known != (model_id, dim):
            raise ServiceError(
                Kind.MODEL_MISMATCH,
                f"the collection holds vectors of model {known[0]} ({known[1]} numbers), not of {model_id} ({dim}); "
                "serve the collection with its own model, or index the pictures again into a new catalogue",
            )

    def upsert(
        self, model_id: str, dim: int, pictures: Iterable[Picture], keep_existing: bool = False
    ) -> tuple[list[str], int]:
        """Keep pictures; return the ids that are new, and the sequence number.

        A picture whose id is here already is replaced, or left as it is with `keep_existing`.
        """
        replace = ", ".join(f"{c} = excluded.{c}" for c in COLUMNS if c not in ("id", "added_at"))
        conflict = "NOTHING" if keep_existing else f"UPDATE SET {replace}"
        with self._write():
            self.check_model(model_id, dim)
            self._set("model_id", model_id)
            self._set("dim", str(dim))
            seq = self._next_seq()
            created = []
            now = datetime.now(UTC).isoformat(timespec="seconds")
            for p in pictures:
                known = self._db.execute("SELECT 1 FROM pictures WHERE id = ?", (p.id,)).fetchone()
                if not known:
                    created.append(p.id)
                self._db.execute(
                    f"INSERT INTO pictures ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
                    f" ON CONFLICT (id) DO {conflict}",
                    (
                        p.id,
                        p.media_key,
                        p.file_name,
                        p.width,
                        p.height,
                        p.caption,
                        json.dumps(list(p.tags)),
                        now,
                        p.vector,
                        seq,
                    ),
                )
            return created, seq

    def delete(self, picture_id: str) -> tuple[dict[str, Any], int]:
        """Remove a picture; return its last record and the sequence number.

        Raises:
            ServiceError: there is no such picture.
        """
        with self._write():
            record = self.records([picture_id]).get(picture_id)
            if record is None:
                raise ServiceError(Kind.NOT_FOUND, f"there is no picture {picture_id}")
            seq = self._next_seq()
            self._db.execute("INSERT INTO deleted SELECT row, ? FROM pictures WHERE id = ?", (seq, picture_id))
            self._db.execute("DELETE FROM pictures WHERE id = ?", (picture_id,))
            return record, seq

    def records(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The records of those ids that exist, by id."""
        with self._lock:
            rows = self._db.execute(
                f"SELECT {', '.join(FIELDS)} FROM pictures WHERE id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(ids)),),
            ).fetchall()
        records = (dict(zip(FIELDS, row, strict=True)) for row in rows)
        return {r["id"]: {**r, "tags": json.loads(r["tags"])} for r in records}

    def vector(self, picture_id: str) -> bytes:
        """A picture's vector.

        Raises:
            ServiceError: there is no such picture.
        """
        with self._lock:
            row = self._db.execute("SELECT vector FROM pictures WHERE id = ?", (picture_id,)).fetchone()
        if row is None:
            raise ServiceError(Kind.NOT_FOUND, f"there is no picture {picture_id}")
        vector: bytes = row[0]
        return vector

    def changes(self, after: int) -> Changes:
        """Everything that happened after sequence number `after`, in one consistent view."""
        with self._lock:
            self._db.execute("BEGIN")
            try:
                seq = int(self._get("seq") or 0)
                added = self._db.execute(
                    "SELECT row, id, vector FROM pictures WHERE seq > ? ORDER BY row", (after,)
                ).fetchall()
                removed = self._db.execute("SELECT row FROM deleted WHERE seq > ?", (after,)).fetchall()
            finally:
                self._db.execute("COMMIT")
        return Changes(added, [row for (row,) in removed], seq)
