"""The models whose vectors a catalogue holds: one serves, another is filled beside it and takes over."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from servicekit.errors import Kind, ServiceError
from servicekit.records import ModelFacts

from search.catalogue.database import Database
from search.catalogue.schema import create_model
from search.catalogue.tables import Model, find_model, meta, next_seq, read_model, rows_of, set_meta


class Models:
    """The models of one catalogue file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[ModelFacts]:
        """Each model, the numbers of its vectors and of pictures that it has none of, and whether it serves."""
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
        """Keep vectors of a model that does not serve, by picture id; how many were kept.

        A picture that is not here, any more or at all, is passed over.

        Raises:
            ServiceError: the model serves, or its vectors have another length.
        """
        with self._database.writing() as db:
            model = find_model(db, model_id)
            if model is None:
                model = Model(create_model(db, model_id, dim), model_id, dim)
            if meta(db, "model") == str(model.number):
                raise ServiceError(Kind.INVALID, f"model_id: {model_id} serves; add its pictures with their records")
            if model.dim != dim:
                raise ServiceError(Kind.MODEL_MISMATCH, f"dim: the vectors of {model_id} here have {model.dim} numbers")
            rows = rows_of(db, list(vectors))
            # Its own sequence number, though nothing that serves has changed: an index of this model may be there.
            seq = next_seq(db)
            db.executemany(
                f"INSERT OR REPLACE INTO vectors_{model.number} VALUES (?, ?, ?)",
                ((row, vectors[picture_id], seq) for picture_id, row in rows.items()),
            )
            return len(rows)

    def without(self, model_id: str, limit: int) -> list[str]:
        """Ids of pictures that a model has no vector of, at most so many; of a model that is not here, any pictures."""
        db = self._database.reader
        model = find_model(db, model_id)
        lacking = f"AND row NOT IN (SELECT row FROM vectors_{model.number})" if model else ""
        found = db.execute(f"SELECT id FROM pictures WHERE deleted_at IS NULL {lacking} ORDER BY row LIMIT ?", (limit,))
        return [picture_id for (picture_id,) in found]

    def get(self, model_id: str) -> Model:
        """A model.

        Raises:
            ServiceError: it has no vectors here.
        """
        model = find_model(self._database.reader, model_id)
        if model is None:
            raise ServiceError(Kind.NOT_FOUND, f"there are no vectors of a model {model_id}")
        return model

    def check(self, model: Model) -> None:
        """Whether a model could serve.

        Raises:
            ServiceError: it lacks vectors of some pictures.
        """
        check_whole(self._database.reader, model)

    def serve(self, model: Model) -> int:
        """Let a model serve; the sequence number.

        Raises:
            ServiceError: it lacks vectors of some pictures.
        """
        with self._database.writing() as db:
            check_whole(db, model)
            set_meta(db, "model", str(model.number))
            return next_seq(db)

    def drop(self, model: Model) -> None:
        """Forget a model's vectors.

        Raises:
            ServiceError: it serves.
        """
        with self._database.writing() as db:
            if meta(db, "model") == str(model.number):
                raise ServiceError(Kind.INVALID, f"{model.model_id} serves; let another model serve first")
            db.execute(f"DROP TABLE vectors_{model.number}")
            db.execute("DELETE FROM models WHERE number = ?", (model.number,))


def count(db: sqlite3.Connection, joined: str) -> int:
    """How many pictures there are in a join with `pictures AS p`."""
    number: int = db.execute(f"SELECT count(*) FROM {joined} WHERE p.deleted_at IS NULL").fetchone()[0]
    return number


def missing(db: sqlite3.Connection, model: Model) -> int:
    """How many pictures a model has no vector of."""
    lacking = f"pictures AS p LEFT JOIN vectors_{model.number} AS v USING (row)"
    number: int = db.execute(f"SELECT count(*) FROM {lacking} WHERE p.deleted_at IS NULL AND v.row IS NULL").fetchone()[
        0
    ]
    return number


def check_whole(db: sqlite3.Connection, model: Model) -> None:
    """See `Models.check`."""
    lacking = missing(db, model)
    if lacking:
        raise ServiceError(
            Kind.MODEL_MISMATCH,
            f"{lacking} pictures have no vector of {model.model_id} yet, and could not be found; add those first",
        )
