"""The cores that this process may use, and threads that leave them to searches."""

from __future__ import annotations

import math
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# What is computed for pictures gets about a tenth of a busy core's time: searches come first, and pictures are still
# added while searches never pause.
NICE = 10


def available_cores(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """The number of cores that this process may use: by CPU affinity, and by the quota of its container.

    A runtime's default is all cores of the machine, and threads beyond the quota stop each other.

    Args:
        cgroup: where the control group of this process is mounted (cgroup v2).
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
        return min(cores, max(1, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):  # no such file on other systems; "max" is no number
        return cores


def lower_priority() -> None:
    """Lower the priority of the calling thread.

    Only Linux has priorities of threads; elsewhere `os.nice` would lower the whole process, so nothing is done.
    """
    if sys.platform == "linux":
        os.nice(NICE)


def background_threads(name: str, count: int) -> ThreadPoolExecutor:
    """A pool of `count` threads of low priority."""
    return ThreadPoolExecutor(count, thread_name_prefix=name, initializer=lower_priority)
