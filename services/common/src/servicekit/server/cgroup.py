"""The limits of the container in which this process runs, by its control group: version 2, or 1 on older systems."""

from __future__ import annotations

from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
# Version 1 writes a limit that is none as the largest number of pages, in bytes.
NO_LIMIT = 2**60


def memory_limit(cgroup: Path = ROOT) -> int | None:
    """The limit of memory in bytes; None if there is none.

    Args:
        cgroup: where the control group is mounted.
    """
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        try:
            limit = int((cgroup / name).read_text())
        except (OSError, ValueError):  # no such file in the other version and on other systems; "max" is no number
            continue
        return limit if limit < NO_LIMIT else None
    return None


def core_quota(cgroup: Path = ROOT) -> float | None:
    """The quota of processor time, in cores; None if there is none.

    Args:
        cgroup: where the control group is mounted.
    """
    try:
        quota, period = map(int, (cgroup / "cpu.max").read_text().split())
    except (OSError, ValueError):
        try:
            quota, period = (int((cgroup / "cpu" / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
        except (OSError, ValueError):
            return None
    return quota / period if quota > 0 else None
