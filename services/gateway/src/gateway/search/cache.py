"""The result cache: Redis, or this process's memory. Entries may be evicted and Redis may be down; neither is an error.

It also holds the write mark: a random value that every write through a gateway replaces, if Redis answers. A gateway's
cached state of the collection is valid as long as the mark is unchanged.
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

# Holds the version of the entry format: gateways of two releases may share one Redis.
PREFIX = "sightline:5:"


# Estimated overhead of an entry in bytes, beside its value: key and hash table.
ENTRY_BYTES = 500


class Cache(Protocol):
    """Bytes by cache key. The key covers everything that the value depends on, so no entry needs invalidation."""

    def get(self, key: str) -> bytes | None: ...
    def set(self, key: str, value: bytes) -> None: ...
    def written(self) -> bytes | None: ...
    def mark_written(self) -> None: ...
    def state(self) -> str: ...


class MemoryCache:
    """An LRU cache in this process with a TTL, bounded in bytes."""

    def __init__(self, most_bytes: int, ttl_s: int) -> None:
        self._lock = threading.Lock()
        # Bounded in bytes, not in entries: a page of 24 results has 10 kB, one of 200 has 100 kB.
        self._kept: TTLCache[str, bytes] = TTLCache(most_bytes, ttl_s, getsizeof=lambda value: len(value) + ENTRY_BYTES)
        self._written = b""

    def get(self, key: str) -> bytes | None:
        """The value, or None."""
        with self._lock:
            value: bytes | None = self._kept.get(key)
            return value

    def set(self, key: str, value: bytes) -> None:
        """Store a value, unless it alone is larger than the cache."""
        with self._lock, suppress(ValueError):
            self._kept[key] = value

    def written(self) -> bytes | None:
        """The current write mark."""
        return self._written

    def mark_written(self) -> None:
        """Replace the write mark."""
        self._written = secrets.token_bytes(8)

    def state(self) -> str:
        """The status text for `/readyz`."""
        return f"in this process, {len(self._kept)} entries"


class RedisCache:
    """Redis, shared by all gateways. While it does not answer, every look-up is a miss."""

    def __init__(self, server: RedisServer, ttl_s: int) -> None:
        self._server, self._redis, self._ttl_s = server, server.client, ttl_s

    def get(self, key: str) -> bytes | None:
        """The value, or None, also while Redis does not answer."""
        value = self._ask(lambda: self._redis.get(PREFIX + key))
        return value if isinstance(value, bytes) else None

    def set(self, key: str, value: bytes) -> None:
        """Store a value, if Redis answers."""
        self._ask(lambda: self._redis.set(PREFIX + key, value, ex=self._ttl_s))

    def written(self) -> bytes | None:
        """The write mark of all gateways; None while Redis does not answer."""
        found = self._ask(lambda: self._redis.mget([PREFIX + "written"]))
        return found[0] or b"" if isinstance(found, list) else None

    def mark_written(self) -> None:
        """Replace the write mark, if Redis answers."""
        self._ask(lambda: self._redis.set(PREFIX + "written", secrets.token_bytes(8)))

    def state(self) -> str:
        """The status text for `/readyz`; the gateway stays ready without Redis."""
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
