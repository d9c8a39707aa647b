"""The models of a catalogue: one serves while another is back-filled and then takes over."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from servicekit.errors import Kind, ServiceError
from servicekit.records import ModelFacts

from search.catalogue.database import Database
from search.catalogue.schema import create_model
from search.catalogue.tables import ModelEntry, find_model, meta, next_seq, read_model, rows_of, set_meta


class Models:
    """The models of one catalogue file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[ModelFacts]:
        """Each model with the number of its vectors, the number of pictures without one, and whether it serves."""
        with self._database.reading() as db:
            serving = meta(db, "model")
            numbers = [number for (number,) in db.execute("SELECT number FROM models ORDER BY model_id")]
            models = [read_model(db, number) for number in numbers]
            return [
                {
                    "model_id": m.model_id,
                    "dim": m.dim,
                    "serves": str(m.number) == serving,
                    "vectors": count(db, f"vectors_{m.number} AS v JOIN pictures AS p USING (row)"),
                    "missing": missing(db, m),
                }
                for m in models
            ]

    def fill(self, model_id: str, dim: int, vectors: Mapping[str, bytes]) -> int:
        """Back-fill vectors of a model that does not serve; return how many were stored.

        Ids of unknown or deleted pictures are ignored.

        Args:
            model_id: the model; it is registered if it is new.
            dim: the dimension of its vectors.
            vectors: little-endian float32 vectors by picture id.

        Raises:
            ServiceError: the model serves, or its vectors have another dimension.
        """
        with self._database.writing() as db:
            model = find_model(db, model_id)
            if model is None:
                model = ModelEntry(create_model(db, model_id, dim), model_id, dim)
            if meta(db, "model") == str(model.number):
                raise ServiceError(Kind.INVALID, f"model_id: {model_id} serves; add its pictures with their records")
            if model.dim != dim:
                raise ServiceError(Kind.MODEL_MISMATCH, f"dim: the vectors of {model_id} here have {model.dim} numbers")
            rows = rows_of(db, list(vectors))
            # A new sequence number, although no answer changes: an index of this model may exist and must catch up.
            seq = next_seq(db)
            db.executemany(
                f"INSERT OR REPLACE INTO vectors_{model.number} VALUES (?, ?, ?)",
                ((row, vectors[picture_id], seq) for picture_id, row in rows.items()),
            )
            return len(rows)

    def without(self, model_id: str, limit: int) -> list[str]:
        """At most `limit` ids of pictures without a vector of the model; for an unknown model, of any pictures."""
        db = self._database.reader
        model = find_model(db, model_id)
        lacking = f"AND row NOT IN (SELECT row FROM vectors_{model.number})" if model else ""
        found = db.execute(f"SELECT id FROM pictures WHERE deleted_at IS NULL {lacking} ORDER BY row LIMIT ?", (limit,))
        return [picture_id for (picture_id,) in found]

    def get(self, model_id: str) -> ModelEntry:
        """A model.

        Raises:
            ServiceError: the model is unknown.
        """
        model = find_model(self._database.reader, model_id)
        if model is None:
            raise ServiceError(Kind.NOT_FOUND, f"there are no vectors of a model {model_id}")
        return model

    def check(self, model: ModelEntry) -> None:
        """Check that a model could serve.

        Raises:
            ServiceError: it lacks vectors of some pictures.
        """
        check_whole(self._database.reader, model)

    def serve(self, model: ModelEntry) -> int:
        """Switch to a model; return the sequence number.

        Raises:
            ServiceError: it lacks vectors of some pictures.
        """
        with self._database.writing() as db:
            check_whole(db, model)
            set_meta(db, "model", str(model.number))
            return next_seq(db)

    def drop(self, model: ModelEntry) -> None:
        """Drop a model's vectors.

        Raises:
            ServiceError: it serves.
        """
        with self._database.writing() as db:
            if meta(db, "model") == str(model.number):
                raise ServiceError(Kind.INVALID, f"{model.model_id} serves; let another model serve first")
            db.execute(f"DROP TABLE vectors_{model.number}")
            db.execute("DELETE FROM models WHERE number = ?", (model.number,))


def count(db: sqlite3.Connection, joined: str) -> int:
    """How many pictures a join with `pictures AS p` has, without deleted ones."""
    number: int = db.execute(f"SELECT count(*) FROM {joined} WHERE p.deleted_at IS NULL").fetchone()[0]
    return number


def missing(db: sqlite3.Connection, model: ModelEntry) -> int:
    """How many pictures have no vector of a model."""
    lacking = f"pictures AS p LEFT JOIN vectors_{model.number} AS v USING (row)"
    number: int = db.execute(f"SELECT count(*) FROM {lacking} WHERE p.deleted_at IS NULL AND v.row IS NULL").fetchone()[
        0
    ]
    return number


def check_whole(db: sqlite3.Connection, model: ModelEntry) -> None:
    """See `Models.check`."""
    lacking = missing(db, model)
    if lacking:
        raise ServiceError(
            Kind.MODEL_MISMATCH,
            f"{lacking} pictures have no vector of {model.model_id} yet, and could not be found; add those first",
        )
