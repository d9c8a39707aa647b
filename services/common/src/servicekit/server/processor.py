"""The cores that this process may use, and threads that leave them to searches."""

from __future__ import annotations

import math
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from servicekit.server.cgroup import ROOT, core_quota

# What is computed for pictures gets about a tenth of a busy core's time: searches come first, and pictures are still
# added while searches never pause.
NICE = 10


def available_cores(cgroup: Path = ROOT) -> int:
    """The number of cores that this process may use: by CPU affinity, and by the quota of its container.

    A runtime's default is all cores of the machine, and threads beyond the quota stop each other.

    Args:
        cgroup: where the control group of this process is mounted.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = core_quota(cgroup)
    return cores if quota is None else min(cores, max(1, math.ceil(quota)))


def lower_priority() -> None:
    """Lower the priority of the calling thread.

    Only Linux has priorities of threads; elsewhere `os.nice` would lower the whole process, so nothing is done.
    """
    if sys.platform == "linux":
        os.nice(NICE)


def background_threads(name: str, count: int) -> ThreadPoolExecutor:
    """A pool of `count` threads of low priority."""
    return ThreadPoolExecutor(count, thread_name_prefix=name, initializer=lower_priority)
