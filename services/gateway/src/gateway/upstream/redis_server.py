"""Redis, shared by every gateway, behind a circuit breaker: an outage costs one time-out, not one a request."""

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
    """Redis does not answer, or did not a moment ago."""


class RedisServer:
    """A Redis at a URL."""

    # After a failure no command is sent for this long.
    PAUSE_S = 2.0

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.pool = redis.ConnectionPool.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
        self.client = redis.Redis(connection_pool=self.pool)
        self._clock = clock
        self._open_until = 0.0

    def ask(self, command: Callable[[], T]) -> T:
        """The result of a command.

        Raises:
            RedisDownError: Redis fails, or the breaker is open.
        """
        if self._clock() < self._open_until:
            raise RedisDownError
        try:
            return command()
        except redis.RedisError as error:
            self._open_until = self._clock() + self.PAUSE_S
            log.warning("Redis does not answer; for %.0f s nothing is asked of it: %s", self.PAUSE_S, error)
            raise RedisDownError from error
