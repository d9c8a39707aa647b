"""Doing things once: results that are kept, work in flight that others wait for, and the state of the collection."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

import orjson
from prometheus_client import Counter
from servicekit.deadline import time_left
from servicekit.errors import Kind, ServiceError
from servicekit.timing import stage

from gateway.cache import Cache
from gateway.clients import SearchClient

# What was written past every gateway, as by `sightline migrate`, is seen after so long at the latest.
STATE_S = 1.0


class Memo:
    """Keeps documents by key, and lets equal requests at the same time share one computation."""

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
        """What `work` returns or raises, for all who ask while it goes on."""
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
                    # It may have been the other's time that was over: this request has its own.
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


class Written(Protocol):
    """What tells whether somebody has written."""

    def written(self) -> bytes | None: ...
    def mark_written(self) -> None: ...


class Collection:
    """The state of the collection, asked for once a second while nobody writes through a gateway."""

    def __init__(self, search: SearchClient, marks: Written, clock: Callable[[], float] = time.monotonic) -> None:
        self._search, self._marks, self._clock = search, marks, clock
        self._known: tuple[float, bytes, dict[str, Any]] | None = None
        self._asking = threading.Lock()

    def state(self) -> dict[str, Any]:
        """`count`, `model_id` (None while there is no picture) and `generation`.

        Raises:
            ServiceError: the search service does not answer, and nothing is known that still holds.
        """
        mark = self._marks.written()
        known = self._known
        holds = known is not None and mark is not None and known[1] == mark
        if known and holds:
            fresh = self._clock() - known[0] < STATE_S
            # One request asks; what the others know was right a moment ago, and nobody has written since.
            if fresh or not self._asking.acquire(blocking=False):
                return known[2]
            try:
                return self._ask(mark)
            except ServiceError as error:
                # Who cannot be reached cannot be written to either: what was found before is still right.
                if error.kind is Kind.UNAVAILABLE:
                    return known[2]
                raise
            finally:
                self._asking.release()
        return self._ask(mark)

    def _ask(self, mark: bytes | None) -> dict[str, Any]:
        # A write from now on leaves another mark than the one that is kept, so its reader asks again.
        asked = self._clock()
        with stage("state"):
            stats = self._search.stats()
        if mark is not None:
            self._known = (asked, mark, stats)
        return stats

    def changed(self) -> None:
        """Something was written: no gateway may go on with what it knew before."""
        self._marks.mark_written()
