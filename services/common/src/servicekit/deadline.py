"""Until when an answer is of use: handed down from service to service as the time that is left.

A time of day would be simpler and would count the way as well, but the clocks of two machines differ by more than that.
"""

from __future__ import annotations

import time
from contextvars import ContextVar

from flask import g, has_request_context, request

from servicekit.errors import Kind, ServiceError

HEADER = "X-Time-Left-Ms"
# When the first byte of the request that this thread answers came, on the monotonic clock; set by the worker.
arrived_at: ContextVar[float | None] = ContextVar("arrived_at", default=None)


def set_deadline(seconds: float) -> None:
    """Give the request that is being answered so long, from when it came; a deadline that is nearer stays."""
    came = arrived_at.get()
    began = time.monotonic() if came is None else came
    g.deadline = min(g.get("deadline", float("inf")), began + seconds)


def take_over_deadline() -> None:
    """Keep to the time that the caller has left, if it says so."""
    given = request.headers.get(HEADER, "")
    # 9 digits of milliseconds: more than a week.
    if given.isascii() and given.isdigit() and len(given) < 10:
        set_deadline(int(given) / 1000)


def time_left() -> float | None:
    """Seconds until the deadline of the request that is being answered, below 0 after it; None where there is none."""
    deadline = g.get("deadline") if has_request_context() else None
    return None if deadline is None else deadline - time.monotonic()


def check_deadline() -> None:
    """Stop work whose client has given up.

    Raises:
        ServiceError: the deadline is over.
    """
    left = time_left()
    if left is not None and left <= 0:
        raise ServiceError(Kind.UNAVAILABLE, "the time for this request is over", retry_after=1)
