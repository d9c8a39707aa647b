"""Browser sessions: after a login with an API key, the cookie holds a session secret and not the key."""

from __future__ import annotations

import hmac
import re
import secrets
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from servicekit.errors import ServiceError
from sqlalchemy import Column, ColumnElement, LargeBinary, Table, Text, bindparam, delete, insert, select, update

from gateway.auth.keys import KEYS, Key, Scope, digest
from gateway.database import METADATA, Database

# A session expires after this time and is not extended by use: the browser then needs the key again.
LIFE = timedelta(days=30)
# Resolution of `seen_at`: not every request writes to the database.
SEEN = timedelta(minutes=5)
# Sessions kept per key; the oldest are deleted.
MOST_SESSIONS = 100
WRITTEN = re.compile(r"(?P<id>[0-9a-f]{12})_(?P<secret>[A-Za-z0-9_-]{43})")

SESSIONS = Table(
    "sessions",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("key_id", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("seen_at", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("client", Text, nullable=False),
)
WITH_KEY = (
    select(SESSIONS, KEYS.c.name, KEYS.c.scope, KEYS.c.created_at.label("key_created_at"))
    .join(KEYS, KEYS.c.id == SESSIONS.c.key_id)
    .order_by(SESSIONS.c.created_at.desc(), SESSIONS.c.id)
)
ONE_SESSION = WITH_KEY.where(SESSIONS.c.id == bindparam("id"), SESSIONS.c.created_at >= bindparam("since"))


class Session(NamedTuple):
    """A session without its secret: its key, its times, and the browser's address and User-Agent."""

    id: str
    key: Key
    created_at: str
    seen_at: str
    address: str
    client: str


class Sessions:
    """The sessions in the state database; revoking a key ends its sessions, since they are joined with it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, key: Key, address: str, client: str, now: datetime | None = None) -> str:
        """Create a session of a key and return the value of its cookie.

        Args:
            key: the key that the browser logged in with.
            address: the client's address.
            client: the browser's User-Agent.
            now: the current time, for tests.
        """
        now = now or datetime.now(UTC)
        session_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        self._database.change(delete(SESSIONS).where(SESSIONS.c.created_at < moment(now - LIFE)))
        self._database.change(
            insert(SESSIONS).values(
                id=session_id,
                key_id=key.id,
                digest=digest(secret),
                # In microseconds, so that sessions of the same second are ordered.
                created_at=now.isoformat(timespec="microseconds"),
                seen_at=moment(now),
                address=address,
                client="".join(c for c in client if c.isprintable())[:200],
            )
        )
        latest = (
            select(SESSIONS.c.id)
            .where(SESSIONS.c.key_id == key.id)
            .order_by(SESSIONS.c.created_at.desc(), SESSIONS.c.id)
            .limit(MOST_SESSIONS)
        )
        self._database.change(delete(SESSIONS).where(SESSIONS.c.key_id == key.id, SESSIONS.c.id.not_in(latest)))
        return f"{session_id}_{secret}"

    def find(self, written: str, now: datetime | None = None) -> Session | None:
        """The session of a cookie's value, or None if there is none or it has expired."""
        match = WRITTEN.fullmatch(written)
        if match is None:
            return None
        now = now or datetime.now(UTC)
        for row in self._database.rows(ONE_SESSION, id=match["id"], since=moment(now - LIFE)):
            if hmac.compare_digest(row.digest, digest(match["secret"])):
                session = read_session(row)
                if session.seen_at < moment(now - SEEN):
                    # `seen_at` is information only: a full disk must not fail the request.
                    with suppress(ServiceError):
                        seen = update(SESSIONS).where(SESSIONS.c.id == session.id).values(seen_at=moment(now))
                        self._database.change(seen)
                return session
        return None

    def all(self, key_id: str | None = None) -> list[Session]:
        """The sessions of a key, or of all keys, newest first."""
        alive = SESSIONS.c.created_at >= moment(datetime.now(UTC) - LIFE)
        return [read_session(row) for row in self._database.rows(WITH_KEY.where(alive, *of_key(key_id)))]

    def end(self, session_id: str, key_id: str | None = None) -> bool:
        """End a session, only if it belongs to the key unless that is None; return whether it existed."""
        return self._database.change(delete(SESSIONS).where(SESSIONS.c.id == session_id, *of_key(key_id))) > 0


def of_key(key_id: str | None) -> tuple[ColumnElement[bool], ...]:
    """The SQL condition that a session belongs to a key; no condition if the key is None."""
    return () if key_id is None else (SESSIONS.c.key_id == key_id,)


def read_session(row: Any) -> Session:
    """A session from a row of WITH_KEY."""
    key = Key(row.key_id, row.name, Scope[row.scope.upper()], row.key_created_at)
    created_at = moment(datetime.fromisoformat(row.created_at))
    return Session(row.id, key, created_at, row.seen_at, row.address, row.client)


def moment(at: datetime) -> str:
    """A time as ISO 8601 text in seconds; it sorts chronologically."""
    return at.isoformat(timespec="seconds")
