"""Pictures that are not shown but not forgotten: their records and vectors wait in the state database.

There are two kinds, each with a table: those whose files are gone, and those that the user deleted (the bin).

The search service holds only what searches may find. A picture that is hidden is moved out of it, and moved back
without being read and encoded again, unless the collection has another model by then.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

import orjson
from servicekit.records import VectorRecord
from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    Row,
    Select,
    Table,
    Text,
    and_,
    delete,
    func,
    or_,
    select,
    update,
)

from gateway.database import METADATA, ROWS_AT_ONCE, Database, batched
from gateway.pictures.storage import MediaStore
from gateway.upstream.encoders import Encoders
from gateway.upstream.search import SearchClient


def table_of_hidden(name: str) -> Table:
    """A table of pictures that are not in the collection."""
    return Table(
        name,
        METADATA,
        Column("id", Text, primary_key=True),
        Column("model_id", Text, nullable=False),
        # The record with its vector, as JSON.
        Column("record", Text, nullable=False),
        # In seconds since 1970.
        Column("hidden_at", BigInteger().with_variant(Integer, "sqlite"), nullable=False),
        Index(f"{name}_by_time", "hidden_at"),
    )


HIDDEN, BIN = table_of_hidden("hidden"), table_of_hidden("bin")
# Pictures in one request to the search service, and in one statement.
BATCH = 200


class Entry(NamedTuple):
    """A hidden picture: its record with its vector, the vector's model, and since when, in seconds since 1970."""

    record: VectorRecord
    model_id: str
    hidden_at: int


class HiddenPictures:
    """Moves pictures out of the collection into a table, and back; all methods can be repeated after a crash."""

    def __init__(
        self,
        table: Table,
        database: Database,
        encoders: Encoders,
        search: SearchClient,
        media: MediaStore,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._table, self._database, self._encoders, self._search = table, database, encoders, search
        self._media, self._clock = media, clock

    def hide(self, ids: Iterable[str]) -> set[str]:
        """Move those of some pictures that are in the collection out of it, and return them."""
        moved: set[str] = set()
        for part in batched(sorted(set(ids)), BATCH):
            model_id, pictures = self._search.export_of(part)
            now = int(self._clock())
            # Stored before it is deleted: a crash in between leaves it in both places, and the collection's counts.
            self._database.put(
                self._table,
                *(
                    {"id": p["id"], "model_id": model_id, "record": orjson.dumps(p).decode(), "hidden_at": now}
                    for p in pictures
                ),
            )
            if pictures:
                self._search.delete_all([p["id"] for p in pictures])
                moved.update(p["id"] for p in pictures)
        return moved

    def present(self, ids: Sequence[str]) -> set[str]:
        """Those of some ids, at most ROWS_AT_ONCE, that are hidden."""
        return {row.id for row in self._database.rows(select(self._table.c.id).where(self._table.c.id.in_(ids)))}

    def entries(self, ids: Iterable[str]) -> dict[str, Entry]:
        """Those of some pictures that are hidden, by id."""
        rows = (
            row
            for part in batched(sorted(set(ids)), BATCH)
            for row in self._database.rows(select(self._table).where(self._table.c.id.in_(part)))
        )
        return {row.id: entry_of(row) for row in rows}

    def records(self, ids: Iterable[str]) -> dict[str, VectorRecord]:
        """The records of those of some pictures that are hidden, by id."""
        return {name: entry.record for name, entry in self.entries(ids).items()}

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
                cast(VectorRecord, {**entry.record, **changes[entry.record["id"]]})
                for entry in self.entries(part).values()
                if entry.model_id == serves
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
            self._database.change(delete(self._table).where(self._table.c.id.in_(part)))

    def has_any(self) -> bool:
        """Whether a picture is hidden."""
        return bool(self._database.rows(select(self._table.c.id).limit(1)))

    def page(self, after: float, count: int, before: tuple[int, str] | None = None) -> list[Entry]:
        """The pictures that were hidden after a time, the latest first.

        Args:
            after: in seconds since 1970.
            count: how many.
            before: `hidden_at` and id of the last picture of the page before; None for the first page.
        """
        at, name = self._table.c.hidden_at, self._table.c.id
        rows = select(self._table).where(at > int(after))
        if before:
            rows = rows.where(or_(at < before[0], and_(at == before[0], name > before[1])))
        return [entry_of(row) for row in self._database.rows(rows.order_by(at.desc(), name).limit(count))]

    def count(self, after: float) -> int:
        """How many pictures were hidden after a time, in seconds since 1970."""
        rows = select(func.count()).select_from(self._table).where(self._table.c.hidden_at > int(after))
        count: int = self._database.rows(rows)[0][0]
        return count

    def make_due(self) -> None:
        """Date all pictures back, so that the next `forget` deletes them."""
        self._database.change(update(self._table).values(hidden_at=0))

    def forget(
        self, before: float, awaited: Select[tuple[str]] | None = None, ids: Sequence[str] | None = None
    ) -> Iterator[list[str]]:
        """Delete pictures that were hidden before a time, with their files and thumbnails; yield their ids in batches.

        Args:
            before: in seconds since 1970.
            awaited: the ids of pictures that are not deleted.
            ids: the only pictures that are, at most ROWS_AT_ONCE; None: any.
        """
        due = select(self._table).where(self._table.c.hidden_at <= int(before))
        if awaited is not None:
            due = due.where(self._table.c.id.not_in(awaited))
        if ids is not None:
            due = due.where(self._table.c.id.in_(ids))
        oldest = due.order_by(self._table.c.hidden_at).limit(BATCH)
        while rows := self._database.rows(oldest):
            there = self._search.lookup([row.id for row in rows])
            for row in rows:
                if row.id not in there:
                    self._media.delete(row.id, orjson.loads(row.record)["media_key"])
            forgotten = [row.id for row in rows]
            self.drop(forgotten)
            yield forgotten


def entry_of(row: Row[Any]) -> Entry:
    """A row of the table."""
    return Entry(orjson.loads(row.record), row.model_id, row.hidden_at)
