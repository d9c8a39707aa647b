"""Redis, shared by every gateway, behind a circuit breaker: while it is down, no request waits for a time-out."""

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
    """Redis does not answer, did not a moment ago, or refuses the command."""


class RedisServer:
    """A Redis at a URL."""

    # After a failure no command is sent for this long.
    PAUSE_S = 2.0

    def __init__(self, url: str, connections: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Connect when first asked.

        Args:
            url: of the server.
            connections: at most; as many as there are threads, so that none waits for another.
            clock: seconds that only rise.
        """
        self.pool = redis.ConnectionPool.from_url(
            url, max_connections=connections, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
        )
        self.client = redis.Redis(connection_pool=self.pool)
        self._clock = clock
        self._open_until = 0.0

    def ask(self, command: Callable[[], T]) -> T:
        """The result of a command.

        Raises:
            RedisDownError: Redis does not answer or refuses, or the breaker is open.
        """
        if self._clock() < self._open_until:
            raise RedisDownError
        try:
            return command()
        except (redis.ConnectionError, redis.TimeoutError) as error:
            self._open_until = self._clock() + self.PAUSE_S
            log.warning("Redis does not answer; for %.0f s nothing is asked of it: %s", self.PAUSE_S, error)
            raise RedisDownError from error
        except redis.RedisError as error:  # it answers, as a replica that is read-only does; other commands may work
            log.warning("Redis refuses a command: %s", error)
            raise RedisDownError from error
