"""The result cache: Redis, or this process's memory. Entries may be evicted and Redis may be down; neither is an error.

It also holds the write mark: a random value that every write by way of a gateway replaces, if Redis answers. The state
of the collection that a gateway has cached is valid for as long as the mark stays the same.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

import redis
from cachetools import TTLCache

from gateway.upstream.redis_server import RedisDownError, RedisServer

# The version of the entries' layout: gateways of two releases may share one Redis.
PREFIX = "sightline:2:"


# Estimated overhead of an entry beside its value: key and hash table.
ENTRY_BYTES = 500


class Cache(Protocol):
    """Bytes by key. The key holds everything that the value depends on, so that no entry is ever invalidated."""

    def get(self, key: str) -> bytes | None: ...
    def set(self, key: str, value: bytes) -> None: ...
    def written(self) -> bytes | None: ...
    def mark_written(self) -> None: ...
    def state(self) -> str: ...


class MemoryCache:
    """The cache without Redis: in this process, bounded in bytes, evicting the least recently used."""

    def __init__(self, most_bytes: int, ttl_s: int) -> None:
        self._lock = threading.Lock()
        # Bounded in bytes and not in entries: a page of 24 results has 10 kB, one of 200 has 100 kB.
        self._kept: TTLCache[str, bytes] = TTLCache(most_bytes, ttl_s, getsizeof=lambda value: len(value) + ENTRY_BYTES)
        self._written = b""

    def get(self, key: str) -> bytes | None:
        """The value, or None when it is not here."""
        with self._lock:
            value: bytes | None = self._kept.get(key)
            return value

    def set(self, key: str, value: bytes) -> None:
        """Keep a value, unless it alone is larger than the cache."""
        with self._lock, suppress(ValueError):
            self._kept[key] = value

    def written(self) -> bytes | None:
        """The mark of the last write."""
        return self._written

    def mark_written(self) -> None:
        """Leave another mark."""
        self._written = secrets.token_bytes(8)

    def state(self) -> str:
        """A sentence for the readiness report."""
        return f"in this process, {len(self._kept)} entries"


class RedisCache:
    """Redis, shared by every gateway. While it does not answer every look-up is a miss."""

    def __init__(self, server: RedisServer, ttl_s: int) -> None:
        self._server, self._redis, self._ttl_s = server, server.client, ttl_s

    def get(self, key: str) -> bytes | None:
        """The value, or None when it is not there or Redis does not answer."""
        value = self._ask(lambda: self._redis.get(PREFIX + key))
        return value if isinstance(value, bytes) else None

    def set(self, key: str, value: bytes) -> None:
        """Keep a value, if Redis answers."""
        self._ask(lambda: self._redis.set(PREFIX + key, value, ex=self._ttl_s))

    def written(self) -> bytes | None:
        """The mark of the last write by any gateway; None while Redis does not answer."""
        found = self._ask(lambda: self._redis.mget([PREFIX + "written"]))
        return found[0] or b"" if isinstance(found, list) else None

    def mark_written(self) -> None:
        """Leave another mark, if Redis answers."""
        self._ask(lambda: self._redis.set(PREFIX + "written", secrets.token_bytes(8)))

    def state(self) -> str:
        """A sentence for the readiness report; an outage is no reason not to be ready."""
        try:
            self._redis.ping()
        except redis.RedisError as error:
            return f"Redis does not answer, so nothing is cached: {error}"
        return "Redis answers"

    def _ask(self, command: Callable[[], Any]) -> Any:
        """The result of a command; None while Redis does not answer."""
        try:
            return self._server.ask(command)
        except RedisDownError:
            return None
