"""Rate limit per client: counted in Redis for all gateways together, or in this process while Redis is down."""

from __future__ import annotations

import time

from limits import RateLimitItem
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from servicekit.errors import Kind, ServiceError

from gateway.upstream.redis_server import RedisDownError, RedisServer


class RateLimiter:
    """A sliding-window rate limit, counted for each client separately."""

    def __init__(self, limit: RateLimitItem, server: RedisServer | None) -> None:
        self._limit, self._server = limit, server
        self._here = SlidingWindowCounterRateLimiter(MemoryStorage())
        # The connection pool holds the address; RedisStorage only checks the scheme of this URL.
        self._shared = server and SlidingWindowCounterRateLimiter(
            RedisStorage("redis://", connection_pool=server.pool, key_prefix="sightline:rates")
        )

    def count(self, client: str) -> None:
        """Count a request.

        Raises:
            ServiceError: the client is over the limit (429); `retry_after` is the number of seconds to wait.
        """
        if self._server and self._shared:
            shared = self._shared
            try:
                return self._server.ask(lambda: self._hit(shared, client))
            except RedisDownError:
                pass  # count in this process instead
        return self._hit(self._here, client)

    def _hit(self, limiter: SlidingWindowCounterRateLimiter, client: str) -> None:
        if not limiter.hit(self._limit, client):
            wait = max(1, round(limiter.get_window_stats(self._limit, client).reset_time - time.time()))
            raise ServiceError(
                Kind.TOO_MANY_REQUESTS, f"more than {self._limit}; try again in {wait} s", retry_after=wait
            )
