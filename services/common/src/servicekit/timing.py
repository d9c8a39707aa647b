"""Times the stages of a request, for the `Server-Timing` header, for Prometheus and for `explain`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from flask import g, has_request_context

from servicekit.tracing import span


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Time a stage of the current request; repeated stages with the same name add up."""
    started = time.perf_counter()
    try:
        with span(name):
            yield
    finally:
        if has_request_context():
            seconds = stages()
            seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - started


def stages() -> dict[str, float]:
    """Seconds by stage of the current request, so far."""
    if "stages" not in g:
        g.stages = {}
    timed: dict[str, float] = g.stages
    return timed


def server_timing(seconds: dict[str, float]) -> str:
    """The value of the `Server-Timing` header (W3C), in milliseconds."""
    return ", ".join(f"{name};dur={value * 1000:.1f}" for name, value in seconds.items())
