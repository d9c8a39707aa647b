"""How much is done at once: so many work, so many wait a little, and the others are told at once to come again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from servicekit.deadline import check_deadline, time_left
from servicekit.errors import Kind, ServiceError
from servicekit.timing import stage


class Turns(NamedTuple):
    """Turns for requests that may hold a thread for long; with the default numbers a third of the threads is left."""

    # Large bodies that are no uploads: searches by picture.
    bodies: Gate
    # Uploads, from before the first byte of the body is read.
    uploads: Gate
    # Files larger than what the kernel takes at once, which a client may read slowly.
    downloads: Gate
    # Answers that last as long as the work that they tell of.
    streams: Gate

    @classmethod
    def of(cls, threads: int, uploads: int) -> Turns:
        """Turns for so many threads, and so many uploads at once."""
        part = max(1, threads // 12)
        return cls(
            bodies=Gate("large requests", part, part, patience_s=5),
            uploads=Gate("uploads", uploads, part, patience_s=30),
            downloads=Gate("downloads", 2 * part, part, patience_s=10),
            streams=Gate("long requests", part, 0, patience_s=0),
        )


class Gate:
    """Turns for one kind of work."""

    def __init__(self, what: str, working: int, waiting: int, patience_s: float) -> None:
        """A gate.

        Args:
            what: the work, in messages.
            working: how many do it at once.
            waiting: how many may wait for a turn.
            patience_s: the longest wait, in seconds.
        """
        self._what, self._patience_s = what, patience_s
        self._turns = threading.Semaphore(working)
        self._inside = threading.Semaphore(working + waiting)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, and have it for the block.

        Raises:
            ServiceError: too many wait already, or the turn did not come in time (429); or the request's own time is
                over (503).
        """
        if not self._inside.acquire(blocking=False):
            raise self._busy()
        try:
            left = time_left()
            patience = self._patience_s if left is None else max(0.0, min(self._patience_s, left))
            begun = time.monotonic()
            with stage("queue"):
                came = self._turns.acquire(timeout=patience)
            if not came:
                raise self._busy(time.monotonic() - begun)
            try:
                check_deadline()
                yield
            finally:
                self._turns.release()
        finally:
            self._inside.release()

    def _busy(self, waited_s: float = 0.0) -> ServiceError:
        waited = f" after {waited_s:.1f} s of waiting" if waited_s >= 0.1 else ""
        return ServiceError(Kind.TOO_MANY_REQUESTS, f"busy with other {self._what}{waited}; try again", retry_after=1)
