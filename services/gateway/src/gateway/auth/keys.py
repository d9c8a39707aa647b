"""API keys: who may do what. Only a digest of each is kept, so that the file gives none away."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

from gateway.database import StateFile

# The key's public name and its secret part: 256 bits from the system, which no digest needs to be slow for.
WRITTEN = re.compile(r"sl_(?P<id>[0-9a-f]{12})_(?P<secret>[A-Za-z0-9_-]{43})")

SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    scope TEXT NOT NULL,
    digest BLOB NOT NULL,
    created_at TEXT NOT NULL
) STRICT
"""


class Scope(IntEnum):
    """What a key allows; each includes those before it."""

    READ = 1
    WRITE = 2
    ADMIN = 3


class Key(NamedTuple):
    """A key without its secret."""

    id: str
    name: str
    scope: Scope
    created_at: str


class KeyFile(StateFile):
    """The keys of a system: a file that gateways and the command line share."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, SCHEMA)

    def create(self, name: str, scope: Scope) -> str:
        """A new key, in full: it is never shown again."""
        key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._rows("INSERT INTO keys VALUES (?, ?, ?, ?, ?)", key_id, name, scope.name.lower(), digest(secret), now)
        return f"sl_{key_id}_{secret}"

    def all(self) -> list[Key]:
        """Every key, the oldest first."""
        found = self._rows("SELECT id, name, scope, digest, created_at FROM keys ORDER BY created_at, id")
        return [Key(i, name, Scope[scope.upper()], at) for i, name, scope, _, at in found]

    def revoke(self, key_id: str) -> bool:
        """Forget a key; whether it was there. It is refused from the next request on."""
        return bool(self._rows("DELETE FROM keys WHERE id = ? RETURNING id", key_id))

    def find(self, written: str) -> Key | None:
        """The key of this secret, or None."""
        match = WRITTEN.fullmatch(written)
        if match is None:
            return None
        for i, name, scope, kept, at in self._rows(
            "SELECT id, name, scope, digest, created_at FROM keys WHERE id = ?", match["id"]
        ):
            if hmac.compare_digest(kept, digest(match["secret"])):
                return Key(i, name, Scope[scope.upper()], at)
        return None


def digest(secret: str) -> bytes:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).digest()
