"""Sessions of browsers: a key is shown once, and a secret that is worth nothing elsewhere stands for it in a cookie."""

from __future__ import annotations

import hmac
import re
import secrets
import sqlite3
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from gateway.auth import keys
from gateway.auth.keys import Key, Scope, digest
from gateway.database import StateFile

# Longest life of a session; there is no way to prolong one but the key.
LIFE = timedelta(days=30)
# How exactly it is known when a session was used last: not each request writes.
SEEN = timedelta(minutes=5)
# Of one key, the latest.
MOST_SESSIONS = 100
WRITTEN = re.compile(r"(?P<id>[0-9a-f]{12})_(?P<secret>[A-Za-z0-9_-]{43})")

SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY,
    key_id TEXT NOT NULL,
    digest BLOB NOT NULL,
    created_at TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    address TEXT NOT NULL,
    client TEXT NOT NULL
) STRICT
"""
COLUMNS = (
    "sessions.id, sessions.digest, sessions.created_at, seen_at, address, client, keys.id, name, scope, keys.created_at"
)


class Session(NamedTuple):
    """A session without its secret: whose key it stands for, since when, and which browser has it."""

    id: str
    key: Key
    created_at: str
    seen_at: str
    address: str
    client: str


class Sessions(StateFile):
    """The sessions of a system, beside its keys; a key that is revoked takes its sessions with it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, f"{keys.SCHEMA}; {SCHEMA}")

    def begin(self, key: Key, address: str, client: str, now: datetime | None = None) -> str:
        """A new session of a key; what its cookie holds.

        Args:
            key: what it stands for.
            address: the client's.
            client: what the browser calls itself.
            now: the time, for tests.
        """
        now = now or datetime.now(UTC)
        session_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        at = moment(now)
        client_name = "".join(c for c in client if c.isprintable())[:200]
        self._rows("DELETE FROM sessions WHERE created_at < ?", moment(now - LIFE))
        self._rows(
            "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(session_id, key.id, digest(secret), at, at, address, client_name),
        )
        self._rows(
            "DELETE FROM sessions WHERE key_id = ? AND id NOT IN "
            "(SELECT id FROM sessions WHERE key_id = ? ORDER BY created_at DESC, rowid DESC LIMIT ?)",
            *(key.id, key.id, MOST_SESSIONS),
        )
        return f"{session_id}_{secret}"

    def find(self, written: str, now: datetime | None = None) -> Session | None:
        """The session that a cookie stands for, if there is one."""
        match = WRITTEN.fullmatch(written)
        if match is None:
            return None
        now = now or datetime.now(UTC)
        for kept, session in self._select(
            "sessions.id = ? AND sessions.created_at >= ?", match["id"], moment(now - LIFE)
        ):
            if hmac.compare_digest(kept, digest(match["secret"])):
                if session.seen_at < moment(now - SEEN):
                    # Of use to people, and no reason to refuse them where the disk is full.
                    with suppress(sqlite3.OperationalError):
                        self._rows("UPDATE sessions SET seen_at = ? WHERE id = ?", moment(now), session.id)
                return session
        return None

    def all(self, key_id: str | None = None) -> list[Session]:
        """The sessions of a key, or of all, the latest first."""
        alive = moment(datetime.now(UTC) - LIFE)
        found = self._select("sessions.created_at >= ? AND ? IN (sessions.key_id, '')", alive, key_id or "")
        return [session for _, session in found]

    def end(self, session_id: str, key_id: str | None = None) -> bool:
        """End a session, if it is one of the key, or of any; whether it was there."""
        condition = "id = ? AND ? IN (key_id, '')"
        return bool(self._rows(f"DELETE FROM sessions WHERE {condition} RETURNING id", session_id, key_id or ""))

    def _select(self, condition: str, *values: object) -> list[tuple[bytes, Session]]:
        rows = self._rows(
            f"SELECT {COLUMNS} FROM sessions JOIN keys ON keys.id = key_id WHERE {condition} "
            "ORDER BY sessions.created_at DESC, sessions.rowid DESC",
            *values,
        )
        return [
            (kept, Session(i, Key(key_id, name, Scope[scope.upper()], key_at), created_at, seen_at, address, client))
            for i, kept, created_at, seen_at, address, client, key_id, name, scope, key_at in rows
        ]


def moment(at: datetime) -> str:
    """A time as it is kept: texts that sort as times do."""
    return at.isoformat(timespec="seconds")
