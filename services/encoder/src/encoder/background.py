"""Threads that leave the processor to searches: pictures are computed in them, while texts are not."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor

# Of a busy core, such a thread gets about a tenth of what a thread of normal priority gets: searches come first, and
# pictures are still added while searches never pause.
NICE = 10


def lower_priority() -> None:
    """Lower the priority of the calling thread, and of the threads that it starts afterwards.

    Only Linux has priorities of threads; elsewhere `os.nice` would lower the whole process, so nothing is done.
    """
    if sys.platform == "linux":
        os.nice(NICE)


def background_threads(name: str, count: int) -> ThreadPoolExecutor:
    """A pool of `count` threads of low priority."""
    return ThreadPoolExecutor(count, thread_name_prefix=name, initializer=lower_priority)
