"""A cache with single flight: concurrent requests for the same key share one computation."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import orjson
from prometheus_client import Counter
from servicekit.deadline import time_left
from servicekit.errors import Kind, ServiceError
from servicekit.timing import stage

from gateway.search.cache import Cache


class SingleFlightCache:
    """Caches documents by key; concurrent requests for the same key share one computation."""

    def __init__(self, cache: Cache, lookups: Counter) -> None:
        """Over a cache.

        Args:
            lookups: counts by `cache` and `result`: hit, miss, or shared with another request in flight.
        """
        self._cache, self._lookups = cache, lookups
        self._lock = threading.Lock()
        self._flying: dict[str, Future[Any]] = {}

    def find(self, kind: str, key: str) -> Any | None:
        """The kept document, or None."""
        with stage("cache"):
            kept = self._cache.get(f"{kind}:{key}")
        self._lookups.labels(kind, "miss" if kept is None else "hit").inc()
        return None if kept is None else orjson.loads(kept)

    def keep(self, kind: str, key: str, document: Any) -> None:
        """Keep a document."""
        with stage("cache"):
            self._cache.set(f"{kind}:{key}", orjson.dumps(document))

    def once(self, kind: str, key: str, work: Callable[[], Any]) -> Any:
        """The result of `work`, or its error, shared by all requests that ask while it runs."""
        with self._lock:
            future = self._flying.get(f"{kind}:{key}")
            mine = future is None
            if future is None:
                future = self._flying[f"{kind}:{key}"] = Future()
        if not mine:
            self._lookups.labels(kind, "shared").inc()
            with stage("shared"):
                try:
                    return future.result(time_left())
                except TimeoutError as error:
                    raise ServiceError(Kind.UNAVAILABLE, "the answer did not come in time", retry_after=1) from error
                except ServiceError as error:
                    # The shared computation failed by its own request's deadline; this request still has time.
                    if error.kind is not Kind.UNAVAILABLE:
                        raise
            return work()
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)
        finally:
            with self._lock:
                del self._flying[f"{kind}:{key}"]
        return future.result()
