"""The state of the collection: fetched from the search service, and cached until a write changes the write mark."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from servicekit.errors import Kind, ServiceError
from servicekit.records import CollectionStats
from servicekit.timing import stage

from gateway.upstream.search import SearchClient

# Cache lifetime in seconds: a write that bypasses the gateways, such as `sightline migrate`, is seen after this time.
STATE_S = 1.0


class Written(Protocol):
    """The write mark: a shared value that changes with every write."""

    def written(self) -> bytes | None: ...
    def mark_written(self) -> None: ...


class Collection:
    """The cached state of the collection; it is fetched again after every write, and otherwise after a second."""

    def __init__(self, search: SearchClient, marks: Written, clock: Callable[[], float] = time.monotonic) -> None:
        self._search, self._marks, self._clock = search, marks, clock
        self._known: tuple[float, bytes, CollectionStats] | None = None
        self._asking = threading.Lock()

    def state(self) -> CollectionStats:
        """The state of the collection.

        Raises:
            ServiceError: the search service does not answer, and there is no valid cached state.
        """
        mark = self._marks.written()
        known = self._known
        holds = known is not None and mark is not None and known[1] == mark
        if known and holds:
            fresh = self._clock() - known[0] < STATE_S
            # One request fetches it; the others use the cached state, which no write has changed.
            if fresh or not self._asking.acquire(blocking=False):
                return known[2]
            try:
                return self._ask(mark)
            except ServiceError as error:
                # Search is down for this gateway. The write mark is unchanged, so no gateway has written and the cached
                # state is still current.
                if error.kind is Kind.UNAVAILABLE:
                    return known[2]
                raise
            finally:
                self._asking.release()
        return self._ask(mark)

    def _ask(self, mark: bytes | None) -> CollectionStats:
        # A write after this line changes the mark, so the next reader fetches the state again.
        asked = self._clock()
        with stage("state"):
            stats = self._search.stats()
        if mark is not None:
            self._known = (asked, mark, stats)
        return stats

    def changed(self) -> None:
        """Invalidate the cached state of every gateway after a write."""
        self._marks.mark_written()
