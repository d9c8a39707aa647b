"""How long each stage of a request takes: for the client's `Server-Timing`, for Prometheus, and for the answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from flask import g, has_request_context

from servicekit.tracing import span


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Time a part of a request under a name of its own; several turns of one name add up."""
    started = time.perf_counter()
    try:
        with span(name):
            yield
    finally:
        if has_request_context():
            seconds = stages()
            seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - started


def stages() -> dict[str, float]:
    """Seconds by stage of the request that is being answered, so far."""
    if "stages" not in g:
        g.stages = {}
    timed: dict[str, float] = g.stages
    return timed


def server_timing(seconds: dict[str, float]) -> str:
    """The value of the `Server-Timing` header (W3C), in milliseconds."""
    return ", ".join(f"{name};dur={value * 1000:.1f}" for name, value in seconds.items())
