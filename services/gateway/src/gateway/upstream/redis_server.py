"""Redis, shared by all gateways, behind a circuit breaker: while it is down, requests do not wait for a time-out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

import redis

log = logging.getLogger(__name__)

TIMEOUT_S = 0.25
T = TypeVar("T")


class RedisDownError(Exception):
    """Redis does not answer, the circuit breaker is open, or Redis refuses the command."""


class RedisServer:
    """A Redis server with a circuit breaker."""

    # Seconds for which the circuit breaker stays open after a failure.
    PAUSE_S = 2.0

    def __init__(self, url: str, connections: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Connect lazily.

        Args:
            url: the server's URL.
            connections: the most connections; at least as many as threads, so that no thread waits for one.
            clock: monotonic seconds.
        """
        self.pool = redis.ConnectionPool.from_url(
            url, max_connections=connections, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
        )
        self.client = redis.Redis(connection_pool=self.pool)
        self._clock = clock
        self._open_until = 0.0

    def ask(self, command: Callable[[], T]) -> T:
        """Run a command and return its result.

        Raises:
            RedisDownError: Redis does not answer or refuses the command, or the circuit breaker is open.
        """
        if self._clock() < self._open_until:
            raise RedisDownError
        try:
            return command()
        except (redis.ConnectionError, redis.TimeoutError) as error:
            self._open_until = self._clock() + self.PAUSE_S
            log.warning("Redis does not answer; for %.0f s nothing is asked of it: %s", self.PAUSE_S, error)
            raise RedisDownError from error
        except redis.RedisError as error:  # Redis answers, such as a read-only replica, so the breaker stays closed
            log.warning("Redis refuses a command: %s", error)
            raise RedisDownError from error
