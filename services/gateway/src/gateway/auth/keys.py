"""API keys and their scopes. Only a digest of a key's secret is stored, so the database reveals no key."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import UTC, datetime
from enum import IntEnum
from typing import NamedTuple

from sqlalchemy import Column, LargeBinary, Table, Text, bindparam, delete, insert, select

from gateway.database import METADATA, Database

# A key holds its public id and its secret. The secret has 256 random bits, so a fast digest (SHA-256) is safe.
WRITTEN = re.compile(r"sl_(?P<id>[0-9a-f]{12})_(?P<secret>[A-Za-z0-9_-]{43})")

KEYS = Table(
    "keys",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("created_at", Text, nullable=False),
)
ONE_KEY = select(KEYS).where(KEYS.c.id == bindparam("id"))


class Scope(IntEnum):
    """What a key allows; each scope includes those before it."""

    READ = 1
    WRITE = 2
    ADMIN = 3


class Key(NamedTuple):
    """A key without its secret."""

    id: str
    name: str
    scope: Scope
    created_at: str


class KeyStore:
    """The API keys in the state database, shared by all gateways and the command line."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, name: str, scope: Scope) -> str:
        """Create a key and return it with its secret, which cannot be read again."""
        key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        self._database.change(
            insert(KEYS).values(
                id=key_id,
                name=name,
                scope=scope.name.lower(),
                digest=digest(secret),
                created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            )
        )
        return f"sl_{key_id}_{secret}"

    def all(self) -> list[Key]:
        """All keys, oldest first."""
        rows = self._database.rows(select(KEYS).order_by(KEYS.c.created_at, KEYS.c.id))
        return [Key(r.id, r.name, Scope[r.scope.upper()], r.created_at) for r in rows]

    def revoke(self, key_id: str) -> bool:
        """Delete a key, which is refused from the next request on; return whether it existed."""
        return self._database.change(delete(KEYS).where(KEYS.c.id == key_id)) > 0

    def find(self, written: str) -> Key | None:
        """The key that matches a full key string sl_ID_SECRET, or None."""
        match = WRITTEN.fullmatch(written)
        if match is None:
            return None
        for r in self._database.rows(ONE_KEY, id=match["id"]):
            if hmac.compare_digest(r.digest, digest(match["secret"])):
                return Key(r.id, r.name, Scope[r.scope.upper()], r.created_at)
        return None


def digest(secret: str) -> bytes:
    """The digest of a secret, as stored."""
    return hashlib.sha256(secret.encode()).digest()
