"""The catalogue: one row per picture and a sequence number for every change.

It is the source of truth; the index is derived from it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from servicekit.records import Filter, Reading, Record

from search.catalogue import readings
from search.catalogue.database import Database
from search.catalogue.filters import to_sql
from search.catalogue.schema import create_model, to_json
from search.catalogue.tables import (
    FIELDS,
    Changes,
    Exported,
    ModelEntry,
    NewPicture,
    Rows,
    State,
    Vectors,
    check_model,
    columns_of,
    find,
    find_model,
    meta,
    next_seq,
    read_records,
    read_state,
    read_vectors,
    resolved,
    rows_of,
    set_meta,
    timestamp,
)


class Catalogue:
    """The pictures and their vectors; any number of threads and processes may use one file."""

    def __init__(self, path: Path) -> None:
        """Open the file, or create it.

        Raises:
            CatalogueError: the file was written by a newer version.
        """
        self.database = Database(path)
        self.name = meta(self.database.reader, "catalogue")

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def state(self) -> State:
        """The number of the last change, and the model that serves; None before the first picture."""
        return read_state(self.database.reader)

    def check_model(self, model_id: str, dim: int) -> None:
        """Refuse vectors of another model than the one that serves.

        Raises:
            ServiceError: model mismatch, saying what to do.
        """
        check_model(self.state().model, model_id, dim)

    def upsert(
        self, model_id: str, dim: int, pictures: Sequence[NewPicture], keep_existing: bool = False
    ) -> tuple[list[str], int]:
        """Add or replace pictures; return the ids that are new, and the sequence number.

        Args:
            model_id: the model that computed the vectors.
            dim: the dimension of the vectors.
            pictures: the pictures. Of two with the same id, the later wins, or the earlier with `keep_existing`.
            keep_existing: leave existing pictures unchanged instead of replacing them.

        Raises:
            ServiceError: another model serves, or its vectors have another dimension.
        """
        distinct: dict[str, NewPicture] = {}
        for p in pictures:
            if not (keep_existing and p.id in distinct):
                distinct[p.id] = p
        with self.database.writing() as db:
            model = read_state(db).model
            check_model(model, model_id, dim)
            if model is None:
                # The model may be known already: vectors can be sent before the first picture.
                model = find_model(db, model_id) or ModelEntry(create_model(db, model_id, dim), model_id, dim)
                check_model(model, model_id, dim)
                set_meta(db, "model", str(model.number))
            seq = next_seq(db)
            now = timestamp()
            known = rows_of(db, list(distinct))
            fresh = [p for p in distinct.values() if p.id not in known]
            first = (db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'pictures'").fetchone() or (0,))[0] + 1
            rows = {p.id: first + i for i, p in enumerate(fresh)}
            db.executemany(
                f"INSERT INTO pictures (row, {', '.join(FIELDS)}, seq) VALUES (?{', ?' * len(FIELDS)}, ?)",
                ((rows[p.id], *columns_of(p), p.added_at or now, now, seq) for p in fresh),
            )
            stale = [] if keep_existing else [p for p in distinct.values() if p.id in known]
            # A replaced picture keeps its added_at unless the client sends one.
            db.executemany(
                f"UPDATE pictures SET {' = ?, '.join(FIELDS[:-2])} = ?, added_at = coalesce(?, added_at),"
                " changed_at = ?, seq = ? WHERE row = ?",
                ((*columns_of(p), p.added_at, now, seq, known[p.id]) for p in stale),
            )
            rows |= {p.id: known[p.id] for p in stale}
            db.executemany("DELETE FROM tags WHERE row = ?", ((known[p.id],) for p in stale))
            written = [*fresh, *stale]
            db.executemany(
                "INSERT OR IGNORE INTO tags VALUES (?, ?)", ((t, rows[p.id]) for p in written for t in p.tags)
            )
            db.executemany(
                f"INSERT OR REPLACE INTO vectors_{model.number} VALUES (?, ?, ?)",
                ((rows[p.id], p.vector, seq) for p in written),
            )
            # A replaced picture is the same file: what was read in it stays.
            readings.write(db, {rows[p.id]: p.reading for p in written if p.reading})
            return [p.id for p in fresh], seq

    def edit(self, picture_id: str, changes: Mapping[str, Any]) -> tuple[Record, int]:
        """Change fields of a picture's record; return the record and the sequence number.

        Args:
            picture_id: the picture.
            changes: new values by field: caption, tags, attributes, taken_at, media_key, file_name; and add_tags and
                remove_tags, in place of tags.

        Raises:
            ServiceError: there is no such picture.
        """
        with self.database.writing() as db:
            row = find(db, picture_id)
            changes = resolved(read_records(db, [picture_id])[picture_id], changes)
            seq = next_seq(db)
            columns = {k: to_json(v) if k in ("tags", "attributes") else v for k, v in changes.items()}
            columns |= {"changed_at": timestamp(), "seq": seq}
            db.execute(
                f"UPDATE pictures SET {', '.join(f'{c} = ?' for c in columns)} WHERE row = ?", (*columns.values(), row)
            )
            if "tags" in changes:
                db.execute("DELETE FROM tags WHERE row = ?", (row,))
                db.executemany("INSERT OR IGNORE INTO tags VALUES (?, ?)", ((t, row) for t in changes["tags"]))
            return read_records(db, [picture_id])[picture_id], seq

    def delete(self, ids: Sequence[str]) -> tuple[dict[str, Record], int]:
        """Soft-delete those of some pictures that exist; return their last records, and the sequence number."""
        with self.database.writing() as db:
            rows = rows_of(db, ids)
            if not rows:
                return {}, read_state(db).seq
            records = read_records(db, list(rows))
            seq, now = next_seq(db), timestamp()
            db.executemany(
                "UPDATE pictures SET deleted_at = ?, seq = ? WHERE row = ?", ((now, seq, row) for row in rows.values())
            )
            db.executemany("DELETE FROM tags WHERE row = ?", ((row,) for row in rows.values()))
            readings.forget(db, list(rows.values()))
            return records, seq

    def put_readings(self, found: Mapping[str, Reading]) -> tuple[int, int]:
        """Store what is written in pictures, by id, in place of former readings; ids of unknown pictures are ignored.

        Returns:
            How many were stored, and the sequence number.
        """
        with self.database.writing() as db:
            rows = rows_of(db, list(found))
            readings.write(db, {row: found[picture_id] for picture_id, row in rows.items()})
            return len(rows), next_seq(db) if rows else read_state(db).seq

    def readings(self, ids: Sequence[str]) -> dict[str, Reading]:
        """What is written in those pictures that exist and were read, by id."""
        return readings.read(self.database.reader, ids)

    def unread(self, reader: str, limit: int) -> tuple[list[str], int]:
        """At most `limit` ids of pictures that a reader has not read, the newest first, and how many they are."""
        return readings.unread(self.database.reader, reader, limit)

    def compact(self) -> int:
        """Remove soft-deleted pictures for good and free their disk space; return how many they were."""
        with self.database.writing() as db:
            models = [number for (number,) in db.execute("SELECT number FROM models")]
            for number in models:
                db.execute(
                    f"DELETE FROM vectors_{number} WHERE row IN (SELECT row FROM pictures WHERE deleted_at IS NOT NULL)"
                )
            count = db.execute("DELETE FROM pictures WHERE deleted_at IS NOT NULL").rowcount
            if count:
                set_meta(db, "compacted", str(read_state(db).seq))
        # Each row fetched frees one page.
        self.database.reader.execute("PRAGMA incremental_vacuum").fetchall()
        return count

    def serve_snapshot(self, model: int, name: str | None, reorders: bool) -> None:
        """Set the serving index snapshot of a model; the one before it is kept for a rollback.

        Args:
            model: the model's number.
            name: the snapshot.
            reorders: whether answers may come in another order than before, so that cached answers must be invalidated.
        """
        with self.database.writing() as db:
            if reorders:
                next_seq(db)
            db.execute("UPDATE models SET previous = generation, generation = ? WHERE number = ?", (name, model))

    def snapshots(self) -> set[str]:
        """The names of the serving and the previous index snapshots of all models."""
        found = self.database.reader.execute("SELECT generation, previous FROM models").fetchall()
        return {name for names in found for name in names if name}

    def records(self, ids: Sequence[str]) -> dict[str, Record]:
        """The records of those ids that exist, by id."""
        return read_records(self.database.reader, ids)

    def present(self, ids: Sequence[str]) -> set[str]:
        """The ids that exist."""
        found = self.database.reader.execute(
            "SELECT id FROM pictures WHERE deleted_at IS NULL AND id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(ids)),),
        )
        return {picture_id for (picture_id,) in found}

    def export(self, after: str, limit: int) -> tuple[ModelEntry | None, list[Exported]]:
        """The serving model, and one page of pictures with its vectors, by ids greater than `after`, in their order."""
        with self.database.reading() as db:
            model = read_state(db).model
            if model is None:
                return None, []
            found = db.execute(
                f"SELECT p.id, v.vector FROM pictures AS p JOIN vectors_{model.number} AS v USING (row)"
                " WHERE p.deleted_at IS NULL AND p.id > ? ORDER BY p.id LIMIT ?",
                (after, limit),
            ).fetchall()
            records = read_records(db, [picture_id for picture_id, _ in found])
            read = readings.read(db, list(records))
        return model, [Exported(records[picture_id], vector, read.get(picture_id)) for picture_id, vector in found]

    def ids(self, rows: Sequence[int]) -> dict[int, str]:
        """The ids of rows, including those of soft-deleted pictures."""
        return dict(
            self.database.reader.execute(
                "SELECT row, id FROM pictures WHERE row IN (SELECT value FROM json_each(?))", (json.dumps(list(rows)),)
            ).fetchall()
        )

    def vectors(self, ids: Sequence[str], model: ModelEntry) -> dict[str, Vectors]:
        """The vectors by a model, each (dim,), of the ids that have one, by id."""
        found = self.database.reader.execute(
            f"SELECT p.id, v.vector FROM pictures AS p JOIN vectors_{model.number} AS v USING (row)"
            " WHERE p.deleted_at IS NULL AND p.id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(ids)),),
        )
        return {picture_id: np.frombuffer(vector, "<f4") for picture_id, vector in found}

    def matching(self, where: Filter) -> Rows:
        """The rows that match a filter, ascending."""
        sql, given = to_sql(where)
        rows = self.database.reader.execute(f"SELECT row FROM pictures AS p WHERE {sql} ORDER BY row", given)
        return np.fromiter((row for (row,) in rows), np.int64)

    @contextmanager
    def changes(self, after: int, model: ModelEntry) -> Iterator[Changes]:
        """All changes of a model's vectors after a sequence number, in one read transaction."""
        with self.database.reading() as db:
            state = read_state(db)
            removed = db.execute("SELECT row FROM pictures WHERE seq > ? AND deleted_at IS NOT NULL", (after,))
            gone = [row for (row,) in removed]
            yield Changes(read_vectors(db, model, after), gone, state)
