"""The memory that pictures may take while they are decoded.

Files that are small on the disk become large: a WebP of 24 megapixels takes 390 MB. Several at once would take more
than the container has, and the system would end the process with all that is under way.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servicekit.deadline import time_left
from servicekit.errors import Kind, ServiceError
from servicekit.pictures import decoding_bytes
from servicekit.server.cgroup import ROOT, memory_limit

# The least that is granted, enough for photographs of 50 megapixels in JPEG and for most other files.
LEAST = 64 * 2**20
PATIENCE_S = 60.0


def memory_left(own: int, cgroup: Path = ROOT) -> int:
    """The memory for decoding in bytes: what the container's limit leaves, else a quarter of the machine's memory.

    Args:
        own: what the service takes besides, in bytes.
        cgroup: where the control group of this process is mounted.
    """
    limit = memory_limit(cgroup)
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(LEAST, machine // 4 if limit is None else limit - own)


class DecodeMemory:
    """The memory of decoded pictures, for all threads of a process together."""

    def __init__(self, limit: int) -> None:
        """Grant `limit` bytes."""
        self._limit, self._taken = limit, 0
        self._changed = threading.Condition()

    @contextmanager
    def room_for(self, content: bytes, draft: int | None = None) -> Iterator[None]:
        """Wait until a picture can be decoded, and hold its memory for the block, in which it must be dropped.

        Args:
            content: the file's bytes.
            draft: the pixels per side that the caller needs.

        Raises:
            ServiceError: the picture takes more than the limit (413); others hold the memory for too long (429).
        """
        need = decoding_bytes(content, draft)
        if need > self._limit:
            detail = (
                f"decoding the picture takes {need // 2**20} MiB of memory; there are {self._limit // 2**20} MiB: "
                "save it as a JPEG or smaller, or give the service more memory"
            )
            raise ServiceError(Kind.TOO_LARGE, detail, limit=self._limit, unit="bytes-of-memory")
        left = time_left()
        until = time.monotonic() + (PATIENCE_S if left is None else min(PATIENCE_S, left))
        with self._changed:
            if not self._changed.wait_for(lambda: self._taken + need <= self._limit, until - time.monotonic()):
                raise ServiceError(Kind.TOO_MANY_REQUESTS, "busy with other large pictures; try again", retry_after=1)
            self._taken += need
        try:
            yield
        finally:
            with self._changed:
                self._taken -= need
                self._changed.notify_all()
