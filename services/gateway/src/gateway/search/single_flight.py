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
        """Use a cache.

        Args:
            cache: stores the documents.
            lookups: a counter with the labels `cache` and `result`: hit, miss, or shared with a request in flight.
        """
        self._cache, self._lookups = cache, lookups
        self._lock = threading.Lock()
        self._flying: dict[str, Future[Any]] = {}

    def find(self, kind: str, key: str) -> Any | None:
        """The cached document, or None."""
        with stage("cache"):
            kept = self._cache.get(f"{kind}:{key}")
        self._lookups.labels(kind, "miss" if kept is None else "hit").inc()
        return None if kept is None else orjson.loads(kept)

    def keep(self, kind: str, key: str, document: Any) -> None:
        """Store a document in the cache."""
        with stage("cache"):
            self._cache.set(f"{kind}:{key}", orjson.dumps(document))

    def once(self, kind: str, key: str, work: Callable[[], Any]) -> Any:
        """Run `work` once for all concurrent requests with the same key; all get its result or its error.

        The result is not cached: call `keep` for that.
        """
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
                    # UNAVAILABLE: the other request may have passed its own deadline. This request still has time, so
                    # it runs `work` itself.
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
