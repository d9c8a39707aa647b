"""Concurrency limits: a number of requests run, some more wait for a slot, and all others get 429 at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from servicekit.deadline import check_deadline, time_left
from servicekit.errors import Kind, ServiceError
from servicekit.timing import stage


class RequestLimits(NamedTuple):
    """Limits for requests that may hold a thread for long; with the defaults, a third of the threads stays free."""

    # Large request bodies other than uploads: searches by picture.
    bodies: ConcurrencyLimit
    # Uploads, from before the first byte of the body is read.
    uploads: ConcurrencyLimit
    # Files larger than the kernel's send buffer, which a client may read slowly.
    downloads: ConcurrencyLimit
    # Responses that last as long as the work whose progress they report.
    streams: ConcurrencyLimit

    @classmethod
    def of(cls, threads: int, uploads: int) -> RequestLimits:
        """The limits for a number of threads and of uploads at once."""
        part = max(1, threads // 12)
        return cls(
            bodies=ConcurrencyLimit("large requests", part, part, patience_s=5),
            uploads=ConcurrencyLimit("uploads", uploads, part, patience_s=30),
            downloads=ConcurrencyLimit("downloads", 2 * part, part, patience_s=10),
            streams=ConcurrencyLimit("long requests", part, 0, patience_s=0),
        )


class ConcurrencyLimit:
    """Slots for one kind of work."""

    def __init__(self, what: str, working: int, waiting: int, patience_s: float) -> None:
        """Limit one kind of work.

        Args:
            what: name of the work, in error messages.
            working: the number of slots.
            waiting: the number of requests that may wait for a slot.
            patience_s: the longest wait, in seconds.
        """
        self._what, self._patience_s = what, patience_s
        self._slots = threading.Semaphore(working)
        self._admitted = threading.Semaphore(working + waiting)

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait for a slot, and hold it for the block.

        Raises:
            ServiceError: too many requests wait already, or no slot became free in time (429); or the request's
                deadline has passed (503).
        """
        if not self._admitted.acquire(blocking=False):
            raise self._busy()
        try:
            left = time_left()
            patience = self._patience_s if left is None else max(0.0, min(self._patience_s, left))
            begun = time.monotonic()
            with stage("queue"):
                acquired = self._slots.acquire(timeout=patience)
            if not acquired:
                raise self._busy(time.monotonic() - begun)
            try:
                check_deadline()
                yield
            finally:
                self._slots.release()
        finally:
            self._admitted.release()

    def _busy(self, waited_s: float = 0.0) -> ServiceError:
        waited = f" after {waited_s:.1f} s of waiting" if waited_s >= 0.1 else ""
        return ServiceError(Kind.TOO_MANY_REQUESTS, f"busy with other {self._what}{waited}; try again", retry_after=1)
