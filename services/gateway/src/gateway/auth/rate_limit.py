"""How often each client may ask: counted in Redis for all gateways together, and here while it does not answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import redis
from limits import RateLimitItem
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from servicekit.errors import Kind, ServiceError

log = logging.getLogger(__name__)

# After a failure Redis is left alone for this long.
PAUSE_S = 2.0


class RateLimiter:
    """One limit, for each client on its own."""

    def __init__(
        self, limit: RateLimitItem, redis_url: str | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit, self._clock = limit, clock
        self._here = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared: SlidingWindowCounterRateLimiter | None = None
        self._closed_until = 0.0
        if redis_url:
            pool = redis.ConnectionPool.from_url(redis_url, socket_timeout=0.25, socket_connect_timeout=0.25)
            # The address is the pool's; the storage only wants to see that it is one of Redis.
            self._shared = SlidingWindowCounterRateLimiter(
                RedisStorage("redis://", connection_pool=pool, key_prefix="sightline:rates")
            )

    def count(self, client: str) -> None:
        """Count a request.

        Raises:
            ServiceError: the client has used up its share; `retry_after` says when there will be more.
        """
        if self._shared and self._clock() >= self._closed_until:
            try:
                self._hit(self._shared, client)
                return
            except redis.RedisError as error:
                self._closed_until = self._clock() + PAUSE_S
                log.warning("Redis does not answer, requests are counted here for %.0f s: %s", PAUSE_S, error)
        self._hit(self._here, client)

    def _hit(self, limiter: SlidingWindowCounterRateLimiter, client: str) -> None:
        if not limiter.hit(self._limit, client):
            wait = max(1, round(limiter.get_window_stats(self._limit, client).reset_time - time.time()))
            raise ServiceError(
                Kind.TOO_MANY_REQUESTS, f"more than {self._limit}; try again in {wait} s", retry_after=wait
            )
