"""Pictures that are not shown but not forgotten: their records and vectors wait in the state database.

The search service holds only what searches may find. A picture that is hidden is moved out of it, and moved back
without being read and encoded again, unless the collection has another model by then.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import orjson
from servicekit.records import VectorRecord
from sqlalchemy import BigInteger, Column, Index, Integer, Select, Table, Text, delete, select

from gateway.database import METADATA, ROWS_AT_ONCE, Database, batched
from gateway.pictures.storage import MediaStore
from gateway.upstream.encoders import Encoders
from gateway.upstream.search import SearchClient

HIDDEN = Table(
    "hidden",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("model_id", Text, nullable=False),
    # The record with its vector, as JSON.
    Column("record", Text, nullable=False),
    # In seconds since 1970.
    Column("hidden_at", BigInteger().with_variant(Integer, "sqlite"), nullable=False),
    Index("hidden_by_time", "hidden_at"),
)
# Pictures in one request to the search service, and in one statement.
BATCH = 200


class HiddenPictures:
    """Moves pictures out of the collection and back; all methods can be repeated after a crash."""

    def __init__(
        self,
        database: Database,
        encoders: Encoders,
        search: SearchClient,
        media: MediaStore,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database, self._encoders, self._search = database, encoders, search
        self._media, self._clock = media, clock

    def hide(self, ids: Iterable[str]) -> None:
        """Move those of some pictures that are in the collection out of it."""
        for part in batched(sorted(set(ids)), BATCH):
            model_id, pictures = self._search.export_of(part)
            now = int(self._clock())
            # Stored before it is deleted: a crash in between leaves it in both places, and the collection's counts.
            self._database.put(
                HIDDEN,
                *(
                    {"id": p["id"], "model_id": model_id, "record": orjson.dumps(p).decode(), "hidden_at": now}
                    for p in pictures
                ),
            )
            if pictures:
                self._search.delete_all([p["id"] for p in pictures])

    def present(self, ids: Sequence[str]) -> set[str]:
        """Those of some ids, at most ROWS_AT_ONCE, that are hidden."""
        return {row.id for row in self._database.rows(select(HIDDEN.c.id).where(HIDDEN.c.id.in_(ids)))}

    def records(self, ids: Iterable[str]) -> dict[str, VectorRecord]:
        """The records of those of some pictures that are hidden, by id."""
        return {record["id"]: record for record, _ in self._rows(ids)}

    def show(self, changes: Mapping[str, Mapping[str, Any]]) -> set[str]:
        """Move pictures back into the collection.

        Args:
            changes: by id, fields of the record that change; ids of pictures that are not hidden are ignored.

        Returns:
            The pictures that are back. The others have no vector of the collection's model, and have to be added again.
        """
        serves = self._search.stats()["model_id"] or self._encoders.current.model()["model_id"]
        shown: set[str] = set()
        for part in batched(sorted(changes), BATCH):
            ready = [
                cast(VectorRecord, {**record, **changes[record["id"]]})
                for record, model_id in self._rows(part)
                if model_id == serves
            ]
            if ready:
                dim = len(base64.b64decode(ready[0]["vector"])) // 4
                self._search.add(serves, dim, ready)
                ids = [record["id"] for record in ready]
                self.drop(ids)
                shown.update(ids)
        return shown

    def drop(self, ids: Iterable[str]) -> None:
        """Remove entries of pictures that are in the collection."""
        for part in batched(sorted(set(ids)), ROWS_AT_ONCE):
            self._database.change(delete(HIDDEN).where(HIDDEN.c.id.in_(part)))

    def has_any(self) -> bool:
        """Whether a picture is hidden."""
        return bool(self._database.rows(select(HIDDEN.c.id).limit(1)))

    def forget(self, before: float, awaited: Select[tuple[str]]) -> Iterator[list[str]]:
        """Delete pictures that were hidden before a time, with their files and thumbnails; yield their ids in batches.

        Args:
            before: in seconds since 1970.
            awaited: the ids of pictures that are not deleted.
        """
        due = select(HIDDEN).where(HIDDEN.c.hidden_at <= int(before), HIDDEN.c.id.not_in(awaited))
        oldest = due.order_by(HIDDEN.c.hidden_at).limit(BATCH)
        while rows := self._database.rows(oldest):
            there = self._search.lookup([row.id for row in rows])
            for row in rows:
                if row.id not in there:
                    self._media.delete(row.id, orjson.loads(row.record)["media_key"])
            ids = [row.id for row in rows]
            self.drop(ids)
            yield ids

    def _rows(self, ids: Iterable[str]) -> Iterator[tuple[VectorRecord, str]]:
        """The entries of those of some pictures that are hidden: records with vectors, and the vectors' model."""
        for part in batched(sorted(set(ids)), BATCH):
            for row in self._database.rows(select(HIDDEN).where(HIDDEN.c.id.in_(part))):
                yield orjson.loads(row.record), row.model_id
