"""The cache: it may forget and it may be gone; it is never wrong and never an error."""

from __future__ import annotations

import logging
import threading
import time
from typing import Protocol

import redis
from cachetools import TTLCache

log = logging.getLogger(__name__)

# Two versions of the gateway may share one Redis: an entry of another layout must not be read.
PREFIX = "sightline:1:"


class Cache(Protocol):
    """Bytes by key. A caller puts everything the value depends on into the key: nothing is ever invalidated."""

    def get(self, key: str) -> bytes | None: ...
    def set(self, key: str, value: bytes) -> None: ...
    def state(self) -> str: ...


class MemoryCache:
    """The stand-in where there is no Redis: one process's own, bounded, least recently used out first."""

    def __init__(self, entries: int, ttl_s: int) -> None:
        self._lock = threading.Lock()
        self._kept: TTLCache[str, bytes] = TTLCache(entries, ttl_s)

    def get(self, key: str) -> bytes | None:
        """The value, or None when it is not here."""
        with self._lock:
            value: bytes | None = self._kept.get(key)
            return value

    def set(self, key: str, value: bytes) -> None:
        """Keep a value."""
        with self._lock:
            self._kept[key] = value

    def state(self) -> str:
        """A sentence for the readiness report."""
        return f"in this process, {len(self._kept)} entries"


class RedisCache:
    """Redis, shared by every gateway. While it does not answer every look-up is a miss."""

    # After a failure Redis is left alone for this long, so that an outage costs one time-out, not one a request.
    PAUSE_S = 2.0

    def __init__(self, url: str, ttl_s: int) -> None:
        self._redis = redis.Redis.from_url(url, socket_timeout=0.25, socket_connect_timeout=0.25)
        self._ttl_s = ttl_s
        self._closed_until = 0.0

    def get(self, key: str) -> bytes | None:
        """The value, or None when it is not there or Redis does not answer."""
        if time.monotonic() < self._closed_until:
            return None
        try:
            value = self._redis.get(PREFIX + key)
        except redis.RedisError as error:
            self._pause(error)
            return None
        return value if isinstance(value, bytes) else None

    def set(self, key: str, value: bytes) -> None:
        """Keep a value, if Redis answers."""
        if time.monotonic() < self._closed_until:
            return
        try:
            self._redis.set(PREFIX + key, value, ex=self._ttl_s)
        except redis.RedisError as error:
            self._pause(error)

    def state(self) -> str:
        """A sentence for the readiness report; an outage is no reason not to be ready."""
        try:
            self._redis.ping()
        except redis.RedisError as error:
            return f"Redis does not answer, so nothing is cached: {error}"
        return "Redis answers"

    def _pause(self, error: redis.RedisError) -> None:
        self._closed_until = time.monotonic() + self.PAUSE_S
        log.warning("Redis does not answer, searching without a cache for %.0f s: %s", self.PAUSE_S, error)
