"""The state database as lines of JSON: rows by table, alike for SQLite and PostgreSQL."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Iterator
from itertools import groupby, islice
from typing import Any

from sqlalchemy import LargeBinary, Table, select

from gateway.backup.archive import BackupError
from gateway.database import METADATA, Database

# Jobs, sessions and counts of processes are of a running system, and not of its data: people log in again.
# The identities of disks are of a machine; calibrations are measured again.
LEFT_OUT = frozenset({"jobs", "sessions", "gateways", "disks", "calibrations", "backups"})
# Rows in one statement.
BATCH = 200


def rows_of(database: Database, names: Collection[str] | None = None) -> Iterator[dict[str, Any]]:
    """The rows of all tables that belong into a backup, or of some.

    Raises:
        ServiceError: the database does not answer.
    """
    for table in METADATA.sorted_tables:
        if table.name not in LEFT_OUT and (names is None or table.name in names):
            yield from ({"table": table.name, "row": encoded(table, row)} for row in pages(database, table))


def pages(database: Database, table: Table) -> Iterator[dict[str, Any]]:
    """The rows of a table in the order of its primary key, which is one column, read in pages."""
    (key,) = table.primary_key
    found = database.rows(select(table).order_by(key).limit(BATCH))
    while found:
        yield from (dict(row._mapping) for row in found)
        found = database.rows(select(table).where(key > getattr(found[-1], key.name)).order_by(key).limit(BATCH))


def check(lines: Iterable[dict[str, Any]]) -> None:
    """Refuse rows that this release cannot store.

    Raises:
        BackupError: a newer release made them.
    """
    for line in lines:
        decoded(table_of(line["table"]), line["row"])


def table_of(name: str) -> Table:
    """A table by its name.

    Raises:
        BackupError: this release has none.
    """
    table = METADATA.tables.get(name)
    if table is None:
        raise BackupError(f"this release has no table {name}; restore with the release that made the backup")
    return table


def put(database: Database, lines: Iterable[dict[str, Any]]) -> None:
    """Store rows, in place of those with the same keys.

    Raises:
        BackupError: a newer release made them.
        ServiceError: the database does not answer, or has no space.
    """
    for name, some in groupby(lines, lambda line: str(line["table"])):
        table = table_of(name)
        while rows := [decoded(table, line["row"]) for line in islice(some, BATCH)]:
            database.put(table, *rows)


def encoded(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """A row as JSON: bytes in base64."""
    return {
        # SQLAlchemy's names are of a class of their own, which orjson refuses.
        str(name): base64.b64encode(value).decode() if value is not None and is_binary(table, name) else value
        for name, value in row.items()
    }


def decoded(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """A row of JSON as the database takes it.

    Raises:
        BackupError: it has a column that this release does not know.
    """
    if unknown := set(row) - set(table.columns.keys()):
        raise BackupError(
            f"table {table.name} has no column {', '.join(sorted(unknown))} in this release; restore with the release "
            "that made the backup"
        )
    return {
        name: base64.b64decode(value) if value is not None and is_binary(table, name) else value
        for name, value in row.items()
    }


def is_binary(table: Table, name: str) -> bool:
    """Whether a column holds bytes."""
    return isinstance(table.columns[name].type, LargeBinary)
