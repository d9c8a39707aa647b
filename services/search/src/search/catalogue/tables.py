"""Reads and writes of the catalogue's tables through a connection; `Catalogue` combines them into transactions."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from servicekit.errors import Kind, ServiceError
from servicekit.records import Reading, Record, Value

from search.catalogue.schema import to_json

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]

FIELDS = tuple(Record.__annotations__)
# Most tags of one picture.
TAGS_PER_PICTURE = 100
# Vectors read per batch, so that a million of them are never in memory twice.
CHUNK = 8192


@dataclass(frozen=True)
class NewPicture:
    """A picture to store: its record, and its unit vector as little-endian float32 bytes."""

    id: str
    media_key: str
    file_name: str
    width: int
    height: int
    caption: str
    tags: Sequence[str]
    vector: bytes
    bytes: int | None = None
    attributes: Mapping[str, Value] | None = None
    taken_at: str | None = None
    # A blurred preview (ThumbHash, base64) that is shown while the picture loads; empty: none.
    placeholder: str = ""
    # Set for a picture that is migrated from another catalogue; None: now.
    added_at: str | None = None
    # What is written in it; None: it was not read.
    reading: Reading | None = None


class Exported(NamedTuple):
    """A picture as it is copied: its record, its vector as little-endian float32, and what is written in it if read."""

    record: Record
    vector: bytes
    reading: Reading | None


class Held(NamedTuple):
    """Of a word, or phrase: its weight, the pictures whose caption, tags or file name have it, those that show it."""

    weight: float
    told: set[str]
    written: set[str]


class ModelEntry(NamedTuple):
    """A model in the catalogue: its number in this file, its id, its dimension, the serving and previous snapshots."""

    number: int
    model_id: str
    dim: int
    snapshot: str | None = None
    previous: str | None = None


class State(NamedTuple):
    """The last sequence number and the serving model, by which an index checks whether it is up to date."""

    seq: int
    model: ModelEntry | None
    # Deletes up to this sequence number have been compacted: an older index has to compare all its rows.
    compacted: int


class Changes(NamedTuple):
    """The changes after a sequence number: added vectors in batches, deleted rows, and the resulting state."""

    added: Iterator[tuple[Rows, Vectors]]
    removed: list[int]
    state: State


def meta(db: sqlite3.Connection, key: str, default: str = "") -> str:
    """A value of the `meta` table."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return row[0] if row else default


def set_meta(db: sqlite3.Connection, key: str, value: str) -> None:
    """Set a value of the `meta` table."""
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


def next_seq(db: sqlite3.Connection) -> int:
    """Allocate the sequence number of the current change."""
    seq = int(meta(db, "seq", "0")) + 1
    set_meta(db, "seq", str(seq))
    return seq


def read_state(db: sqlite3.Connection) -> State:
    """See `Catalogue.state`."""
    facts = dict(db.execute("SELECT key, value FROM meta").fetchall())
    model = read_model(db, int(facts["model"])) if "model" in facts else None
    return State(int(facts["seq"]), model, int(facts.get("compacted", "0")))


def read_model(db: sqlite3.Connection, number: int) -> ModelEntry:
    """A model by its number."""
    found = db.execute("SELECT number, model_id, dim, generation, previous FROM models WHERE number = ?", (number,))
    return ModelEntry(*found.fetchone())


def find_model(db: sqlite3.Connection, model_id: str) -> ModelEntry | None:
    """A model by its name."""
    found = db.execute("SELECT number FROM models WHERE model_id = ?", (model_id,)).fetchone()
    return read_model(db, found[0]) if found else None


def check_model(known: ModelEntry | None, model_id: str, dim: int) -> None:
    """See `Catalogue.check_model`."""
    if known and (known.model_id, known.dim) != (model_id, dim):
        raise ServiceError(
            Kind.MODEL_MISMATCH,
            f"the collection holds vectors of model {known.model_id} ({known.dim} numbers), not of {model_id} ({dim}); "
            "serve the collection with its own model, or index the pictures again with the new one",
        )


def rows_of(db: sqlite3.Connection, ids: Sequence[str]) -> dict[str, int]:
    """The rows of those ids that exist."""
    found = db.execute(
        "SELECT id, row FROM pictures WHERE deleted_at IS NULL AND id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(ids)),),
    )
    return dict(found.fetchall())


def find(db: sqlite3.Connection, picture_id: str) -> int:
    """A picture's row.

    Raises:
        ServiceError: there is no such picture.
    """
    row = rows_of(db, [picture_id]).get(picture_id)
    if row is None:
        raise ServiceError(Kind.NOT_FOUND, f"there is no picture {picture_id}")
    return row


def read_records(db: sqlite3.Connection, ids: Sequence[str]) -> dict[str, Record]:
    """See `Catalogue.records`."""
    rows = db.execute(
        f"SELECT {', '.join(FIELDS)} FROM pictures WHERE deleted_at IS NULL AND id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(ids)),),
    )
    records = (dict(zip(FIELDS, row, strict=True)) for row in rows)
    return {
        r["id"]: cast(Record, {**r, "tags": json.loads(r["tags"]), "attributes": json.loads(r["attributes"])})
        for r in records
    }


def read_vectors(db: sqlite3.Connection, model: ModelEntry, after: int) -> Iterator[tuple[Rows, Vectors]]:
    """A model's vectors that changed after a sequence number, without those of deleted pictures, in batches.

    With `after` 0, all vectors in the order of rows.
    """
    vectors = f"vectors_{model.number}"
    if after:
        # INDEXED BY forces the index on seq: SQLite's planner would scan all rows for the few that are new.
        found = db.execute(
            f"SELECT v.row, v.vector FROM {vectors} AS v INDEXED BY {vectors}_seq JOIN pictures AS p USING (row)"
            " WHERE v.seq > ? AND p.deleted_at IS NULL",
            (after,),
        )
    else:
        found = db.execute(
            f"SELECT v.row, v.vector FROM {vectors} AS v JOIN pictures AS p USING (row)"
            " WHERE p.deleted_at IS NULL ORDER BY v.row"
        )
    while part := found.fetchmany(CHUNK):
        rows = np.array([row for row, _ in part], np.int64)
        yield rows, np.frombuffer(b"".join(vector for _, vector in part), "<f4").reshape(len(part), model.dim)


def resolved(record: Record, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The new values of a record's fields, with tags that are added and removed worked into its own.

    Raises:
        ServiceError: the record would have too many tags.
    """
    values = dict(changes)
    add, remove = values.pop("add_tags", ()), values.pop("remove_tags", ())
    if "add_tags" in changes or "remove_tags" in changes:
        values["tags"] = [tag for tag in dict.fromkeys([*record["tags"], *add]) if tag not in remove]
        if len(values["tags"]) > TAGS_PER_PICTURE:
            raise ServiceError(
                Kind.INVALID, f"add_tags: {len(values['tags'])} tags; a picture has at most {TAGS_PER_PICTURE}"
            )
    return values


def columns_of(p: NewPicture) -> tuple[Any, ...]:
    """The columns of a picture that the client sets, in the order of `FIELDS`."""
    return (
        *(p.id, p.media_key, p.file_name, p.bytes, p.width, p.height, p.caption),
        *(to_json(list(p.tags)), to_json(dict(p.attributes or {})), p.taken_at, p.placeholder),
    )


def timestamp() -> str:
    """Now, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
