"""Listing of pictures without a query: newest first."""

from __future__ import annotations

import sqlite3

from servicekit.records import Filter, Sort

from search.catalogue.filters import to_sql

# Each is the order of an index (see `schema.V5`). SQLite sorts NULL last in a descending order.
ORDERS: dict[Sort, str] = {"added": "p.added_at DESC, p.id", "taken": "p.taken_at DESC, p.added_at DESC, p.id"}


def listed(db: sqlite3.Connection, sort: Sort, count: int, where: Filter | None = None) -> list[tuple[float, str, int]]:
    """(moment, id, layer) of the first `count` pictures in an order; see `placed`."""
    sql, given = to_sql(where)
    rows = db.execute(
        f"SELECT p.taken_at, p.added_at, p.id FROM pictures AS p WHERE {sql} ORDER BY {ORDERS[sort]} LIMIT ?",
        (*given, count),
    )
    return [placed(sort, *row) for row in rows]


def placed(sort: Sort, taken_at: str | None, added_at: str, picture_id: str) -> tuple[float, str, int]:
    """The place of a picture in an order: the time as a number, the id, and 1 for a picture of unknown time, else 0."""
    if sort == "taken" and taken_at is not None:
        return moment(taken_at), picture_id, 0
    return moment(added_at), picture_id, int(sort == "taken")


def moment(time: str) -> float:
    """An ISO 8601 time as the number YYYYMMDDhhmmss. It sorts as the text does, also dates that do not exist."""
    return float("".join(c for c in time[:19] if c.isdigit()))
