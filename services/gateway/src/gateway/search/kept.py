"""Kept searches: named by the user, and stored in the state database for all who use the collection."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import NamedTuple

from servicekit.errors import Kind, ServiceError
from sqlalchemy import Column, Double, Table, Text, delete, func, select

from gateway.database import METADATA, Database

KEPT = Table(
    "kept_searches",
    METADATA,
    # A digest of the search: one that is kept again only gets a new name.
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    # The query string of GET /api/v1/search.
    Column("search", Text, nullable=False),
    Column("kept_at", Double, nullable=False),  # seconds since 1970
)
MOST = 500


class KeptSearch(NamedTuple):
    """A kept search; `kept_at` is in seconds since 1970."""

    id: str
    name: str
    search: str
    kept_at: float


class KeptSearches:
    """The kept searches of a collection."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database, self._clock = database, clock

    def all(self) -> list[KeptSearch]:
        """Every kept search, by name."""
        rows = self._database.rows(select(KEPT))
        return sorted((KeptSearch._make(row) for row in rows), key=lambda kept: (kept.name.casefold(), kept.id))

    def keep(self, name: str, search: str) -> KeptSearch:
        """Keep a search; one that is kept already gets the new name.

        Raises:
            ServiceError: there are too many.
        """
        kept = KeptSearch(hashlib.sha256(search.encode()).hexdigest()[:32], name, search, self._clock())
        others = select(func.count()).select_from(KEPT).where(KEPT.c.id != kept.id)
        if self._database.rows(others)[0][0] >= MOST:
            raise ServiceError(Kind.INVALID, f"name: {MOST} searches are kept, which is the limit; remove one first")
        self._database.put(KEPT, kept._asdict())
        return kept

    def remove(self, search_id: str) -> None:
        """Remove a kept search.

        Raises:
            ServiceError: there is none with this id.
        """
        if not self._database.change(delete(KEPT).where(KEPT.c.id == search_id)):
            raise ServiceError(Kind.NOT_FOUND, f"there is no kept search {search_id}")
