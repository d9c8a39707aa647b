"""When the last backup was made, noted in the state database, so that an alert can tell of one that is overdue."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Double, Table, Text, func, select

from gateway.database import METADATA, Database

BACKUPS = Table(
    "backups",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("began_at", Double, nullable=False),  # seconds since 1970
)


def note_backup(database: Database, name: str, began_at: datetime) -> None:
    """Note a complete backup.

    Raises:
        ServiceError: the database does not answer, or has no space.
    """
    database.put(BACKUPS, {"name": name, "began_at": began_at.timestamp()})


def latest_backup(database: Database) -> float | None:
    """When the last complete backup began, in seconds since 1970; None if there is none.

    Raises:
        ServiceError: the database does not answer.
    """
    latest: float | None = database.rows(select(func.max(BACKUPS.c.began_at)))[0][0]
    return latest
