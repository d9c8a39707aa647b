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

# The weight of the latest request in the average time for which a slot is held.
SMOOTHING = 0.1


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
        self._what, self._patience_s, self._working = what, patience_s, working
        self._slots = threading.Semaphore(working)
        self._admitted = threading.Semaphore(working + waiting)
        self._lock = threading.Lock()
        # Requests that wait for a slot, and for how long a slot was held of late (a moving average), in seconds.
        self._queued, self._held_s = 0, 0.0

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait for a slot, and hold it for the block.

        Raises:
            ServiceError: too many requests wait already, no slot will be free in time as it looks, or none became free
                in time (429); or the request's deadline has passed (503).
        """
        if not self._admitted.acquire(blocking=False):
            raise self._busy()
        try:
            left = time_left()
            patience = self._patience_s if left is None else max(0.0, min(self._patience_s, left))
            begun = time.monotonic()
            if not self._wait(patience):
                raise self._busy(time.monotonic() - begun)
            taken = time.monotonic()
            try:
                check_deadline()
                yield
            finally:
                self._slots.release()
                with self._lock:
                    self._held_s += SMOOTHING * (time.monotonic() - taken - self._held_s)
        finally:
            self._admitted.release()

    def _wait(self, patience_s: float) -> bool:
        """Wait for a slot; False if none will be free in time as it looks, or none became free."""
        with stage("queue"):
            if self._slots.acquire(blocking=False):
                return True
            with self._lock:
                if (self._queued + 1) / self._working * self._held_s > patience_s:
                    return False
                self._queued += 1
            try:
                return self._slots.acquire(timeout=patience_s)
            finally:
                with self._lock:
                    self._queued -= 1

    def _busy(self, waited_s: float = 0.0) -> ServiceError:
        waited = f" after {waited_s:.1f} s of waiting" if waited_s >= 0.1 else ""
        return ServiceError(Kind.TOO_MANY_REQUESTS, f"busy with other {self._what}{waited}; try again", retry_after=1)
