"""Request deadlines, passed from service to service as the remaining time in the header X-Time-Left-Ms.

A timestamp would also count the time on the network, but the clocks of two machines differ by more than that.
"""

from __future__ import annotations

import time
from contextvars import ContextVar

from flask import g, has_request_context, request

from servicekit.errors import Kind, ServiceError

HEADER = "X-Time-Left-Ms"
# When the first byte of this thread's current request arrived, on the monotonic clock; set by the gunicorn worker.
arrived_at: ContextVar[float | None] = ContextVar("arrived_at", default=None)


def set_deadline(seconds: float) -> None:
    """Set the current request's deadline to `seconds` after its first byte arrived; an earlier deadline is kept."""
    came = arrived_at.get()
    began = time.monotonic() if came is None else came
    g.deadline = min(g.get("deadline", float("inf")), began + seconds)


def take_over_deadline() -> None:
    """Take over the caller's deadline from its header, if there is one."""
    given = request.headers.get(HEADER, "")
    # At most 9 digits: 11 days in milliseconds. More digits are ignored.
    if given.isascii() and given.isdigit() and len(given) < 10:
        set_deadline(int(given) / 1000)


def time_left() -> float | None:
    """Seconds until the current request's deadline, negative after it; None without a deadline."""
    deadline = g.get("deadline") if has_request_context() else None
    return None if deadline is None else deadline - time.monotonic()


def check_deadline() -> None:
    """Stop work that the client no longer waits for.

    Raises:
        ServiceError: the current request's deadline has passed.
    """
    left = time_left()
    if left is not None and left <= 0:
        raise ServiceError(Kind.UNAVAILABLE, "the time for this request is over", retry_after=1)
